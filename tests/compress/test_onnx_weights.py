"""int8 rows lose at most half a step, and the rewritten lookup gives exactly rows times scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from compress.errors import InputError
from compress.onnx_rows import embedding_nodes, quantize_rows, with_rows
from compress.onnx_weights import component_bytes, match_nodes, product_nodes


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
