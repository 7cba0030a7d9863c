"""Fake quantization is ONNX's arithmetic, with the gradients of its papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpareto.compress.quantization.straight_through import (
    channel_scales,
    fake_activation,
    fake_quantization,
    fake_weight,
    graded,
)


def onnx_round_trip(x: np.ndarray, scale: float, zero: int) -> np.ndarray:
    """Run QuantizeLinear and DequantizeLinear in onnxruntime."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    make = helper.make_node
    tensors = [
        numpy_helper.from_array(np.array(scale, np.float32), "scale"),
        numpy_helper.from_array(np.array(zero, np.uint8), "zero"),
    ]
    nodes = [
        make("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        make("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", value[:1], value[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, {"x": x})[0]
    return found


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (-0.31, 0.0), (0.0, 7.5), (-20.0, 0.01)])
def test_activations_are_rounded_as_onnxruntime_rounds_them(low: float, high: float) -> None:
    scale = torch.tensor((high - low) / 255)
    offset = torch.tensor(low)
    zero = int((-offset / scale).clamp(0, 255).round())
    random = np.random.default_rng(0)
    x = np.concatenate([random.uniform(2 * low - 1, 2 * high + 1, 4000), [0.0, low, high]]).astype(np.float32)
    ties = (np.arange(-300, 300) + 0.5).astype(np.float32) * scale.numpy()
    x = np.concatenate([x, ties]).astype(np.float32)
    found = fake_activation(torch.from_numpy(x), scale, offset).numpy()
    np.testing.assert_allclose(
        found, onnx_round_trip(x, float(scale), zero), rtol=0, atol=1e-6 * (high - low)
    )
    assert fake_activation(torch.zeros(1), scale, offset).item() == 0.0


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.floats(0.01, 2.0), st.floats(-3.0, 0.5), st.floats(-8.0, 8.0))
def test_gradients_of_range_and_value_are_those_of_lsq_plus(
    scale: float, offset: float, value: float
) -> None:
    """Slow twin: Bhalgat et al. 2020, equations 4 and 5, by case, where the zero point is not clipped."""
    x, s, b = (
        torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in (value, scale, offset)
    )
    zero = round(-offset / scale)
    fake_activation(x, s, b).backward()
    code = value / scale + -offset / scale
    if not 0 <= -offset / scale <= 255 or min(abs(code), abs(code - 255)) < 1:
        return  # the offset is held at a border of the codes, or rounding decides on which side it falls
    inside = 0 < code < 255
    assert x.grad == pytest.approx(1.0 if inside else 0.0)
    assert b.grad == pytest.approx(0.0 if inside else 1.0, abs=1e-9)
    rest = round(value / scale) - value / scale if inside else 0.0 if code <= 0 else 255.0
    # The whole zero point stands for -offset / scale, so its rounding error is part of the codes' place.
    shift = 0.0 if inside else -offset / scale - zero
    assert s.grad == pytest.approx(rest + shift, abs=1e-6)


def test_weights_have_a_scale_per_output_and_the_gradients_of_lsq() -> None:
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 7, generator=random, dtype=torch.float64, requires_grad=True)
    scale = (channel_scales(weight, 127) * 0.8).requires_grad_()
    upstream = torch.randn(5, 7, generator=random, dtype=torch.float64)
    made = fake_weight(weight, scale, 127)
    made.backward(upstream)
    for row in range(5):
        total = 0.0
        for column in range(7):
            w, s = weight[row, column].item(), scale[row].item()
            ratio = w / s
            code = min(max(round(ratio), -127), 127)
            assert made[row, column].item() == pytest.approx(code * s)
            inside = -127 < ratio < 127
            assert weight.grad is not None
            assert weight.grad[row, column].item() == pytest.approx(
                upstream[row, column].item() if inside else 0.0
            )
            total += upstream[row, column].item() * (round(ratio) - ratio if inside else code)
        assert scale.grad is not None and scale.grad[row].item() == pytest.approx(total)


def test_a_graded_parameter_keeps_its_value_and_scales_its_gradient() -> None:
    parameter = torch.tensor(3.0, requires_grad=True)
    made = graded(parameter, 0.25)
    made.backward()
    assert made.item() == 3.0 and parameter.grad == 0.25


def tiny(seed: int = 0) -> transformers.PreTrainedModel:
    config = transformers.XLMRobertaConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=20, type_vocab_size=1, pad_token_id=1, num_labels=3, initializer_range=0.3,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(seed)
    return transformers.XLMRobertaForTokenClassification(config).eval()


IDS = torch.tensor([[0, 5, 9, 11, 2], [0, 7, 2, 1, 1]])
MASK = (IDS != 1).long()


@pytest.mark.parametrize("ranges", ["ema", "learned"])
def test_a_model_is_whole_again_when_the_quantizers_are_gone(ranges: str) -> None:
    model = tiny()
    names = list(dict(model.named_parameters()))
    with torch.inference_mode():
        before = model(IDS, attention_mask=MASK).logits
        with fake_quantization(model, ranges) as fake:  # type: ignore[arg-type]
            with fake.observing():
                assert torch.equal(model(IDS, attention_mask=MASK).logits, before)
            inside = model(IDS, attention_mask=MASK).logits
            assert 0 < (inside - before).abs().max() < 0.2 * before.abs().max()
        assert torch.equal(model(IDS, attention_mask=MASK).logits, before)
    assert list(dict(model.named_parameters())) == names


@pytest.mark.parametrize("ranges", ["ema", "learned"])
def test_baked_weights_are_codes_times_their_scales_and_change_nothing(ranges: str) -> None:
    model = tiny()
    with torch.inference_mode(), fake_quantization(model, ranges) as fake:  # type: ignore[arg-type]
        with fake.observing():
            model(IDS, attention_mask=MASK)
        before = model(IDS, attention_mask=MASK).logits
        codes = fake.codes()
        fake.bake()
        after = model(IDS, attention_mask=MASK).logits
        assert torch.allclose(before, after, atol=1e-5)
        for name, found in codes.items():
            ratio = fake.products[name].weight / torch.from_numpy(found.weight_scales)[:, None]
            assert torch.allclose(ratio, ratio.round(), atol=1e-3) and ratio.abs().max() <= 127.001
    assert {name.rpartition(".")[2] for name in codes} == {"query", "key", "value", "dense", "classifier"}
    q, k = (codes[f"roberta.encoder.layer.0.attention.self.{name}"] for name in ("query", "key"))
    assert (q.scale, q.zero_point) == (k.scale, k.zero_point)


def test_padding_has_no_part_in_the_ranges() -> None:
    found = []
    for pad in (1, 30):
        model = tiny()
        ids = IDS.masked_fill(MASK == 0, pad)
        with torch.inference_mode(), fake_quantization(model, "ema") as fake:
            with fake.observing():
                model(ids, attention_mask=MASK, position_ids=torch.arange(2, 7)[None])
            found.append({name: (code.scale, code.zero_point) for name, code in fake.codes().items()})
    assert found[0] == found[1]


def test_an_average_range_follows_the_batches_in_training_only() -> None:
    model = tiny()
    with fake_quantization(model, "ema", momentum=0.5) as fake:
        with fake.observing():
            model(IDS, attention_mask=MASK)
        codes = fake.products["roberta.encoder.layer.0.attention.self.query"].input_codes
        start = codes.offset.item(), codes.scale.item()
        x = torch.tensor([[[-40.0, 0.0, 80.0]]])
        codes(x)
        assert (codes.offset.item(), codes.scale.item()) == start
        codes.train()
        fake._state.mask = None
        codes(x)
        high = start[0] + 255 * start[1]
        assert codes.offset.item() == pytest.approx(0.5 * start[0] - 20)
        assert codes.offset.item() + 255 * codes.scale.item() == pytest.approx(0.5 * high + 40)


def test_learned_scales_are_parameters_that_get_gradients() -> None:
    model = tiny()
    with fake_quantization(model, "learned") as fake:
        with fake.observing():
            model(IDS, attention_mask=MASK)
        model.train()
        model(IDS, attention_mask=MASK, labels=IDS % 3).loss.backward()
        parameters = dict(model.named_parameters())
        scales = [name for name in parameters if name.endswith(("input_codes.scale", "weight_scale"))]
        # per layer: one for query, key and value, three more inputs, six weights; and the head's two
        assert len(scales) == 2 * (4 + 6) + 2
        assert all(parameters[name].grad is not None for name in scales)
        assert sum(float(parameters[name].grad.abs().sum()) > 0 for name in scales) > len(scales) // 2
