"""Coded products compute what numpy computes with the same codes, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.exact_products import WEIGHT_BITS
from xpareto.compress.onnx.kernels import kernel_counts, products
from xpareto.compress.onnx.weights import output_axis, weight_products
from xpareto.compress.quantization.graph.bias import add_to_biases
from xpareto.compress.quantization.graph.qdq import with_qdq
from xpareto.compress.quantization.int8 import quantize_channels
from xpareto.compress.quantization.ranges import Affine

FIRST, SECOND = Affine.over(-3.0, 2.5), Affine.over(-1.0, 4.0)


def small_model(shared: bool = False):  # type: ignore[no-untyped-def]
    """Two products of x with a bias behind each, a Gemm of their sum, and the weights."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    weights = {
        "a.weight": random.normal(size=(8, 6)), "b.weight": random.normal(size=(8, 6)), "a.bias": random.normal(size=6),
        "c.weight": random.normal(size=(3, 6)), "c.bias": random.normal(size=3),
    }  # fmt: skip
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    make = helper.make_node
    nodes = [
        make("MatMul", ["x", "a.weight"], ["a0"], "a/MatMul"),
        make("Add", ["a.bias", "a0"], ["a1"], "a/Add"),
        make("MatMul", ["x", "a.weight" if shared else "b.weight"], ["b0"], "b/MatMul"),
        make("Add", ["a1", "b0"], ["s"], "graph/Add"),
        make("ReduceSum", ["s", "one"], ["r"], "graph/ReduceSum", keepdims=0),
        make("Gemm", ["r", "c.weight", "c.bias"], ["y"], "c/Gemm", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", "length", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 3])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()]
        + [numpy_helper.from_array(np.array([1]), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return weights, model


def run(model, x: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    import onnxruntime

    found: np.ndarray = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    return found


def decoded(weight: np.ndarray, axis: int | None, bits: int = 8) -> np.ndarray:
    codes, scale = quantize_channels(weight, axis, bits)
    return codes * (scale if axis != 0 else scale[:, None])


@given(arrays.arrays(np.float32, (4, 5), elements=st.floats(-1e3, 1e3, width=32)), st.sampled_from([0, 1, None]),
       st.sampled_from([7, 8]))  # fmt: skip
def test_no_weight_is_off_by_more_than_half_a_step_of_its_channel(
    weight: np.ndarray, axis: int | None, bits: int
) -> None:
    codes, scale = quantize_channels(weight, axis, bits)
    top = 127 if bits == 8 else 63
    assert codes.dtype == np.int8 and np.abs(codes.astype(int)).max() <= top
    for row in range(4):
        for column in range(5):
            step = float(scale if axis is None else scale[(row, column)[axis]])
            assert abs(int(codes[row, column]) * step - float(weight[row, column])) <= 0.5001 * step


@pytest.mark.parametrize("per_channel", [True, False])
def test_the_graph_computes_what_numpy_computes_with_the_codes(per_channel: bool) -> None:
    import onnx

    weights, model = small_model()
    before = model.SerializeToString()
    made = with_qdq(model, {"a/MatMul": FIRST, "b/MatMul": FIRST, "c/Gemm": SECOND},
        per_channel=per_channel, weight_bits=WEIGHT_BITS,
    )  # fmt: skip
    assert model.SerializeToString() == before
    onnx.checker.check_model(made, full_check=True)
    kinds = [node.op_type for node in made.graph.node]
    assert kinds.count("QuantizeLinear") == 2, "a and b share the codes of x"
    assert {t.name for t in made.graph.initializer}.isdisjoint({"a.weight", "b.weight", "c.weight"})
    x = np.random.default_rng(1).normal(size=(5, 1, 8)).astype(np.float32)
    axis, other = (1, 0) if per_channel else (None, None)
    coded = FIRST.quantized(x)
    a, b = (coded @ decoded(weights[f"{name}.weight"], axis, WEIGHT_BITS) for name in "ab")
    c = decoded(weights["c.weight"], other, WEIGHT_BITS)
    expected = SECOND.quantized((a + weights["a.bias"] + b)[:, 0]) @ c.T + weights["c.bias"]
    # a sum that rounds to a neighbouring code moves the result by a step times a weight
    np.testing.assert_allclose(run(made, x), expected, atol=SECOND.scale * np.abs(c).max() * 1.01)


def test_onnxruntime_runs_the_products_in_integers(tmp_path) -> None:  # type: ignore[no-untyped-def]
    _, model = small_model()
    made = with_qdq(model, {"a/MatMul": FIRST, "b/MatMul": FIRST, "c/Gemm": SECOND})
    (tmp_path / "model.onnx").write_bytes(made.SerializeToString())
    counts = kernel_counts(tmp_path / "model.onnx", 1)
    assert products(counts) == {"integer": 3, "blockwise": 0, "float": 0}
    assert "DequantizeLinear" not in counts


def test_only_the_named_product_changes_and_a_shared_weight_stays() -> None:
    weights, model = small_model(shared=True)
    made = with_qdq(model, {"b/MatMul": FIRST}, weight_bits=WEIGHT_BITS)
    assert "a.weight" in {t.name for t in made.graph.initializer}
    x = np.random.default_rng(1).normal(size=(5, 1, 8)).astype(np.float32)
    coded = FIRST.quantized(x) @ decoded(weights["a.weight"], 1, WEIGHT_BITS)
    inner = (x @ weights["a.weight"] + weights["a.bias"] + coded)[:, 0]
    expected = inner @ weights["c.weight"].T + weights["c.bias"]
    np.testing.assert_allclose(run(made, x), expected, atol=1e-4)


def test_sixteen_bit_inputs_and_float_inputs_keep_int8_weights() -> None:
    weights, model = small_model()
    wide = Affine.over(-3.0, 3.0, bits=16)
    x = np.random.default_rng(1).normal(size=(5, 1, 8)).astype(np.float32).clip(-3, 3)
    inner = (x @ decoded(weights["a.weight"], 1) + weights["a.bias"] + x @ weights["b.weight"])[:, 0]
    exact = inner @ weights["c.weight"].T + weights["c.bias"]
    for codes in (wide, None):
        made = with_qdq(model, {"a/MatMul": codes})
        kinds = {t.name: t.data_type for t in made.graph.initializer}
        assert kinds["a.weight_quantized"] == 3  # INT8
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        found = onnxruntime.InferenceSession(made.SerializeToString(), options).run(None, {"x": x})[0]
        np.testing.assert_allclose(found, exact, atol=2e-3)
        # onnxruntime's own choice, block-wise codes of every row, is less exact and still close
        np.testing.assert_allclose(run(made, x), exact, atol=0.15)


def test_vectors_are_added_behind_products_with_and_without_a_bias() -> None:
    _, model = small_model()
    x = np.random.default_rng(2).normal(size=(4, 2, 8)).astype(np.float32)
    before = run(model, x)
    vectors = {name: np.random.default_rng(at).normal(size=size) for at, (name, size) in
               enumerate({"a/MatMul": 6, "b/MatMul": 6, "c/Gemm": 3}.items())}  # fmt: skip
    add_to_biases(model, vectors)
    import onnx

    onnx.checker.check_model(model, full_check=True)
    weight = weight_products(model)["c/Gemm"].weight
    moved = 2 * (vectors["a/MatMul"] + vectors["b/MatMul"]) @ weight + vectors["c/Gemm"]  # two places
    np.testing.assert_allclose(run(model, x), before + moved, atol=1e-4)
    assert [node.op_type for node in model.graph.node].count("Add") == 3
    assert "a.bias" not in {tensor.name for tensor in model.graph.initializer}


def test_the_weight_of_a_product_lies_with_the_outputs_last() -> None:
    weights, model = small_model()
    found = weight_products(model)
    assert {name: one.source for name, one in found.items()} == {
        "a/MatMul": "x",
        "b/MatMul": "x",
        "c/Gemm": "r",
    }
    np.testing.assert_array_equal(found["c/Gemm"].weight, weights["c.weight"].T)
    assert [output_axis(node) for node in model.graph.node if node.name in found] == [1, 1, 0]


def test_a_bias_that_dwarfs_its_weights_still_fits_in_32_bits() -> None:
    from onnx import numpy_helper

    weights, model = small_model()
    bias = np.array([1e6, 0.0, -1e6], np.float32)
    for tensor in model.graph.initializer:
        if tensor.name == "c.bias":
            tensor.CopyFrom(numpy_helper.from_array(bias, "c.bias"))
        if tensor.name == "c.weight":
            tensor.CopyFrom(numpy_helper.from_array(weights["c.weight"] * np.float32(1e-3), "c.weight"))
    made = with_qdq(model, {"c/Gemm": SECOND})
    x = np.zeros((1, 1, 8), np.float32)
    np.testing.assert_allclose(run(made, x), run(model, x), rtol=1e-5, atol=0.1)
