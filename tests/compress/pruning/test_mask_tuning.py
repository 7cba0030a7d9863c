"""Tuning is least squares: against numpy, and exact where an exact answer exists."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from xpareto.compress.data.calibration import CalibrationBatch
from xpareto.compress.models.checkpoint import load_model
from xpareto.compress.pruning import mask_tuning
from xpareto.compress.pruning.mask_tuning import LIMIT, tune
from xpareto.compress.pruning.slicing import narrow

ALL_HEADS, ALL_NEURONS, ALL_HIDDEN = [range(4)] * 3, [range(24)] * 3, range(16)
SIZE = 4


def batches(count: int = 4, seed: int = 0) -> list[CalibrationBatch]:
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        ids = random.integers(4, 96, (6, 10))
        mask = (np.arange(10)[None] < random.integers(4, 11, 6)[:, None]).astype(np.int64)
        found.append(CalibrationBatch(np.where(mask == 1, ids, 1), mask, ("en",) * 6))
    return found


def encoder(tiny: Any) -> Any:
    return load_model(tiny("encoder").path, "encoder", keep_head=True)


def last_state(model: Any, batch: CalibrationBatch) -> np.ndarray:
    with torch.inference_mode():
        found = model(
            input_ids=torch.from_numpy(batch.input_ids), attention_mask=torch.from_numpy(batch.attention_mask)
        )
    return found.last_hidden_state.numpy()[batch.attention_mask == 1]


@pytest.mark.parametrize("how", ["masks", "weights"])
def test_twins_take_over_for_those_that_were_pruned(tiny: Any, how: Any) -> None:
    teacher = encoder(tiny)
    with torch.no_grad():
        for layer in teacher.encoder.layer:
            for name in ("query", "key", "value"):  # head 3 is head 0 again
                linear = getattr(layer.attention.self, name)
                linear.weight[12:], linear.bias[12:] = (
                    linear.weight[:SIZE].clone(),
                    linear.bias[:SIZE].clone(),
                )
            layer.attention.output.dense.weight[:, 12:] = layer.attention.output.dense.weight[:, :SIZE]
            layer.intermediate.dense.weight[20:] = layer.intermediate.dense.weight[:4]
            layer.intermediate.dense.bias[20:] = layer.intermediate.dense.bias[:4]
            layer.output.dense.weight[:, 20:] = 2 * layer.output.dense.weight[:, :4]
    student = copy.deepcopy(teacher)
    narrow(student, [range(3)] * 3, [range(20)] * 3, ALL_HIDDEN)
    fresh = batches(1, seed=9)[0]
    before = np.abs(last_state(student, fresh) - last_state(teacher, fresh)).max()
    found = tune(teacher, student, list(ALL_HIDDEN), batches(), how, lambda *_: None)
    after = np.abs(last_state(student, fresh) - last_state(teacher, fresh)).max()
    assert after < 0.05 * before
    assert all(one.applied and one.after < 0.01 * one.before for one in found)
    if how == "masks":  # head 0 stands for two alike, neurons 0 to 3 for three of theirs
        old, new = teacher.encoder.layer[0], student.encoder.layer[0]
        ratio = new.attention.output.dense.weight / old.attention.output.dense.weight[:, :12]
        np.testing.assert_allclose(ratio.detach().numpy()[:, :SIZE], 2.0, rtol=0.02)
        ratio = new.output.dense.weight / old.output.dense.weight[:, :20]
        np.testing.assert_allclose(ratio.detach().numpy()[:, :4], 3.0, rtol=0.05)
        np.testing.assert_allclose(ratio.detach().numpy()[:, 4:], 1.0, atol=0.02)


def test_the_factors_of_the_first_block_solve_the_least_squares_problem(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mask_tuning, "_DAMPINGS", (1e-9,))
    monkeypatch.setattr(mask_tuning, "_HELD_OUT", 10**9)
    teacher = encoder(tiny)
    student = copy.deepcopy(teacher)
    narrow(student, [[0, 2, 3]] * 3, ALL_NEURONS, ALL_HIDDEN)
    raw = student.encoder.layer[0].attention.output.dense.weight.detach().clone()
    data = batches(2)
    tune(teacher, student, list(ALL_HIDDEN), data, "masks", lambda *_: None)
    tuned = student.encoder.layer[0].attention.output.dense.weight.detach()
    columns, targets = [], []
    with torch.inference_mode():
        for batch in data:
            there = batch.attention_mask == 1
            states = teacher.embeddings(input_ids=torch.from_numpy(batch.input_ids))
            mask = torch.from_numpy(there)[:, None, None, :].expand(6, 1, 10, 10)
            context = teacher.encoder.layer[0].attention.self(states, mask)[0].numpy()[there]
            weight = teacher.encoder.layer[0].attention.output.dense.weight.numpy()
            parts = [
                (context[:, at * SIZE : (at + 1) * SIZE] @ weight[:, at * SIZE : (at + 1) * SIZE].T).ravel()
                for at in range(4)
            ]
            columns.append(np.stack([parts[at] for at in (0, 2, 3)], axis=1))
            targets.append(sum(parts))
    expected = np.linalg.lstsq(np.concatenate(columns), np.concatenate(targets), rcond=None)[0]
    ratio = (tuned / raw).numpy()
    for unit in range(3):
        np.testing.assert_allclose(ratio[:, unit * SIZE : (unit + 1) * SIZE], expected[unit], rtol=1e-3)


@pytest.mark.parametrize("how", ["masks", "weights"])
def test_tuning_brings_a_pruned_encoder_nearer_to_the_whole_on_unseen_text(tiny: Any, how: Any) -> None:
    teacher = encoder(tiny)
    student = copy.deepcopy(teacher)
    narrow(student, [[0, 2, 3], [0, 1, 2], [1, 2, 3]], [range(20), range(3, 24), range(22)], ALL_HIDDEN)
    fresh = batches(1, seed=9)[0]

    def distance() -> float:
        return float(np.square(last_state(student, fresh) - last_state(teacher, fresh)).mean())

    before = distance()
    found = tune(teacher, student, list(ALL_HIDDEN), batches(8), how, lambda *_: None)
    assert distance() < before
    assert len(found) == 6
    assert sum(one.after for one in found) < sum(one.before for one in found)


@pytest.mark.parametrize("how", ["masks", "weights"])
def test_blocks_without_units_are_passed_by_and_pruned_channels_are_not_asked_for(
    tiny: Any, how: Any
) -> None:
    teacher = encoder(tiny)
    student = copy.deepcopy(teacher)
    hidden = [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]
    narrow(student, [[0, 2, 3], [], [1, 2]], [range(12), range(3, 20), []], hidden)
    found = tune(teacher, student, hidden, batches(8), how, lambda *_: None)
    assert [(one.layer, one.part) for one in found] == [
        (0, "attention"),
        (0, "ffn"),
        (1, "ffn"),
        (2, "attention"),
    ]
    assert sum(one.after for one in found) < sum(one.before for one in found)


def test_an_unstable_solution_ends_the_tuning_there(tiny: Any) -> None:
    teacher = encoder(tiny)
    student = copy.deepcopy(teacher)
    narrow(student, [range(3)] * 3, [range(20)] * 3, ALL_HIDDEN)
    with torch.no_grad():  # all of a block's work is asked of columns that are a hundredth of what they were
        student.encoder.layer[1].attention.output.dense.weight *= 0.01
    untouched = [weight.clone() for weight in student.encoder.layer[1:].parameters()]
    first = student.encoder.layer[0].output.dense.weight.clone()
    found = tune(teacher, student, list(ALL_HIDDEN), batches(), "masks", lambda *_: None)
    assert [one.applied for one in found] == [True, True, False]
    assert found[-1].before == found[-1].after
    assert not torch.equal(student.encoder.layer[0].output.dense.weight, first)
    for weight, old in zip(student.encoder.layer[1:].parameters(), untouched, strict=True):
        assert torch.equal(weight, old)
    assert LIMIT == 10


def test_an_unpruned_model_stays_as_it_is(tiny: Any) -> None:
    teacher = encoder(tiny)
    for how in ("masks", "weights"):
        student = copy.deepcopy(teacher)
        tune(teacher, student, list(ALL_HIDDEN), batches(), how, lambda *_: None)  # type: ignore[arg-type]
        for weight, old in zip(student.parameters(), teacher.parameters(), strict=True):
            np.testing.assert_allclose(weight.detach().numpy(), old.detach().numpy(), atol=1e-5)
