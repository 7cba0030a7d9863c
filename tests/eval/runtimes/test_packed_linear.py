"""Packed products compute what torch's own compute, and a model keeps its answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.runtimes._packed_linear import can_pack, pack_linears, packed

pytestmark = pytest.mark.skipif(not can_pack(), reason="this build of torch has no packed products")


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.integers(0, 5), min_size=1, max_size=3),
    wide=st.integers(1, 70),
    out=st.integers(1, 70),
    bias=st.booleans(),
    seed=st.integers(0, 9),
)
def test_a_packed_product_equals_the_product_in_double_precision(
    rows: list[int], wide: int, out: int, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    plain = torch.nn.Linear(wide, out, bias=bias)
    given_rows = torch.randn(*rows, wide)
    with torch.inference_mode():
        found = packed(plain)(given_rows).numpy()
    weight = plain.weight.detach().numpy().astype(np.float64)
    expected = given_rows.numpy().astype(np.float64) @ weight.T
    if bias:
        expected = expected + plain.bias.detach().numpy()
    assert found.shape == (*rows, out)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_all_products_of_a_model_are_packed_and_its_answers_stay() -> None:
    model = torch.nn.Sequential(
        torch.nn.Linear(6, 9), torch.nn.GELU(), torch.nn.Sequential(torch.nn.Linear(9, 4))
    )
    rows = torch.randn(2, 3, 6)
    with torch.inference_mode():
        expected = model(rows)
        assert pack_linears(model) == 2
        found = model(rows)
    assert not any(isinstance(part, torch.nn.Linear) for part in model.modules())
    assert not list(model.parameters())  # the plain weights are gone
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_gelu_of_a_feed_forward_part_is_computed_with_its_product() -> None:
    config = transformers.XLMRobertaConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
    )
    torch.manual_seed(0)
    ids = torch.randint(3, 40, (3, 7))
    for activation, fused in (("gelu", 2), ("gelu_new", 0)):
        config.hidden_act = activation
        model = transformers.XLMRobertaModel(config, add_pooling_layer=False).eval()
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.5)
        with torch.inference_mode():
            expected = model(input_ids=ids).last_hidden_state
            assert pack_linears(model) == 2 * 6
            found = model(input_ids=ids).last_hidden_state
        acts = [layer.intermediate.intermediate_act_fn for layer in model.encoder.layer]
        assert sum(isinstance(act, torch.nn.Identity) for act in acts) == fused
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_half_precision_and_subclasses_are_left_alone() -> None:
    class Special(torch.nn.Linear):
        pass

    model: Any = torch.nn.Sequential(torch.nn.Linear(4, 4).half(), Special(4, 4))
    assert pack_linears(model) == 0
