"""How near a candidate comes to what this machine can do at best with its operations and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xpareto.eval.probes.shapes import SHAPES, largest, random_inputs, refuse_long
from xpareto.eval.probing import MeasurementContext, Probe, Times, time_calls
from xpareto.eval.records import Measurement
from xpareto.eval.roofline import Roof, Work, bandwidth, encoder_work, in_precision, onnx_work, peaks
from xpareto.eval.runtimes.onnxruntime import MODEL


class Roofline(Probe):
    """Operations, bytes, attainable and attained rate at each shape, and the machine's peaks.

    Per shape (`component`): operations and weight_bytes, activation_bytes (exact, from the graph),
    intensity (operations per byte that has to move), attainable_rate, attained_rate (operations per
    second, of the median pass) and roofline_share (percent). Per precision: peak_rate; and
    peak_bandwidth. The peaks are measured in this process, pinned as it is, after the candidate was timed
    and closed; see eval.roofline.peak_rates and eval.roofline.bound.
    """

    name = "roofline"
    taken = "in blocks"
    timed = True
    place = 60

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield the rows of every shape."""
        seconds = float(context.option("seconds", 2.0))
        training_set = largest(context)
        common: dict[str, Any] = {"training_set": training_set}
        timed: dict[str, tuple[Work, Times]] = {}
        for shape in context.option("shapes", SHAPES):
            too_long = refuse_long(context, training_set, shape)
            if too_long:
                yield context.row(
                    self.name, "roofline_share", None, "percent", **common, component=shape,
                    status="missing", error=too_long,
                )  # fmt: skip
                continue
            ids, mask = random_inputs(context, training_set, shape)
            session = context.session(training_set)
            times = time_calls([lambda i=ids, m=mask, s=session: s.run(i, m)], seconds)  # type: ignore[misc]
            timed[shape] = _work(context, training_set, *ids.shape), times
        context.close()  # idle threads may spin
        wanted = {name for work, _ in timed.values() for name in work.operations}
        roof = Roof(
            peaks(sorted(wanted), context.job.threads, seconds), bandwidth(context.job.threads, seconds)
        )
        for name, peak in roof.peaks.items():
            yield context.row(self.name, "peak_rate", peak.rate, "op/s", component=name, basis="measured",
                             instrument=peak.instrument)  # fmt: skip
        yield context.row(self.name, "peak_bandwidth", roof.bandwidth.rate, "bytes/s", basis="measured",
                         instrument=roof.bandwidth.instrument)  # fmt: skip
        for shape, (work, times) in timed.items():
            median = times.round_seconds()
            shape_fields = {**common, "component": shape}
            counted = {
                "operations": (work.total, "op"), "weight_bytes": (work.weight_bytes, "bytes"),
                "activation_bytes": (work.activation_bytes, "bytes"), "intensity": (work.intensity, "op/byte"),
            }  # fmt: skip
            for statistic, (value, unit) in counted.items():
                if value is not None:
                    yield context.row(self.name, statistic, float(value), unit, **shape_fields,
                                     instrument=_precisions(work))  # fmt: skip
            measured = {
                "attainable_rate": (work.total / roof.least_seconds(work), "op/s"),
                "attained_rate": (work.total / median, "op/s"),
                "roofline_share": (100 * roof.share(work, median), "percent"),
            }
            for statistic, (value, unit) in measured.items():
                yield context.row(
                    self.name, statistic, value, unit, **shape_fields, basis="measured",
                    instrument=f"median of {times.told()}, bound by {roof.bound(work)}",
                )  # fmt: skip


def _work(context: MeasurementContext, training_set: str, batch: int, length: int) -> Work:
    artifact = context.artifacts[training_set]
    precision = str((context.option("runtime", None) or {}).get("precision", "fp32"))
    if artifact.manifest.format == "torch":
        return encoder_work(artifact, batch, length, precision)
    return in_precision(onnx_work(artifact.file(MODEL), batch, length), precision)


def _precisions(work: Work) -> str:
    """Return the share of the operations in each precision, as text.

    >>> _precisions(Work({"int8": 3, "fp32": 1}, 0, 0, 0))
    'int8 75 %, fp32 25 %'
    """
    ranked = sorted(work.operations.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {100 * count / max(1, work.total):.0f} %" for name, count in ranked)


PROBE = Roofline()
