"""Quantize an ONNX model to int8 weights; activations are quantized as they come."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from xpareto.compress.core import Artifact, Context, Format, InputError, Rule, Step, StepResult
from xpareto.compress.onnx import ONCE, rewrite
from xpareto.compress.onnx import weights as onnx_weights
from xpareto.compress.quantization import saturation as int8_overflow
from xpareto.compress.quantization.graph import table_nodes, with_dynamic, with_rows

if TYPE_CHECKING:
    from onnx import ModelProto


class QuantizeDynamic(Step):
    """int8 weights for the products, int8 rows for the embeddings (Zafrir et al. 2019, Q8BERT).

    Products (MatMul, Gemm with a weight) get symmetric int8 weights, one scale per output channel, and
    unsigned 8-bit activations whose range is taken from each input as it comes (as onnxruntime's
    quantize_dynamic has it). The embeddings of words and positions get int8 rows with a scale for each,
    in a large table one of 256 that the rows share; onnxruntime's own Gather quantization knows one range
    for the whole table only.

    `reduce_range` uses 7 bits for the products' weights: a CPU without VNNI sums pairs of u8 x s8
    products in 16 bits, which saturate at full range. Whether they do here is tried (`overflow`).

    ```yaml
    - {step: quantize_dynamic, per_channel: true, exclude_nodes: ["*.layer.0.*"]}
    ```
    """

    takes: ClassVar[Format | None] = "onnx"
    gives: ClassVar[Format] = "onnx"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    threaded: ClassVar[bool] = False
    rules: ClassVar[tuple[Rule, ...]] = (ONCE,)

    per_channel: bool = Field(default=True, description="one scale per output channel, not per matrix")
    embeddings: bool | Literal["int4"] = Field(
        default=True,
        description="embeddings in int8 rows (true), words in int4 rows in blocks, or float (false)",
    )
    reduce_range: bool = Field(default=False, description="7-bit weights, for CPUs without VNNI")
    overflow: int8_overflow.Overflow = Field(
        default="warn", description="where 8-bit products saturate on this CPU: warn, refuse or ignore"
    )
    exclude_operators: list[Literal["MatMul", "Gemm", "Gather"]] = Field(
        default=[], description="operators to leave in float32", examples=[["Gemm"]]
    )
    exclude_nodes: list[str] = Field(
        default=[], description="glob patterns of node names to leave in float32", examples=[["*.layer.0.*"]]
    )

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None
        overflow = int8_overflow.check(self.overflow, self.reduce_range, "quantize_dynamic")

        def change(model: ModelProto) -> tuple[ModelProto, dict[str, Any]]:
            kinds = {node.name: node.op_type for node in model.graph.node}
            chosen, excluded = self._choose(model)
            if not chosen:
                raise InputError(
                    "quantize_dynamic: nothing is left to quantize. Exclude fewer operators or nodes."
                )
            lookups = [name for name in chosen if kinds[name] == "Gather"]
            if lookups:
                model = with_rows(model, lookups, "int4" if self.embeddings == "int4" else "int8")
            products = [name for name in chosen if kinds[name] != "Gather"]
            if products:
                model = with_dynamic(
                    model, products, per_channel=self.per_channel, reduce_range=self.reduce_range
                )
            counts = Counter(kinds[name] for name in chosen)
            return model, {
                "quantized_nodes": dict(sorted(counts.items())),
                "excluded_nodes": excluded,
                "overflow": overflow,
            }

        return rewrite(source, target, context, change, "quantizing")

    def _choose(self, model: ModelProto) -> tuple[list[str], list[str]]:
        """Return the nodes to quantize and those left out by exclusion."""
        kinds = {node.name: node.op_type for node in model.graph.node}
        names = table_nodes(model) if self.embeddings else []
        names += onnx_weights.product_nodes(model)
        if not names:
            raise InputError("quantize_dynamic: the model holds no float32 weight to quantize.")
        by_name = set(onnx_weights.match_nodes(self.exclude_nodes, names, "exclude_nodes"))
        excluded = [name for name in names if name in by_name or kinds[name] in self.exclude_operators]
        return [name for name in names if name not in excluded], excluded


STEP = QuantizeDynamic
