"""Importance against slow twins: one example at a time, gradients through scaled weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xpareto.compress.data.calibration import Calibration, CalibrationSet, draw
from xpareto.compress.heads.table import HEADS as SPECS
from xpareto.compress.models.checkpoint import load_model
from xpareto.compress.models.heterogeneous_layers import shape_of
from xpareto.compress.pruning.mask_gradients import BATCH, Units, batches_of, unit_gradients
from xpareto.compress.pruning.unit_importance import activation, at_random, by_magnitude, from_gradients

TRAINED_ON = {"classification": "mnli", "tagging": "udpos", "qa": "squad_v1", "choice": "hellaswag"}
SIZE, HEADS, FFN, HIDDEN = 4, 4, 24, 16


def loaded(source: Any) -> Any:
    return load_model(source.path, source.manifest.head, source.manifest.labels, keep_head=True)


def calibrated(source: Any, provider: Any, **fields: Any) -> CalibrationSet:
    return draw(Calibration(**fields), provider, Path(source.file("tokenizer.json")), 24, 0)


def through_weights(model: Any, masks: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights that mask heads and neurons: scaled columns of the output matrices."""
    weights = dict(model.named_parameters())
    prefix = "" if hasattr(model, "encoder") else "roberta."
    for at, (heads, neurons) in enumerate(zip(masks[:3], masks[3:6], strict=True)):
        for name, mask in (("attention.output", heads.repeat_interleave(SIZE)), ("output", neurons)):
            key = f"{prefix}encoder.layer.{at}.{name}.dense.weight"
            weights[key] = weights[key] * mask
    return weights


class Bound:
    """A model with other weights, called as the losses call it."""

    def __init__(self, model: Any, weights: Mapping[str, torch.Tensor]) -> None:
        self._model, self._weights = model, weights

    def __call__(self, **inputs: torch.Tensor) -> Any:
        return torch.func.functional_call(self._model, dict(self._weights), (), inputs)

    def base_model(self, **inputs: torch.Tensor) -> Any:
        own = {name.removeprefix("roberta."): weight for name, weight in self._weights.items()}
        body = {name: weight for name, weight in own.items() if not name.startswith("lm_head")}
        return torch.func.functional_call(self._model.roberta, body, (), inputs)

    def lm_head(self, states: torch.Tensor) -> torch.Tensor:
        return self._model.lm_head(states)


def slow_gradients(model: Any, head: Any, batches: list[Mapping[str, np.ndarray]]) -> list[list[np.ndarray]]:
    """Return per example the gradients of the loss of a batch of that example alone, by kind and layer."""
    found = []
    for arrays in batches:
        for row in range(len(arrays["labels"])):
            batch = {name: torch.from_numpy(array[row : row + 1]) for name, array in arrays.items()}
            masks = [torch.ones(count, requires_grad=True) for count in [HEADS] * 3 + [FFN] * 3]
            loss = SPECS[head].loss(Bound(model, through_weights(model, masks)), batch)
            found.append([grad.numpy() for grad in torch.autograd.grad(loss, masks)])
    return found


@pytest.mark.parametrize("head", ["mlm", "classification", "tagging", "qa", "choice"])
def test_gradients_and_fisher_equal_those_of_one_example_at_a_time(
    tiny: Any, tiny_context: Any, head: Any
) -> None:
    source = tiny(head)
    model = loaded(source)
    labelled = head != "mlm"
    fields = {"on": TRAINED_ON[head]} if labelled else {"examples": 9}
    examples = calibrated(source, tiny_context.provider, **fields)
    batches = list(batches_of(head, examples, labelled, seed=0))
    found = unit_gradients(model, head, None, iter(batches), hidden=False, seed=0)
    slow = slow_gradients(model, head, batches)
    assert len(slow) == examples.examples
    for at in range(6):
        expected = np.stack([one[at] for one in slow])
        array = [*found.heads, *found.neurons][at]
        np.testing.assert_allclose(array, expected, atol=2e-5 * max(1, np.abs(expected).max()))
        fisher = [*from_gradients(found, "fisher").heads, *from_gradients(found, "fisher").neurons][at]
        np.testing.assert_allclose(fisher, np.square(expected).mean(0), rtol=2e-3, atol=1e-6)
        taylor = [*from_gradients(found, "taylor").heads, *from_gradients(found, "taylor").neurons][at]
        np.testing.assert_allclose(taylor, np.abs(expected).mean(0), rtol=2e-3, atol=1e-5)
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("layer", [None, 2])
def test_without_a_head_fisher_is_the_curvature_of_the_reconstruction(
    tiny: Any, tiny_context: Any, layer: int | None
) -> None:
    source = tiny("encoder", layer)
    model = loaded(source)
    ids = torch.tensor([[0, 7, 8, 2], [0, 9, 2, 1]])
    there = (ids != 1).long()

    def states(*masks: torch.Tensor) -> torch.Tensor:
        inputs = {"input_ids": ids, "attention_mask": there, "output_hidden_states": True}
        found = torch.func.functional_call(model, through_weights(model, list(masks)), (), inputs)
        return found.hidden_states[-1 if layer is None else layer] * there[..., None]

    masks = tuple(torch.ones(count) for count in [HEADS] * 3 + [FFN] * 3)
    jacobians = torch.autograd.functional.jacobian(states, masks)
    exact = [(jacobian.square().sum((1, 2)) / there.sum(1)[:, None]).mean(0) for jacobian in jacobians]
    copies = 1500  # of the batch: as many random signs
    batch = {"input_ids": ids.repeat(copies, 1).numpy(), "attention_mask": there.repeat(copies, 1).numpy()}
    found = from_gradients(
        unit_gradients(model, "encoder", layer, iter([batch]), hidden=False, seed=0), "fisher"
    )
    for one, other in zip([*found.heads, *found.neurons], exact, strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=0.2, atol=1e-9)
    if layer == 2:
        assert not found.heads[2].any() and not found.neurons[2].any(), "nothing reads the layer above"


def test_without_labels_fisher_is_the_expectation_over_the_models_own_answers(tiny: Any) -> None:
    source = tiny("classification")
    model = loaded(source)
    batch = {"input_ids": np.array([[0, 7, 8, 2]]), "attention_mask": np.ones((1, 4), np.int64)}
    with torch.inference_mode():
        tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
        chances = model(**tensors).logits.softmax(-1)[0].numpy()
    exact = [np.zeros(count) for count in [HEADS] * 3 + [FFN] * 3]
    for label, chance in enumerate(chances):
        (slow,) = slow_gradients(model, "classification", [{**batch, "labels": np.array([label])}])
        exact = [total + chance * np.square(one) for total, one in zip(exact, slow, strict=True)]
    many = {name: array.repeat(4000, 0) for name, array in batch.items()}
    found = from_gradients(
        unit_gradients(model, "classification", None, iter([many]), hidden=False, seed=0), "fisher"
    )
    for one, other in zip([*found.heads, *found.neurons], exact, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.2, atol=1e-7)


@pytest.mark.parametrize("head", ["tagging", "qa", "choice"])
def test_unlabelled_losses_have_a_gradient_and_ignore_the_padding(tiny: Any, head: Any) -> None:
    source = tiny(head)
    model = loaded(source)
    ids = torch.tensor([[0, 7, 8, 2]])
    longer = torch.tensor([[0, 7, 8, 2, 1, 1], [0, 9, 5, 6, 7, 2]])

    def losses(rows: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(1)
        batch = {"input_ids": rows, "attention_mask": (rows != 1).long()}
        return SPECS[head].example_losses(model, None, batch, generator)

    assert losses(ids).shape == (1,) and losses(longer).shape == (2,)
    losses(longer).sum().backward()
    gradient = model.roberta.encoder.layer[0].output.dense.weight.grad
    assert gradient.abs().sum() > 0 and torch.isfinite(gradient).all()


def test_the_hidden_mask_multiplies_every_layer_normalisation(tiny: Any, tiny_context: Any) -> None:
    source = tiny("tagging")
    model = loaded(source)
    examples = calibrated(source, tiny_context.provider, on="udpos")
    batches = list(batches_of("tagging", examples, True, seed=0))
    found = unit_gradients(model, "tagging", None, iter(batches), hidden=True, seed=0).hidden
    assert found.shape == (6, HIDDEN)
    row = 0
    for arrays in batches:
        for at in range(len(arrays["labels"])):
            batch = {name: torch.from_numpy(array[at : at + 1]) for name, array in arrays.items()}
            mask = torch.ones(HIDDEN, requires_grad=True)
            # weight and bias of every norm scaled: what it gives is scaled
            weights = {
                name: weight * mask if "LayerNorm" in name else weight
                for name, weight in model.named_parameters()
            }
            (expected,) = torch.autograd.grad(SPECS["tagging"].loss(Bound(model, weights), batch), mask)
            np.testing.assert_allclose(found[row], expected.numpy(), rtol=1e-3, atol=1e-5)
            row += 1


def test_activation_is_the_mean_square_of_what_a_unit_adds(tiny: Any, tiny_context: Any) -> None:
    source = tiny("encoder")
    model = loaded(source)
    examples = calibrated(source, tiny_context.provider, examples=9)
    found = activation(model, examples)
    ids = [row for rows in examples.by_language.values() for row in rows]
    tokens = sum(map(len, ids))
    layer = model.encoder.layer[1]
    heads, neurons, hidden = np.zeros(HEADS), np.zeros(FFN), np.zeros(HIDDEN)
    with torch.inference_mode():
        for row in ids:
            states = model(input_ids=torch.tensor([row]), output_hidden_states=True).hidden_states
            context, _ = layer.attention.self(states[1])
            after = layer.attention.output(context, states[1])
            inner = layer.intermediate(after)
            for unit in range(HEADS):
                own = slice(unit * SIZE, (unit + 1) * SIZE)
                added = context[..., own] @ layer.attention.output.dense.weight[:, own].T
                heads[unit] += float(added.square().sum())
            for unit in range(FFN):
                added = inner[..., unit : unit + 1] * layer.output.dense.weight[:, unit]
                neurons[unit] += float(added.square().sum())
            for index, state in enumerate(states):
                hidden += state.square().sum((0, 1)).numpy()
                if index < 3:
                    block = model.encoder.layer[index].attention
                    hidden += block(state)[0].square().sum((0, 1)).numpy()
    np.testing.assert_allclose(found.heads[1], heads / tokens, rtol=1e-4)
    np.testing.assert_allclose(found.neurons[1], neurons / tokens, rtol=1e-4)
    np.testing.assert_allclose(found.hidden, hidden / tokens, rtol=1e-4)


@torch.no_grad()
def test_magnitude_is_the_squared_norm_of_a_units_weights(tiny: Any) -> None:
    model = loaded(tiny("encoder"))
    found = by_magnitude(model)
    layer = model.encoder.layer[2]
    own = slice(SIZE, 2 * SIZE)
    expected = sum(
        float(getattr(layer.attention.self, name).weight[own].square().sum())
        for name in ("query", "key", "value")
    ) + float(layer.attention.output.dense.weight[:, own].square().sum())
    assert found.heads[2][1] == pytest.approx(expected, rel=1e-5)
    expected = float(
        layer.intermediate.dense.weight[5].square().sum() + layer.output.dense.weight[:, 5].square().sum()
    )
    assert found.neurons[2][5] == pytest.approx(expected, rel=1e-5)
    assert found.hidden.shape == (HIDDEN,) and (found.hidden > 0).all()


def test_random_importance_follows_its_seed_and_every_measure_has_one_number_per_unit(
    tiny: Any, tiny_context: Any
) -> None:
    source = tiny("encoder")
    model = loaded(source)
    examples = calibrated(source, tiny_context.provider, examples=2 * BATCH)
    one, same, other = (at_random(model, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.heads[0], same.heads[0]) and not np.array_equal(one.heads[0], other.heads[0])
    assert max(one.heads[0]) > 2 > max(one.neurons[0]), "a head weighs as much as 2 head_size neurons"
    shape = shape_of(model)
    every: list[Units] = [one, by_magnitude(model), activation(model, examples)]
    for units in every:
        assert tuple(map(len, units.heads)) == shape.heads
        assert tuple(map(len, units.neurons)) == shape.ffn
