"""Quantize an ONNX model to int8 weights; activations are quantized as they come."""

from __future__ import annotations

import json
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from compress import onnx_weights, parity
from compress.artifact import Artifact, Head
from compress.errors import InputError
from compress.onnx_graph import MODEL, SIDECAR
from compress.step import Context, Flow, Made, Misfit, Step

if TYPE_CHECKING:
    from onnx import ModelProto

_DRIFT_BATCHES = 6


class QuantizeDynamic(Step):
    """int8 weights for the products, int8 rows for the word embeddings (Zafrir et al. 2019, Q8BERT).

    Products (MatMul, Gemm with a weight) get symmetric int8 weights, one scale per output channel, and
    unsigned 8-bit activations whose range is taken from each input as it comes (onnxruntime's
    quantize_dynamic). The word embeddings get int8 rows with one float32 scale each; onnxruntime's own
    Gather quantization knows one range for the whole table only.

    `reduce_range` uses 7 bits for the products' weights: a CPU without VNNI sums pairs of u8 x s8
    products in 16 bits, which saturate at full range.

    ```yaml
    - {step: quantize_dynamic, per_channel: true, exclude_nodes: ["*.layer.0.*"]}
    ```
    """

    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")

    per_channel: bool = Field(default=True, description="one scale per output channel, not per matrix")
    embeddings: bool = Field(default=True, description="quantize the word embeddings, row by row")
    reduce_range: bool = Field(default=False, description="7-bit weights, for CPUs without VNNI")
    exclude_operators: list[Literal["MatMul", "Gemm", "Gather"]] = Field(
        default=[], description="operators to leave in float32", examples=[["Gemm"]]
    )
    exclude_nodes: list[str] = Field(
        default=[], description="glob patterns of node names to leave in float32", examples=[["*.layer.0.*"]]
    )

    def follow(self, flow: Flow, heads: Mapping[str, Head]) -> Flow:
        if flow.format != "onnx":
            raise Misfit(
                f"quantize_dynamic takes onnx, but it is given {flow.format or 'nothing'}. "
                "Put export_onnx before it."
            )
        return flow

    def apply(self, source: Artifact | None, target: Path, context: Context) -> Made:
        import onnx

        assert source is not None
        manifest = source.manifest
        config = json.loads(source.file("config.json").read_text(encoding="utf-8"))
        max_tokens = config["max_position_embeddings"] - config["pad_token_id"] - 1
        batches = parity.random_batches(
            config["vocab_size"], config["pad_token_id"], max_tokens, _DRIFT_BATCHES
        )
        context.progress(0, 3, "reference outputs")
        # Taken first and kept, so that the float32 session is gone before its weights are loaded again.
        run = parity.onnx_run(source.file(MODEL), context.threads)
        expected = {id(batch.input_ids): run(batch.input_ids, batch.attention_mask) for batch in batches}
        del run

        context.progress(1, 3, "quantizing")
        model = onnx.load(source.file(MODEL))
        before = onnx_weights.component_bytes(model)
        kinds = {node.name: node.op_type for node in model.graph.node}
        chosen, excluded = self._choose(model)
        if not chosen:
            raise InputError(
                "quantize_dynamic: nothing is left to quantize. Exclude fewer operators or nodes."
            )
        lookups = [name for name in chosen if kinds[name] == "Gather"]
        if lookups:
            model = onnx_weights.with_int8_embeddings(model, lookups)
        products = [name for name in chosen if kinds[name] != "Gather"]
        if products:
            model = _quantize_products(model, products, self.per_channel, self.reduce_range)
        _tidy(model)
        after = onnx_weights.component_bytes(model)
        (target / MODEL).write_bytes(model.SerializeToString(deterministic=True))
        del model
        for name in source.manifest.files:
            if name not in (MODEL, SIDECAR):
                (target / name).write_bytes(source.file(name).read_bytes())

        context.progress(2, 3, "drift")
        drifts = parity.compare(
            lambda input_ids, _: expected[id(input_ids)],
            parity.onnx_run(target / MODEL, context.threads),
            batches,
        )
        context.progress(3, 3, "done")
        notes: dict[str, Any] = {
            "quantized_nodes": dict(sorted(Counter(kinds[name] for name in chosen).items())),
            "excluded_nodes": excluded,
            "weight_bytes_before": before,
            "weight_bytes_after": after,
            "file_bytes_before": sum(
                entry.size_bytes for name, entry in manifest.files.items() if name in (MODEL, SIDECAR)
            ),
            "file_bytes_after": (target / MODEL).stat().st_size,
            "drift_shapes": [list(batch.shape) for batch in batches],
            "drift": {name: asdict(found) for name, found in drifts.items()},
        }
        return Made("onnx", manifest.head, manifest.labels, manifest.training_set, manifest.layer, notes)

    def _choose(self, model: ModelProto) -> tuple[list[str], list[str]]:
        """Return the nodes to quantize and those left out by exclusion."""
        kinds = {node.name: node.op_type for node in model.graph.node}
        names = onnx_weights.embedding_nodes(model) if self.embeddings else []
        names += onnx_weights.product_nodes(model)
        if not names:
            raise InputError("quantize_dynamic: the model holds no float32 weight to quantize.")
        by_name = set(onnx_weights.match_nodes(self.exclude_nodes, names, "exclude_nodes"))
        excluded = [name for name in names if name in by_name or kinds[name] in self.exclude_operators]
        return [name for name in names if name not in excluded], excluded


def _quantize_products(
    model: ModelProto, nodes: list[str], per_channel: bool, reduce_range: bool
) -> ModelProto:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, _quiet():
        file = Path(folder) / MODEL
        quantize_dynamic(
            model,
            file,
            op_types_to_quantize=["MatMul", "Gemm"],
            # The quantizer turns a Gemm into a MatMul of this name before it looks at the list.
            nodes_to_quantize=[*nodes, *(f"{name}_MatMul" for name in nodes)],
            per_channel=per_channel,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,  # x86 runs u8 x s8; s8 x s8 is many times slower there
            extra_options={"MatMulConstBOnly": True, "WeightSymmetric": True},
        )
        return onnx.load(file)


def _tidy(model: ModelProto) -> None:
    """Remove what the quantizer wrote beside the graph: inferred shapes, its name and version."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "xpareto", ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the advice to pre-process: the graph is optimised at export, and shapes are inferred here."""
    logger = logging.getLogger()
    disabled = logger.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)


STEP = QuantizeDynamic
