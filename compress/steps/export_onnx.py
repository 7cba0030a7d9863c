"""Export a torch artifact as an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from xpareto.compress.core import Artifact, Context, Format, Head, Step, StepResult
from xpareto.compress.heads import NOT_DEPLOYED
from xpareto.compress.onnx import export


class ExportOnnx(Step):
    """Write model.onnx, config.json and the tokenizer's files, checked against torch on random input.

    Inputs: int64 `input_ids` and `attention_mask`, (batch_size, sequence_length), both dynamic.
    Outputs: `logits`; for qa `start_logits` and `end_logits`; for an encoder `last_hidden_state`. An encoder
    that is read at an earlier layer (train's `layer`) ends there: its last hidden state is the one that is
    scored, and the layers above are left out. Weights of over 16 MB lie in model.onnx_data
    beside the graph, from where runtimes map them in place of copying them. Codes that quantize_aware learned go along.

    What differs from torch by more than `tolerance` is an error, but where rounding alone is the cause: where the graph
    is about as near to torch in float64 as torch in float32 is. Pruning that fits weights anew can leave such models.

    Attention is exported as plain products and a softmax, without fused operators of onnxruntime: the
    graph then runs anywhere, has a quarter fewer nodes than the export of torch's fused attention, and
    the fused variants were within noise of it (1x16 to 8x128, onnxruntime 1.32, AVX2).

    With `packed` a row may hold several sequences: `attention_mask` numbers them 1, 2, ... (0 is padding), each
    token sees its own sequence alone, and positions begin anew in each. Masks of zeros and ones mean what
    they always did, so the graph serves wherever a plain one does. A classification then has one row of
    logits per sequence. Needed for `measure.batching: packed`; it costs a mask of length x length per row.

    ```yaml
    - {step: export_onnx, tolerance: 1.0e-4}
    ```
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "onnx"
    version: ClassVar[int] = 3
    refuses: ClassVar[Mapping[Head, str]] = NOT_DEPLOYED
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "onnx", "onnxscript")

    opset: int = Field(default=20, ge=18, le=22, description="ONNX operator set")
    tolerance: float = Field(
        default=1e-4, gt=0, description="greatest difference from torch, over max(1, largest output)"
    )
    packed: bool = Field(
        default=False, description="the mask may number several sequences in a row (block-diagonal attention)"
    )
    parity_shapes: int = Field(default=4, ge=2, le=64, description="random inputs to compare on")

    def needs(self) -> Mapping[str, str]:
        return (
            {"own_shapes": "packed: rows of several sequences are read by XLM-R and BERT"}
            if self.packed
            else {}
        )

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None
        manifest = source.manifest
        notes = export(
            source, target, threads=context.threads, opset=self.opset, tolerance=self.tolerance,
            packed=self.packed, parity_shapes=self.parity_shapes, progress=context.progress,
        )  # fmt: skip
        return StepResult("onnx", manifest.head, manifest.labels, manifest.training_set, notes=notes)


STEP = ExportOnnx
