"""Dynamic products equal a direct computation in integers, and hold no byte that they need not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from xpareto.compress.quantization.graph.dynamic import half_scales, with_dynamic

WIDTH, OUT = 24, 256


def model_of(nodes, weights):  # type: ignore[no-untyped-def]
    from onnx import TensorProto, checker, helper, numpy_helper

    made = {output for node in nodes for output in node.output}
    read = {name for node in nodes for name in node.input} - made - set(weights)
    outputs = sorted(made - {name for node in nodes for name in node.input})
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", WIDTH]) for name in sorted(read)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"rows of {name}", f"width of {name}"])
            for name in outputs
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    checker.check_model(model, full_check=True)
    return model


def run(model, **feed: np.ndarray) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    from onnx.reference import ReferenceEvaluator

    names = [output.name for output in model.graph.output]
    return dict(zip(names, ReferenceEvaluator(model).run(None, feed), strict=True))


def coded(x: np.ndarray) -> tuple[np.ndarray, np.float32, int]:
    """Return DynamicQuantizeLinear's codes, scale and zero point, straight from ONNX's definition."""
    low, high = min(0.0, float(x.min())), max(0.0, float(x.max()))
    scale = np.float32((high - low) / 255)
    zero = int(np.clip(np.rint(-low / scale), 0, 255))
    return np.clip(np.rint(x / scale) + zero, 0, 255).astype(int), scale, zero


def stored(model) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    from onnx import numpy_helper

    return {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "a.w": random.normal(size=(WIDTH, OUT)).astype(np.float32),
        "b.w": random.normal(size=(3, WIDTH)).astype(np.float32),
        "b.bias": random.normal(size=3).astype(np.float32),
    }


def nodes_of(**attributes: float):  # type: ignore[no-untyped-def]
    from onnx.helper import make_node

    return [
        make_node("MatMul", ["x", "a.w"], ["a"], "a/MatMul"),
        make_node("Gemm", ["x", "b.w", "b.bias"], ["b"], "b/Gemm", transB=1, **attributes),
    ]


def test_products_are_those_of_the_codes_and_share_the_input(weights: dict[str, np.ndarray]) -> None:
    model = model_of(nodes_of(), weights)
    before = model.SerializeToString()
    made = with_dynamic(model, ["a/MatMul", "b/Gemm"])
    assert model.SerializeToString() == before
    kinds = [node.op_type for node in made.graph.node]
    assert kinds.count("DynamicQuantizeLinear") == 1 and kinds.count("MatMulInteger") == 2
    x = np.random.default_rng(1).normal(size=(5, WIDTH)).astype(np.float32)
    found, tensors = run(made, x=x), stored(made)
    codes, scale, zero = coded(x)
    for name, bias in (("a", 0.0), ("b", weights["b.bias"])):
        weight, steps = tensors[f"{name}.w_quantized"].astype(int), tensors[f"{name}.w_scale"].astype(float)
        expected = (codes - zero) @ weight * (steps * scale) + bias
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-5)
        exact = x @ (weights["a.w"] if name == "a" else weights["b.w"].T) + bias
        assert np.abs(found[name] - exact).max() < 0.02 * np.abs(exact).max()


def test_many_scales_are_halves_and_no_weight_is_off_by_more_than_half_a_step(
    weights: dict[str, np.ndarray],
) -> None:
    tensors = stored(with_dynamic(model_of(nodes_of(), weights), ["a/MatMul", "b/Gemm"]))
    assert tensors["a.w_scale"].dtype == np.float16 and tensors["b.w_scale"].dtype == np.float32
    for name, weight in (("a.w", weights["a.w"]), ("b.w", weights["b.w"].T)):
        scale = tensors[f"{name}_scale"].astype(np.float32)
        assert np.abs(tensors[f"{name}_quantized"].astype(int)).max() <= 127
        assert (np.abs(tensors[f"{name}_quantized"] * scale - weight) <= 0.5001 * scale).all()


def test_scales_that_a_half_holds_badly_stay_whole(weights: dict[str, np.ndarray]) -> None:
    small = {**weights, "a.w": weights["a.w"] * np.float32(1e-5)}
    tensors = stored(with_dynamic(model_of(nodes_of(), small), ["a/MatMul"]))
    assert tensors["a.w_scale"].dtype == np.float32
    assert tensors["b.w"].dtype == np.float32  # not named


def test_a_gemm_that_scales_its_product_stays_as_it_is(weights: dict[str, np.ndarray]) -> None:
    model = model_of(nodes_of(alpha=0.5), weights)
    made = with_dynamic(model, ["a/MatMul", "b/Gemm"])
    x = np.random.default_rng(1).normal(size=(5, WIDTH)).astype(np.float32)
    np.testing.assert_array_equal(run(made, x=x)["b"], run(model, x=x)["b"])
    np.testing.assert_array_equal(stored(made)["b.w"], weights["b.w"])


def test_a_weight_that_another_node_reads_stays_beside_its_codes(weights: dict[str, np.ndarray]) -> None:
    from onnx.helper import make_node

    extra = make_node("Identity", ["a.w"], ["copy"], "graph/Identity")
    made = with_dynamic(model_of([*nodes_of(), extra], weights), ["a/MatMul"])
    x = np.zeros((1, WIDTH), np.float32)
    np.testing.assert_array_equal(run(made, x=x)["copy"], weights["a.w"])


@given(arrays.arrays(np.float32, 9, elements=st.floats(2**-13, 2**10, width=32)))
def test_halves_are_nowhere_below_and_hardly_above(scales: np.ndarray) -> None:
    made = half_scales(scales)
    assert made is not None and (made.astype(np.float16).astype(np.float32) == made).all()
    assert (made >= scales).all() and (made <= scales * np.float32(1 + 2**-10)).all()


@pytest.mark.parametrize("scale", [1e-6, 7e4])
def test_scales_out_of_the_range_of_halves_are_refused(scale: float) -> None:
    assert half_scales(np.array([1.0, scale], np.float32)) is None
