"""Where the time of a pass goes: by operator, and by part of the encoder."""

from __future__ import annotations

from collections.abc import Iterator

from xpareto.eval.probes.shapes import SHAPES, largest, random_inputs, refuse_long
from xpareto.eval.probing import MeasurementContext, Probe
from xpareto.eval.records import Measurement
from xpareto.eval.roofline import profile
from xpareto.eval.runtimes.onnxruntime import MODEL, OnnxRuntime, OnnxSettings, open_file, session_options

_PASSES = 5


class Operators(Probe):
    """Rows of ms per pass at each shape: operator_time per operator, component_time per part; onnxruntime.

    From passes with onnxruntime's profiler on, which slows them a little: compare the shares, and take
    times from the probe shapes. `component` is SHAPE OPERATOR, such as `8x128 MatMul`, or SHAPE PART:
    embeddings, attention, ffn, head, other. What lies between operators is a row of its own, so that
    each of the two sets adds up to the pass. Another runtime has one "missing" row.
    """

    name = "operators"
    taken = "once"
    timed = True
    place = 70

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield the rows of every shape."""
        if not isinstance(context.runtime, OnnxRuntime):
            yield context.row(
                self.name, "operator_time", None, "ms", status="missing",
                error=f"only onnxruntime tells the time of its operators, not {context.runtime.name}",
            )  # fmt: skip
            return
        import onnxruntime

        training_set = largest(context)
        artifact = context.artifacts[training_set]
        context.close()  # its threads would spin beside those that are profiled
        settings = OnnxSettings.model_validate(context.option("runtime", None) or {})
        for shape in context.option("shapes", SHAPES):
            common = {"training_set": training_set, "basis": "measured"}
            too_long = refuse_long(context, training_set, shape)
            if too_long:
                yield context.row(
                    self.name, "operator_time", None, "ms", training_set=training_set, component=shape,
                    status="missing", error=too_long,
                )  # fmt: skip
                continue
            ids, mask = random_inputs(context, training_set, shape)
            profiled = profile(
                lambda options: open_file(artifact.file(MODEL), options),
                session_options(context.job.threads, onnxruntime, settings),
                {"input_ids": ids, "attention_mask": mask},
                _PASSES,
                context.folder / self.name,
            )
            for statistic, times in (
                ("operator_time", profiled.by_operator), ("component_time", profiled.by_component)
            ):  # fmt: skip
                for part, value in times.items():
                    yield context.row(
                        self.name, statistic, value, "ms", **common, component=f"{shape} {part}",
                        examples=len(ids),
                        instrument=f"onnxruntime's profiler, {profiled.passes} passes of "
                        f"{profiled.total_ms:.3f} ms",
                    )  # fmt: skip


PROBE = Operators()
