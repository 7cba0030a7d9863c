from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tests.compress.training.scaled_training import Tagged, Tagger, accuracy, loss
from xpareto.compress.data.batching import Batch
from xpareto.compress.training.loop import Fitted, Schedule, fit
from xpareto.compress.training.resume import SAVED_TRAINING, Saving, fingerprint

STEPS = 24
EACH_STEP = 1e-9  # minutes


class Killed(Exception):
    pass


class Dying(Tagged):
    """Batches that come until the process is killed, in the middle of an update."""

    def __init__(self, die_at: int | None) -> None:
        self.die_at = die_at
        self.asked: list[int] = []

    def batch(self, number: int) -> Batch:
        self.asked.append(number)
        if number == self.die_at:
            raise Killed
        return super().batch(number)


def learn(
    folder: Path | None,
    *,
    batches: Tagged | None = None,
    seed: int = 3,
    every: float = EACH_STEP,
    dev: Callable[[Tagger], float] | None = accuracy,
    **changes: object,
) -> tuple[Tagger, Fitted]:
    """Train with dropout."""
    model = Tagger(dropout=0.3)
    plan = Schedule(**{"steps": STEPS, "learning_rate": 2e-2, "evaluate_every": 7, **changes})  # type: ignore[arg-type]
    saving = Saving(folder, every) if folder is not None else None
    fitted = fit(
        model, batches or Tagged(), loss, plan, seed=seed, threads=1, progress=lambda *told: None, dev=dev,
        saving=saving,
    )  # fmt: skip
    return model, fitted


def killed(folder: Path, at: int, **settings: object) -> None:
    """Train until the update after `at` begins."""
    with pytest.raises(Killed):
        learn(folder, batches=Dying(at), **settings)  # type: ignore[arg-type]
    assert (folder / SAVED_TRAINING).is_file()


def same(found: Tagger, expected: Tagger) -> bool:
    return all(torch.equal(value, expected.state_dict()[name]) for name, value in found.state_dict().items())


@pytest.mark.parametrize(("deaths", "patience"), [((5,), 0), ((1, 7, 23), 0), ((12,), 1)])
def test_a_training_that_was_killed_ends_with_the_same_bits(
    tmp_path: Path, deaths: tuple[int, ...], patience: int
) -> None:
    scores = (lambda model: -accuracy(model)) if patience else accuracy  # falls, so that patience runs out
    settings = {"dev": scores, "patience": patience}
    undisturbed, expected = learn(None, **settings)  # type: ignore[arg-type]
    assert expected.steps == (14 if patience else STEPS)
    for death in deaths:
        killed(tmp_path, death, **settings)
    again = Dying(None)
    model, fitted = learn(tmp_path, batches=again, **settings)  # type: ignore[arg-type]
    assert fitted == expected and fitted.notes() == expected.notes()
    assert same(model, undisturbed)
    assert again.asked == [0, *range(deaths[-1], expected.steps)]  # batch 0 is part of the fingerprint


@pytest.mark.parametrize("changes", [{"seed": 4}, {"learning_rate": 1e-2}, {"steps": STEPS - 1}])
def test_the_state_of_another_training_is_left_alone(tmp_path: Path, changes: dict[str, float]) -> None:
    killed(tmp_path, 20)
    model, fitted = learn(tmp_path, **changes)  # type: ignore[arg-type]
    undisturbed, expected = learn(None, **changes)  # type: ignore[arg-type]
    assert fitted == expected and same(model, undisturbed)


def test_other_data_have_another_fingerprint() -> None:
    first, second = Tagged().batch(0), Tagged().batch(1)
    assert fingerprint({"a": 1}, first) == fingerprint({"a": 1}, Tagged().batch(0))
    others = [fingerprint({"a": 1}, second), fingerprint({"a": 2}, first)]
    others.append(fingerprint({"a": 1}, {**first, "labels": first["labels"].reshape(-1)}))
    assert len({fingerprint({"a": 1}, first), *others}) == 4


def test_a_damaged_state_is_no_state(tmp_path: Path) -> None:
    killed(tmp_path, 20)
    whole = (tmp_path / SAVED_TRAINING).read_bytes()
    undisturbed, _ = learn(None)
    for damaged in (b"", whole[: len(whole) // 2]):
        (tmp_path / SAVED_TRAINING).write_bytes(damaged)
        assert same(learn(tmp_path)[0], undisturbed)


def test_nothing_is_saved_where_no_minutes_are_given_or_they_are_not_over(tmp_path: Path) -> None:
    for minutes in (0.0, 5.0):
        learn(tmp_path, every=minutes)
        assert not list(tmp_path.iterdir())


def test_the_state_is_one_file_that_says_what_it_holds(tmp_path: Path) -> None:
    killed(tmp_path, 20)
    assert [path.name for path in tmp_path.iterdir()] == [SAVED_TRAINING]
    with safe_open(tmp_path / SAVED_TRAINING, "pt") as opened:
        facts = json.loads(opened.metadata()["state"])
        kinds = {name.partition("/")[0] for name in opened.keys()}  # noqa: SIM118 - it is no mapping
    assert facts["step"] == 20 and len(facts["dev_scores"]) == 2
    assert {"model", "optimizer", "kept", "random"} <= kinds


def test_without_a_dev_score_the_last_weights_come_back(tmp_path: Path) -> None:
    killed(tmp_path, 20, dev=None)
    assert same(learn(tmp_path, dev=None)[0], learn(None, dev=None)[0])
