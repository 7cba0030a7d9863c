"""A narrowed model is the whole one with the rest masked, for every structure and every head."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from xpareto.compress.models.checkpoint import load_model
from xpareto.compress.models.heterogeneous_config import Shape
from xpareto.compress.models.heterogeneous_layers import reshape, shape_of
from xpareto.compress.pruning.slicing import narrow, narrow_hidden

HEADS = ("encoder", "mlm", "classification", "tagging", "qa", "choice")
ALL_HEADS, ALL_NEURONS, ALL_HIDDEN = [range(4)] * 3, [range(24)] * 3, range(16)
KEPT_HEADS = [[0, 2, 3], [], [1]]
KEPT_NEURONS = [[0, 1, 5, 23], [7], []]
KEPT_HIDDEN = [0, 1, 2, 5, 6, 9, 11, 12, 15]


def answers(model: Any) -> list[np.ndarray]:
    ids = torch.from_numpy(np.random.default_rng(1).integers(4, 97, (3, 9)))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with torch.inference_mode():
        found = model(
            input_ids=torch.where(mask == 1, ids, 1), attention_mask=mask, output_hidden_states=True
        )
    logits = [found[name].numpy() for name in ("logits", "start_logits", "end_logits") if name in found]
    return [*(state.numpy() for state in found.hidden_states), *logits]


class NormOver(torch.nn.Module):
    """A layer normalisation over some channels, the others giving 0: the oracle for hidden width."""

    def __init__(self, norm: Any, kept: Sequence[int]) -> None:
        super().__init__()
        self.norm, self.mask = norm, torch.zeros(len(norm.weight))
        self.mask[list(kept)] = 1

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        count = self.mask.sum()
        mean = (states * self.mask).sum(-1, keepdim=True) / count
        centred = (states - mean) * self.mask
        variance = centred.square().sum(-1, keepdim=True) / count
        return (centred / (variance + self.norm.eps).sqrt() * self.norm.weight + self.norm.bias) * self.mask


def mask_by_weights(model: Any, heads: Any, neurons: Any, hidden: Sequence[int]) -> Any:
    """Mask a copy of the whole model by zeros in the matrices behind the units, and by NormOver."""
    model = copy.deepcopy(model)
    size = 16 // 4
    with torch.no_grad():
        for layer, own_heads, own_neurons in zip(model.base_model.encoder.layer, heads, neurons, strict=True):
            for head in set(range(4)) - set(own_heads):
                layer.attention.output.dense.weight[:, head * size : (head + 1) * size] = 0
            gone = sorted(set(range(24)) - set(own_neurons))
            layer.output.dense.weight[:, gone] = 0
        if len(hidden) < 16:
            body = model.base_model
            body.embeddings.LayerNorm = NormOver(body.embeddings.LayerNorm, hidden)
            for layer in body.encoder.layer:
                for output in (layer.attention.output, layer.output):
                    output.LayerNorm = NormOver(output.LayerNorm, hidden)
            if hasattr(model, "lm_head"):
                model.lm_head.layer_norm = NormOver(model.lm_head.layer_norm, hidden)
            if hasattr(getattr(model, "classifier", None), "out_proj"):
                dense, out = model.classifier.dense.weight, model.classifier.out_proj.weight
                strength = [float(dense[at].norm() * out[:, at].norm()) for at in range(16)]
                out[:, sorted(range(16), key=lambda at: strength[at])[: 16 - len(hidden)]] = 0
    return model


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    ("heads", "neurons", "hidden"),
    [
        (KEPT_HEADS, ALL_NEURONS, ALL_HIDDEN),
        (ALL_HEADS, KEPT_NEURONS, ALL_HIDDEN),
        (ALL_HEADS, ALL_NEURONS, KEPT_HIDDEN),
        (KEPT_HEADS, KEPT_NEURONS, KEPT_HIDDEN),
    ],
    ids=["heads", "neurons", "hidden", "all"],
)
def test_a_narrow_model_is_the_masked_model(
    tiny: Any, head: Any, heads: Any, neurons: Any, hidden: Any
) -> None:
    source = tiny(head)
    model = load_model(source.path, head, source.manifest.labels, keep_head=True)
    expected = answers(mask_by_weights(model, heads, neurons, list(hidden)))
    before = sum(weight.numel() for weight in model.parameters())
    narrow(model, heads, neurons, hidden)
    found = answers(model)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        own = other[..., list(hidden)] if other.shape[-1] == 16 else other
        np.testing.assert_allclose(one, own, atol=1e-5)
    assert sum(weight.numel() for weight in model.parameters()) < before


def test_zero_rows_that_are_kept_do_not_change_the_answer(tiny: Any) -> None:
    source = tiny("tagging")
    model = load_model(source.path, "tagging", source.manifest.labels, keep_head=True)
    expected = answers(model)
    narrow(model, ALL_HEADS, ALL_NEURONS, ALL_HIDDEN)
    assert all(np.array_equal(one, other) for one, other in zip(answers(model), expected, strict=True))


def test_low_rank_embeddings_lose_hidden_channels_in_their_projection(tiny: Any) -> None:
    source = tiny("mlm")
    model = load_model(source.path, "mlm", keep_head=True)
    reshape(model, Shape((4, 4, 4), (24, 24, 24), 4, embedding_rank=5))
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.get_input_embeddings().parameters():
            weight.copy_(torch.randn_like(weight))
    expected = answers(mask_by_weights(model, ALL_HEADS, ALL_NEURONS, KEPT_HIDDEN))
    narrow_hidden(model, KEPT_HIDDEN)
    assert shape_of(model).embedding_rank == 5
    np.testing.assert_allclose(answers(model)[-1], expected[-1], atol=1e-5)


def test_torch_pruning_finds_the_same_coupled_matrices(tiny: Any) -> None:
    """The dependency graph of torch-pruning, traced from autograd, is an oracle for what must go together."""
    tp = pytest.importorskip("torch_pruning")
    source = tiny("encoder")
    ours, theirs = (load_model(source.path, "encoder", attention="eager") for _ in range(2))
    gone = sorted(set(range(16)) - set(KEPT_HIDDEN))
    graph = tp.DependencyGraph().build_dependency(
        theirs,
        {"input_ids": torch.tensor([[0, 5, 6, 2]])},
        output_transform=lambda out: out.last_hidden_state,
    )
    graph.get_pruning_group(theirs.embeddings.LayerNorm, tp.prune_layernorm_out_channels, idxs=gone).prune()
    narrow_hidden(ours, KEPT_HIDDEN)
    expected = theirs.state_dict()
    for name, weight in ours.state_dict().items():
        assert torch.equal(weight, expected[name]), name


def test_a_masked_lm_with_an_output_table_of_its_own_keeps_it(tiny: Any) -> None:
    source = tiny("mlm")
    model = load_model(source.path, "mlm", keep_head=True)
    torch.manual_seed(0)
    model.lm_head.decoder.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.decoder.weight))
    expected = answers(mask_by_weights(model, ALL_HEADS, ALL_NEURONS, KEPT_HIDDEN))
    narrow_hidden(model, KEPT_HIDDEN)
    np.testing.assert_allclose(answers(model)[-1], expected[-1], atol=1e-5)
