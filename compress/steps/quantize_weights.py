"""Store an ONNX model's weights in 4 or 8 bits per block, or in halves; activations stay in float."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from xpareto.compress.core import (
    Artifact,
    ChainState,
    Context,
    Format,
    Head,
    IncompatibleStep,
    InputError,
    Rule,
    Step,
    StepResult,
)
from xpareto.compress.onnx import ONCE, rewrite
from xpareto.compress.onnx import weights as onnx_weights
from xpareto.compress.quantization import saturation as int8_overflow
from xpareto.compress.quantization.graph import Rows, table_nodes, with_blocks, with_halves, with_rows

if TYPE_CHECKING:
    from onnx import ModelProto


class QuantizeWeights(Step):
    """Weight-only quantization: products in blocks of 4 or 8 bits, embeddings in rows of few bits.

    Rounding to nearest with one scale for each block of `block_size` inputs of an output channel, as in
    GPTQ's and AWQ's baselines (Frantar et al. 2023; Lin et al. 2024); no data is needed. onnxruntime
    computes such products as MatMulNBits. `accuracy_level` says how: 4 codes every token's activations
    in 8 bits, block by block, and adds up integers; 1 decodes the weights and computes in float32, which
    is exact and slow on long inputs; 0 leaves the choice to onnxruntime.

    The embeddings, 69 % of XLM-R base's weights, tolerate 4 bits (rows in blocks of `block_size`,
    GatherBlockQuantized); int8 has one scale per row, in a large table one of 256, and is plain ONNX, and so are
    the positions beside int4. fp16 and bf16 halve the file:
    products are cast to float32 once, when the model is loaded, so that memory and speed are those of
    float32; embedding rows are cast when they are looked up and stay halves in memory.

    ```yaml
    - {step: quantize_weights, products: int4, embeddings: int4, exclude_nodes: ["*.layer.0.*"]}
    ```
    """

    takes: ClassVar[Format | None] = "onnx"
    gives: ClassVar[Format] = "onnx"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "ml-dtypes")
    rules: ClassVar[tuple[Rule, ...]] = (ONCE,)

    products: Rows = Field(
        default="int4", description="weights of the products: int4, int8, fp16, bf16 or float"
    )
    embeddings: Rows = Field(
        default="int8", description="embeddings: int8, int4 (words), fp16, bf16 or float"
    )
    block_size: Literal[16, 32, 64, 128, 256] = Field(
        default=32, description="entries that share a scale, for int4 and int8 products and int4 embeddings"
    )
    symmetric: bool = Field(default=True, description="blocks around zero; false: with a zero point each")
    accuracy_level: Literal[0, 1, 4] = Field(
        default=4,
        description="how products are computed: 4 in integers, 1 in float32, 0 as onnxruntime likes",
    )
    exclude_nodes: list[str] = Field(
        default=[], description="glob patterns of node names to leave in float32", examples=[["*.layer.0.*"]]
    )
    overflow: int8_overflow.Overflow = Field(
        default="warn", description="where 8-bit products saturate on this CPU: warn, refuse or ignore"
    )

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        if self.products == self.embeddings == "float":
            raise IncompatibleStep(
                "quantize_weights: products and embeddings are both float: nothing would change."
            )
        return state

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None
        notes: dict[str, Any] = {}
        if self.products == "int8" and self.accuracy_level != 1:
            notes["overflow"] = int8_overflow.check_blocks(self.overflow, self.block_size, "quantize_weights")

        def change(model: ModelProto) -> tuple[ModelProto, dict[str, Any]]:
            weight_products = onnx_weights.weight_products(model)
            operators = {name: product.operator for name, product in weight_products.items()}
            del weight_products
            operators.update(dict.fromkeys(table_nodes(model), "Gather"))
            if not operators:
                raise InputError("quantize_weights: the model holds no float32 weight to quantize.")
            excluded = onnx_weights.match_nodes(self.exclude_nodes, list(operators), "exclude_nodes")
            chosen = {name: kind for name, kind in operators.items() if name not in set(excluded)}
            lookups = [
                name for name, kind in chosen.items() if kind == "Gather" and self.embeddings != "float"
            ]
            products = [
                name for name, kind in chosen.items() if kind != "Gather" and self.products != "float"
            ]
            if not lookups and not products:
                raise InputError("quantize_weights: nothing is left to quantize. Exclude fewer nodes.")
            counts = Counter(operators[name] for name in (*lookups, *products))
            return self._changed(model, lookups, products), {
                "quantized_nodes": dict(sorted(counts.items())),
                "excluded_nodes": excluded,
                "bits": {"products": self.products, "embeddings": self.embeddings},
                **notes,
            }

        return rewrite(source, target, context, change, "quantizing")

    def _changed(self, model: ModelProto, lookups: list[str], products: list[str]) -> ModelProto:

        if lookups:
            model = with_rows(model, lookups, self.embeddings, self.block_size)
        if products and self.products in ("fp16", "bf16"):
            with_halves(model, products, self.products)
        elif products:
            bits = 4 if self.products == "int4" else 8
            model = with_blocks(model, products, bits, self.block_size, self.symmetric, self.accuracy_level)
        return model


STEP = QuantizeWeights
