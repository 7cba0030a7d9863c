"""int8 rows lose at most half a step, and the rewritten lookup gives exactly rows times scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from xpareto.compress.core.errors import InputError
from xpareto.compress.onnx.weights import component_bytes, match_nodes, product_nodes
from xpareto.compress.quantization.graph.embeddings import (
    embedding_nodes,
    quantize_rows,
    row_scales,
    table_nodes,
    with_rows,
)


@given(arrays.arrays(np.float32, (5, 7), elements=st.floats(-1e6, 1e6, width=32)))
def test_no_entry_is_off_by_more_than_half_a_step_of_its_row(matrix: np.ndarray) -> None:
    rows, scales = quantize_rows(matrix)
    assert rows.dtype == np.int8 and scales.shape == (5, 1) and scales.dtype == np.float32
    for row, scale, exact in zip(rows.tolist(), scales[:, 0].tolist(), matrix.tolist(), strict=True):
        for value, entry in zip(row, exact, strict=True):
            assert -127 <= value <= 127
            assert abs(value * scale - entry) <= 0.5001 * scale


def test_rows_beyond_one_chunk_are_quantized_like_the_first() -> None:
    matrix = np.random.default_rng(0).normal(size=(40_000, 3)).astype(np.float32)
    rows, scales = quantize_rows(matrix)
    for index in (0, 16_383, 16_384, 39_999):
        one_row, one_scale = quantize_rows(matrix[index : index + 1])
        assert (rows[index] == one_row[0]).all() and scales[index] == one_scale[0]


def lookup_model(shared: bool):  # type: ignore[no-untyped-def]
    from onnx import TensorProto, helper, numpy_helper

    table = np.random.default_rng(1).normal(size=(11, 4)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["embeddings.table", "input_ids"], ["y"], "embeddings/Gather", axis=0)
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", "s", 4])]
    if shared:
        nodes.append(helper.make_node("Identity", ["embeddings.table"], ["z"], "graph/Identity"))
        outputs.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [11, 4]))
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "s"])]
    graph = helper.make_graph(
        nodes, "g", inputs, outputs, [numpy_helper.from_array(table, "embeddings.table")]
    )
    return table, helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize("shared", [False, True])
def test_the_rewritten_lookup_equals_numpy_and_keeps_a_shared_table(shared: bool) -> None:
    import onnx
    import onnxruntime

    table, model = lookup_model(shared)
    before = model.SerializeToString()
    assert embedding_nodes(model) == ["embeddings/Gather"]
    made = with_rows(model, ["embeddings/Gather"], "int8")
    assert model.SerializeToString() == before
    onnx.checker.check_model(made, full_check=True)
    ids = np.array([[0, 10, 3], [7, 7, 1]])
    found = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"input_ids": ids})
    rows, scales = quantize_rows(table)
    np.testing.assert_array_equal(found[0], rows[ids].astype(np.float32) * scales[ids[..., None], 0])
    assert ("embeddings.table" in {tensor.name for tensor in made.graph.initializer}) is shared
    if shared:
        np.testing.assert_array_equal(found[1], table)
    assert component_bytes(made)["embeddings"] == 11 * 4 + 11 * 4 + shared * 11 * 4 * 4


def words_and_positions(words: int, positions: int):  # type: ignore[no-untyped-def]
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(2)
    sizes = {"words": words, "positions": positions, "types": 2}
    tables = {name: random.normal(size=(size, 32)).astype(np.float32) for name, size in sizes.items()}
    tables["words"] *= np.exp(random.normal(size=(words, 1))).astype(np.float32)
    ids = ("input_ids", "places", "kinds")
    nodes = [
        helper.make_node("Gather", [f"embeddings.{name}", own], [name], f"embeddings.{name}/Gather", axis=0)
        for name, own in zip(sizes, ids, strict=True)
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "s"]) for name in ids]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", "s", 32]) for name in sizes]
    tensors = [numpy_helper.from_array(table, f"embeddings.{name}") for name, table in tables.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    return tables, helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def looked_up(model, words: int):  # type: ignore[no-untyped-def]
    import onnxruntime

    feed = {
        "input_ids": np.arange(words)[None],
        "places": np.arange(words)[None] % 9,
        "kinds": np.arange(words)[None] % 2,
    }
    found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
    return dict(zip(("words", "positions", "types"), found, strict=True)), feed


def test_rows_of_a_large_table_share_256_scales_and_are_off_by_half_a_step_at_most() -> None:
    import onnx

    words = 5000
    tables, model = words_and_positions(words, 9)
    assert table_nodes(model) == ["embeddings.words/Gather", "embeddings.positions/Gather"]
    made = with_rows(model, table_nodes(model), "int8")
    onnx.checker.check_model(made, full_check=True)
    stored = {one.name: onnx.numpy_helper.to_array(one) for one in made.graph.initializer}
    levels, codes = (stored[f"embeddings.words_scale_{part}"] for part in ("levels", "codes"))
    assert levels.shape == (256,) and codes.shape == (words, 1) and codes.dtype == np.uint8
    assert (levels[codes] >= row_scales(tables["words"])).all()
    assert component_bytes(made)["embeddings"] == (words + 9) * 32 + words + 256 * 4 + 9 * 4 + 2 * 32 * 4
    found, _ = looked_up(made, words)
    off = np.abs(found["words"][0] - tables["words"])
    assert (off <= 0.5001 * levels[codes]).all()
    own, _ = looked_up(with_rows(model, table_nodes(model), "int8", own_scales=True), words)
    error = {name: np.square(one["words"][0] - tables["words"]).mean() for name, one in
             (("shared", found), ("own", own))}  # fmt: skip
    assert error["shared"] < 1.03 * error["own"]
    np.testing.assert_array_equal(own["positions"], found["positions"])


@pytest.mark.parametrize("rows", ["int8", "int4"])
def test_positions_get_int8_rows_beside_words_in_few_bits(rows: str) -> None:
    tables, model = words_and_positions(64, 9)
    made = with_rows(model, table_nodes(model), rows)  # type: ignore[arg-type]
    found, feed = looked_up(made, 64)
    codes, scales = quantize_rows(tables["positions"])
    np.testing.assert_array_equal(found["positions"][0], (codes * scales)[feed["places"][0]])
    np.testing.assert_array_equal(found["types"][0], tables["types"][feed["kinds"][0]])
    assert (rows == "int4") == any(node.op_type == "GatherBlockQuantized" for node in made.graph.node)


def test_a_product_of_two_activations_is_not_a_weight_product() -> None:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], "a/MatMul"),
        helper.make_node("MatMul", ["y", "y"], ["z"], "b/MatMul"),
    ]
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 2]) for name in ("x", "z")]
    graph = helper.make_graph(
        nodes, "g", info[:1], info[1:], [numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")]
    )
    assert product_nodes(helper.make_model(graph)) == ["a/MatMul"]


def test_patterns_select_in_the_order_of_the_graph() -> None:
    names = ["layer.0.key/MatMul", "layer.0.query/MatMul", "layer.1.key/MatMul"]
    assert match_nodes(["layer.1.*", "*.key/*"], names, "f") == [names[0], names[2]]
    with pytest.raises(InputError, match=r'f: the pattern "layer.2.\*" matches no node'):
        match_nodes(["*.key/*", "layer.2.*"], names, "f")
