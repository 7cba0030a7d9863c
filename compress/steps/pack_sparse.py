"""Store the zeros of an ONNX model's sparse matrices as single bits."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from xpareto.compress.core import Artifact, Context, Format, Rule, Step, StepResult
from xpareto.compress.onnx import MODEL, Reference, copy_others, file_bytes, parity, with_packed_zeros, write

_BATCHES = 4


class PackSparse(Step):
    """Store every sparse matrix as its non-zero values and one bit per place: a smaller file, the same model.

    After prune_sparse, the export and any quantization. Half the weights cost 0.53 of
    the bytes in float32 and 0.63 in int8; at 80 % zeros it is 0.23 and 0.33. Standard operators (opset 18)
    unpack them, and since all their inputs are constant, onnxruntime does so once, when it loads the file:
    latency and memory in use are those of the dense model, and loading takes longer. A runtime without
    constant folding would unpack at every call. ONNX's own sparse_initializer loads, too, but holds an
    int64 index per value: it shrinks float32 only above two thirds of zeros, so it is not used.

    A matrix that would not be smaller stays as it is; a model without any other is left as it is.
    The notes hold the bytes before and after, and the drift, which is 0 but for the order of sums.

        - {step: prune_sparse, sparsity: 0.7}
        - {step: export_onnx}
        - {step: pack_sparse}
    """

    takes: ClassVar[Format | None] = "onnx"
    gives: ClassVar[Format] = "onnx"
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("after", ("prune_sparse",), why="only sparse weights can be packed", fix="Put prune_sparse first."),
        Rule(
            "never_before",
            (
                "smooth_quant", "quantize_dynamic", "quantize_static", "quantize_weights", "quantize_mixed",
                "pack_sparse",
            ),
            why="what follows would find the weights packed away",
            fix="Pack at the end.",
        ),
    )  # fmt: skip

    tolerance: float = Field(
        1e-4, gt=0, description="greatest difference from the dense model, over max(1, largest output)"
    )

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        import onnx

        assert source is not None, "the plan checks that pack_sparse has a source"
        manifest = source.manifest
        context.progress(0, 3, "reference outputs")
        reference = Reference.of(source, _BATCHES, context.threads)

        context.progress(1, 3, "packing")
        model, sizes = with_packed_zeros(onnx.load(source.file(MODEL)))
        write(model, target)
        del model
        copy_others(source, target)

        context.progress(2, 3, "comparing with the dense model")
        drifts = reference.drift(target, context.threads)
        parity.require(drifts, self.tolerance, reference.shapes)
        context.progress(3, 3, "done")
        notes: dict[str, Any] = {
            "matrices": len(sizes),
            "matrix_bytes_before": sum(dense for dense, _ in sizes.values()),
            "matrix_bytes": sum(small for _, small in sizes.values()),
            **file_bytes(source, target),
            "drift": {name: asdict(output_drift) for name, output_drift in drifts.items()},
            "runtimes": "unpacked when onnxruntime loads it: latency and memory are those of the dense model",
        }
        return StepResult(
            "onnx", manifest.head, manifest.labels, manifest.training_set, manifest.layer, notes
        )


STEP = PackSparse
