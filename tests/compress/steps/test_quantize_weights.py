"""Block-wise weights are what a slow, direct quantizer gives, and every setting runs and is close."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.compress.tiny_onnx import TOKENS, VOCAB, WIDTH, apply, onnx_model, operators
from xpareto.compress.core.artifact import Artifact, Head
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, IncompatibleStep
from xpareto.compress.onnx import parity
from xpareto.compress.quantization.graph.embeddings import quantize_rows
from xpareto.compress.quantization.int4 import packed, quantize_blocks
from xpareto.compress.steps.quantize_weights import STEP

BLOCK = 16


def quantize(source: Artifact, target: Path, **fields: Any) -> Artifact:
    return apply(STEP(**{"block_size": BLOCK, **fields}), source, target)


def assert_same(first: Path, second: Path, ids: np.ndarray, tolerance: float) -> None:
    runs = [parity.onnx_run(file, 1)(ids, np.ones_like(ids)) for file in (first, second)]
    for name in runs[0]:
        np.testing.assert_allclose(runs[0][name], runs[1][name], atol=tolerance)


def slow_blocks(values: list[float], bits: int, symmetric: bool) -> tuple[list[int], float, int]:
    """Code one block, value by value, in float32 as onnxruntime rounds: (codes, scale, zero point)."""
    top, middle = 2**bits - 1, 2 ** (bits - 1)
    if symmetric:
        peak = max(values, key=abs)  # signed: its code is 0, that is -middle
        scale = np.float32(peak) / np.float32(-middle)
        zero = middle
    else:
        low, high = min(*values, 0.0), max(*values, 0.0)
        scale = (np.float32(high) - np.float32(low)) / np.float32(top)
        zero = round(float(-np.float32(low) / scale)) if scale else 0
    codes = [
        min(top, max(0, round(float(np.float32(value) * (np.float32(1) / scale)) + zero))) if scale else zero
        for value in values
    ]
    return codes, float(scale), zero


def stored_blocks(artifact: Artifact, name: str) -> dict[str, Any]:
    """Read a MatMulNBits node: codes (outputs, blocks, block), scales, zero points, attributes."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(artifact.file("model.onnx")).graph
    node = next(one for one in graph.node if one.op_type == "MatMulNBits" and one.name.startswith(name))
    tensors = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    attributes = {one.name: one.i for one in node.attribute}
    codes = tensors[node.input[1]]
    if attributes["bits"] == 4:
        codes = np.stack([codes & 15, codes >> 4], axis=-1).reshape(*codes.shape[:2], -1)
    scales = tensors[node.input[2]].reshape(codes.shape[:2])
    zeros = None
    if len(node.input) > 3:
        zeros = tensors[node.input[3]].reshape(len(codes), -1)
        if attributes["bits"] == 4:
            zeros = np.stack([zeros & 15, zeros >> 4], axis=-1).reshape(len(codes), -1)
        zeros = zeros[:, : codes.shape[1]]
    return {**attributes, "codes": codes, "scales": scales, "zeros": zeros}


@pytest.mark.parametrize(
    ("products", "symmetric"), [("int4", True), ("int4", False), ("int8", True), ("int8", False)]
)
def test_the_blocks_are_those_of_a_slow_direct_quantizer(
    tmp_path: Path, products: str, symmetric: bool
) -> None:
    import onnx

    from xpareto.compress.onnx.weights import weight_products

    source, bits = onnx_model("tagging"), int(products[-1])
    name = "roberta.encoder.layer.1.output.dense/MatMul"
    weight = weight_products(onnx.load(source.file("model.onnx")))[
        name
    ].weight  # (24, 16): a block and a half
    found = stored_blocks(quantize(source, tmp_path / "made", products=products, symmetric=symmetric), name)
    assert (found["K"], found["N"], found["bits"], found["block_size"]) == (*weight.shape, bits, BLOCK)
    assert found["accuracy_level"] == 4 and (found["zeros"] is None) == symmetric
    for output in range(weight.shape[1]):
        for block in range(2):
            values = weight[block * BLOCK : (block + 1) * BLOCK, output].tolist()
            codes, scale, zero = slow_blocks(values, bits, symmetric)
            assert found["scales"][output, block] == pytest.approx(scale, rel=1e-6)
            assert symmetric or found["zeros"][output, block] == zero
            mine = found["codes"][output, block, : len(values)].astype(int)
            # a value halfway between two codes may go either way
            assert np.abs(mine - codes).max() <= 1 and (mine != codes).mean() <= 0.1


@given(arrays.arrays(np.float32, (3, 40), elements=st.integers(-9999, 9999).map(lambda part: part / 7)))
def test_four_bit_rows_are_those_of_the_slow_quantizer(matrix: np.ndarray) -> None:
    codes, scales = quantize_blocks(matrix, BLOCK)
    assert codes.max() <= 15 and scales.shape == (3, 3)
    for row in range(3):
        for block in range(3):
            values = matrix[row, block * BLOCK : (block + 1) * BLOCK]
            decoded = (codes[row, block * BLOCK : (block + 1) * BLOCK].astype(float) - 8) * float(
                scales[row, block]
            )
            _, scale, _ = slow_blocks(values.tolist(), 4, True)
            if abs(scale) > 1e-30:
                assert abs(scales[row, block]) == pytest.approx(abs(scale), rel=1e-6)
            step = abs(float(scales[row, block]))
            clipped = np.clip(values / np.float32(scales[row, block]), -8, 7) * np.float32(scales[row, block])
            assert np.abs(decoded - clipped).max() <= 0.501 * step


def test_the_lookup_of_four_bit_rows_is_exact(tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    source = onnx_model("encoder", 1)
    made = quantize(source, tmp_path / "made", products="float", embeddings="int4")
    tensors = {
        one.name: numpy_helper.to_array(one) for one in onnx.load(source.file("model.onnx")).graph.initializer
    }
    codes, scales = quantize_blocks(tensors["embeddings.word_embeddings.weight"], BLOCK)
    table = (codes.astype(np.float32) - 8) * scales.repeat(BLOCK, axis=1)
    stored = {
        one.name: numpy_helper.to_array(one) for one in onnx.load(made.file("model.onnx")).graph.initializer
    }
    np.testing.assert_array_equal(stored["embeddings.word_embeddings.weight_quantized"], packed(codes))
    places, steps = quantize_rows(tensors["embeddings.position_embeddings.weight"])
    tables = {"word": table.astype(np.float32), "position": places * steps}
    plain = onnx.load(source.file("model.onnx"))
    for tensor in plain.graph.initializer:
        for kind, rows in tables.items():
            if tensor.name == f"embeddings.{kind}_embeddings.weight":
                tensor.CopyFrom(numpy_helper.from_array(rows, tensor.name))
    onnx.save(plain, tmp_path / "plain.onnx")
    ids = np.arange(4, VOCAB - 1).reshape(4, -1)
    runs = [
        parity.onnx_run(file, 1)(ids, np.ones_like(ids))
        for file in (made.file("model.onnx"), tmp_path / "plain.onnx")
    ]
    for name in runs[0]:
        np.testing.assert_allclose(runs[0][name], runs[1][name], atol=1e-5)


def test_products_computed_in_float_are_the_decoded_weights_exactly(tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    source = onnx_model("tagging")
    made = quantize(source, tmp_path / "made", products="int4", embeddings="float", accuracy_level=1)
    decoded = onnx.load(source.file("model.onnx"))
    weights = {node.input[1]: node.name for node in decoded.graph.node if node.op_type == "MatMul"}
    for tensor in decoded.graph.initializer:
        if tensor.name in weights:
            found = stored_blocks(made, weights[tensor.name])
            value = (found["codes"].astype(np.float32) - 8) * found["scales"][..., None]
            value = value.reshape(found["N"], -1)[:, : found["K"]].T
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), tensor.name))
    onnx.save(decoded, tmp_path / "decoded.onnx")
    ids = np.random.default_rng(0).integers(4, VOCAB, (3, 9))
    runs = [
        parity.onnx_run(file, 1)(ids, np.ones_like(ids))
        for file in (made.file("model.onnx"), tmp_path / "decoded.onnx")
    ]
    np.testing.assert_allclose(runs[0]["logits"], runs[1]["logits"], atol=1e-4)


@pytest.mark.parametrize(
    ("head", "layer"), [("classification", None), ("tagging", None), ("qa", None), ("encoder", 1)]
)
@pytest.mark.parametrize(("products", "embeddings"), [("int8", "int8"), ("int4", "int4"), ("fp16", "bf16")])
def test_every_head_runs_and_is_close(
    tmp_path: Path, head: Head, layer: int | None, products: str, embeddings: str
) -> None:
    source = onnx_model(head, layer)
    made = quantize(source, tmp_path / "made", products=products, embeddings=embeddings)
    notes = made.manifest.notes
    layers = layer or 2  # an encoder is exported up to the layer that is read
    count = 6 * layers + {"classification": 2, "encoder": 0}.get(head, 1)
    blockwise = count if products.startswith("int") else 0
    assert notes["products"] == {
        "integer": 0,
        "blockwise": blockwise,
        "float": 2 * layers + count - blockwise,
    }
    assert sum(notes["quantized_nodes"].values()) == count + 2  # words and positions
    for drift in notes["drift"].values():
        limit = {"int8": 0.02, "int4": 0.2, "fp16": 0.01}[products]
        assert 0 < drift["mean_abs_diff"] < limit * drift["max_abs_reference"]
    before, after = notes["weight_bytes_before"], notes["weight_bytes_after"]
    assert after["encoder"] < before["encoder"] and after["embeddings"] < before["embeddings"]
    assert made.manifest.layer == source.manifest.layer
    source.verify()


def test_sizes_are_those_of_the_bits(tmp_path: Path) -> None:
    source = onnx_model("encoder", 1)
    table, places, saved = VOCAB * WIDTH, TOKENS + 2, {}
    for rows in ("int8", "int4", "fp16", "bf16"):
        made = quantize(source, tmp_path / rows, products="float", embeddings=rows)
        sizes = made.manifest.notes
        saved[rows] = sizes["weight_bytes_before"]["embeddings"] - sizes["weight_bytes_after"]["embeddings"]
    assert saved == {
        "int8": 3 * (table + places * WIDTH) - 4 * (VOCAB + places),
        "int4": 4 * table - table // 2 - 4 * VOCAB + 3 * places * WIDTH - 4 * places,
        "fp16": 2 * (table + places * WIDTH),
        "bf16": 2 * (table + places * WIDTH),
    }


@pytest.mark.parametrize("kind", ["fp16", "bf16"])
def test_halves_are_the_rounded_weights(tmp_path: Path, kind: str) -> None:
    import ml_dtypes
    import onnx
    from onnx import numpy_helper

    source = onnx_model("tagging")
    made = quantize(source, tmp_path / "made", products=kind, embeddings=kind)
    to = np.float16 if kind == "fp16" else ml_dtypes.bfloat16
    rounded = onnx.load(source.file("model.onnx"))
    names = {node.input[1] for node in rounded.graph.node if node.op_type in ("MatMul", "Gemm")}
    names |= {f"roberta.embeddings.{kind}_embeddings.weight" for kind in ("word", "position")}
    for tensor in rounded.graph.initializer:
        if tensor.name in names:
            value = numpy_helper.to_array(tensor).astype(to).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    onnx.save(rounded, tmp_path / "rounded.onnx")
    ids = np.random.default_rng(0).integers(4, VOCAB, (3, 9))
    runs = [
        parity.onnx_run(file, 1)(ids, np.ones_like(ids))
        for file in (made.file("model.onnx"), tmp_path / "rounded.onnx")
    ]
    np.testing.assert_allclose(runs[0]["logits"], runs[1]["logits"], atol=1e-6)


def test_nodes_can_be_left_out(tmp_path: Path) -> None:
    made = quantize(onnx_model("tagging"), tmp_path / "made", exclude_nodes=["*.layer.0.*"])
    assert len(made.manifest.notes["excluded_nodes"]) == 6
    assert operators(made)["MatMulNBits"] == 7
    with pytest.raises(InputError, match="nothing is left to quantize"):
        quantize(onnx_model("tagging"), tmp_path / "none", exclude_nodes=["*"])


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    first, second = (quantize(onnx_model("tagging"), tmp_path / name, embeddings="int4") for name in "ab")
    assert first.digest == second.digest


def test_the_process_keeps_its_logging(tmp_path: Path) -> None:
    import logging

    root = logging.getLogger()
    before = (list(root.handlers), root.level, root.manager.disable)
    quantize(onnx_model("tagging"), tmp_path / "made")
    assert (list(root.handlers), root.level, root.manager.disable) == before


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(IncompatibleStep, match=r"quantize_weights takes onnx, but it is given torch"):
        STEP().follow(ChainState("torch", "tagging"), {})
    with pytest.raises(IncompatibleStep, match="nothing would change"):
        STEP(products="float", embeddings="float").follow(ChainState("onnx", "tagging"), {})
