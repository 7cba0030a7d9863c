"""Attention's products of codes are those that numpy computes of the same codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.compress.tiny_onnx import VOCAB, onnx_model
from xpareto.compress.onnx.weights import weight_products
from xpareto.compress.quantization import Affine
from xpareto.compress.quantization.graph import with_qdq
from xpareto.compress.quantization.graph.attention import attention_factors, with_coded_attention

IDS = np.random.default_rng(0).integers(4, VOCAB, (2, 9))
MASK = np.array([[1] * 9, [1] * 5 + [0] * 4])


def float_model() -> Any:
    import onnx

    return onnx.load(onnx_model("tagging").file("model.onnx"))


def values(model: Any, names: list[str]) -> dict[str, np.ndarray]:
    import onnx
    import onnxruntime

    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    for name in names:
        shown.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(shown.SerializeToString(), options)
    found = session.run(names, {"input_ids": IDS, "attention_mask": MASK})
    return dict(zip(names, found, strict=True))


def test_every_layer_has_two_products_of_projections_and_probabilities() -> None:
    model = float_model()
    factors = attention_factors(model, weight_products(model))
    assert len(factors) == 2 * 2
    for (left, right), scores in zip(factors.values(), [True, False] * 2, strict=True):
        assert left.probabilities is not scores and right.probabilities is False
    found = values(model, [pair[1].value for pair in factors.values()])
    assert {value.shape for value in found.values()} == {(2, 9, 16)}


def test_the_products_are_those_of_the_codes() -> None:
    model = float_model()
    factors = attention_factors(model, weight_products(model))
    peaks = {factor.value: 0.7 for pair in factors.values() for factor in pair if not factor.probabilities}
    made = with_coded_attention(model, factors, peaks)
    nodes = {node.name: node for node in made.graph.node}
    for name, pair in factors.items():
        inputs, output = list(nodes[name].input), nodes[name].output[0]
        sources = [factor.value for factor in pair]
        found = values(made, [*dict.fromkeys([*sources, *inputs]), output])
        for factor, factored in zip(pair, inputs, strict=True):
            step = np.float32(1 / 255 if factor.probabilities else 0.7 / 127)
            codes = np.rint(found[factor.value] / step)
            coded = np.clip(codes, *((0, 255) if factor.probabilities else (-128, 127))) * step
            decoded = found[factored]
            if not factor.probabilities:  # (batch, heads, length, width), or keys with the last two turned
                turned = decoded if decoded.shape[2] == IDS.shape[1] else decoded.swapaxes(2, 3)
                decoded = turned.swapaxes(1, 2).reshape(coded.shape)
            np.testing.assert_allclose(decoded, coded, atol=1e-6)
            assert np.abs(decoded - found[factor.value]).max() > 0
        np.testing.assert_allclose(found[output], found[inputs[0]] @ found[inputs[1]], atol=1e-5)


def test_what_attention_gives_is_coded_before_heads_are_put_together() -> None:
    """The same codes at another place: answers are equal to the last bit."""
    model = float_model()
    products = weight_products(model)
    factors = attention_factors(model, products)
    peaks = {factor.value: 0.7 for pair in factors.values() for factor in pair if not factor.probabilities}
    behind = [name for name in products if name.endswith("attention.output.dense/MatMul")]
    coded = with_qdq(model, dict.fromkeys(behind, Affine.over(-0.4, 0.5)))
    made = with_coded_attention(coded, factors, peaks)
    attending = {pair[0].reader for pair in factors.values() if pair[0].probabilities}
    given = {node.output[0] for node in made.graph.node if node.name in attending}
    assert len(behind) == len(given) == 2
    assert given <= {node.input[0] for node in made.graph.node if node.op_type == "QuantizeLinear"}
    late = with_coded_attention(model, factors, peaks)
    late = with_qdq(late, dict.fromkeys(behind, Affine.over(-0.4, 0.5)))
    np.testing.assert_array_equal(values(made, ["logits"])["logits"], values(late, ["logits"])["logits"])


def test_the_model_given_is_not_changed_and_a_dead_value_has_codes() -> None:
    model = float_model()
    before = model.SerializeToString()
    factors = attention_factors(model, weight_products(model))
    peaks = {factor.value: 0.0 for pair in factors.values() for factor in pair}
    made = with_coded_attention(model, factors, peaks)
    assert model.SerializeToString() == before
    assert all(np.isfinite(value).all() for value in values(made, ["logits"]).values())


def test_a_projection_that_is_changed_before_the_product_is_left_alone() -> None:
    """As rotary positions do: what is coded would not be what is multiplied."""
    from onnx import helper

    model = float_model()
    factors = attention_factors(model, weight_products(model))
    name = next(iter(factors))
    at = [node.name for node in model.graph.node].index(name)
    product = model.graph.node[at]
    turn = helper.make_node("Neg", [product.input[0]], ["turned"], "turn")
    product.input[0] = "turned"
    model.graph.node.insert(at, turn)
    found = attention_factors(model, weight_products(model))
    assert list(found) == [one for one in factors if one != name]
