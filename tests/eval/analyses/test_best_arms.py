"""The best arm per task: a plain twin, no winner's curse, and a verdict that keeps its level."""

from __future__ import annotations

import math
from statistics import mean

import numpy as np
import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.comparison.best_arm import BestArms, Fold, Selection, best_arms, cross_fitted
from xpareto.eval.statistics.score_draws import ModelTuning, task_scores
from xpareto.eval.tasks import task

ARMS = ("none", "mnli", "squad", "swag")


def answers(right: np.ndarray) -> np.ndarray:
    """Return outcomes (..., examples, 2) of a task that counts right answers."""
    return np.stack([right, np.ones_like(right)], axis=-1).astype(np.float64)


def right(rng: np.random.Generator, levels: np.ndarray, examples: int) -> np.ndarray:
    """Return right answers (models, examples) of models with those chances; examples are hard for all."""
    hard = rng.random(examples)
    return (0.5 * hard + 0.5 * rng.random((len(levels), examples))) < _cut(levels)[:, None]


def _cut(levels: np.ndarray) -> np.ndarray:
    """Return below which cut the mean of two uniform numbers lies with that chance."""
    return np.where(levels < 0.5, np.sqrt(levels / 2), 1 - np.sqrt((1 - levels) / 2))


def slow_gain(
    chosen_on: np.ndarray, scored_on: np.ndarray, arms: int, seeds: int
) -> tuple[float, list[list[int]]]:
    """Return the mean gain over seeds and who was chosen, by loops; both are (models, languages, examples)."""

    def score(of: np.ndarray, arm: int, seed: int) -> float:
        return mean(100 * sum(row) / len(row) for row in of[arm * seeds + seed].tolist())

    gains, who = [], []
    for seed in range(seeds):
        best = max(range(1, arms), key=lambda arm: (score(chosen_on, arm, seed), -arm))
        who.append([best])
        gains.append(score(scored_on, best, seed) - score(scored_on, 0, seed))
    return mean(gains), who


def from_dev(dev: np.ndarray, test: np.ndarray, seed: int = 0, draws: int = 300) -> Selection:
    on, scored = (
        task_scores(
            task("xnli"), {f"l{at}": answers(found[:, at]) for at in range(found.shape[1])}, seed, draws, None,
            None, part,
        )
        for found, part in ((dev, "dev"), (test, ""))
    )  # fmt: skip
    return Selection(task("xnli"), "dev", (Fold(on, scored),))


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_gain_is_that_of_plain_loops(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    levels = rng.uniform(0.4, 0.8, size=len(ARMS) * seeds)
    dev, test = (np.stack([right(rng, levels, count) for _ in range(2)], axis=1) for count in (40, 60))
    found = best_arms([from_dev(dev, test)], ARMS, seeds, 1.0)
    gain, who = slow_gain(dev, test, len(ARMS), seeds)
    assert found.average.difference == pytest.approx(gain)
    counts = {ARMS[arm]: sum(one == [arm] for one in who) for arm in {arm for (arm,) in who}}
    assert found.tasks["xnli"].chosen == counts
    assert math.fsum(found.tasks["xnli"].shares.values()) == pytest.approx(1.0)
    assert (found.average.df is None) == (seeds == 1)


def test_draws_are_of_dev_and_test_each_for_itself() -> None:
    """The spread over draws is that of a bootstrap by loops that chooses inside every draw."""
    rng = np.random.default_rng(4)
    levels = np.array([0.55, 0.6, 0.62, 0.61])
    dev, test = (right(rng, levels, count)[:, None] for count in (30, 50))
    found = best_arms([from_dev(dev, test, draws=6000)], ARMS, 1, 1.0)
    slow = []
    for _ in range(3000):
        a, b = rng.integers(30, size=30), rng.integers(50, size=50)
        slow.append(slow_gain(dev[:, :, a], test[:, :, b], len(ARMS), 1)[0])
    expected = math.sqrt(np.var(slow) + (100 / 52) ** 2)
    assert found.average.se_examples == pytest.approx(expected, rel=0.05)


def simulated(rng: np.random.Generator, gain: float, seeds: int, way: str, noise: float = 0.0) -> BestArms:
    """Return two tasks of arms that gain equally many points, or nothing; `noise` is of seeds."""
    selections = []
    for name, codes in (("xnli", ("de", "zh")), ("tatoeba", ("de",))):
        level = 0.6 + np.repeat([0.0, gain, gain, gain], seeds) / 100
        level = np.clip(level + rng.normal(0, noise / 100, size=len(level)), 0.02, 0.98)
        test = {code: answers(right(rng, level, 120)) for code in codes}
        if way == "halves":
            selections.append(cross_fitted(task(name), test, int(rng.integers(1 << 30)), 200))
        else:
            dev = test if way == "test" else {code: answers(right(rng, level, 120)) for code in codes}
            own = task_scores(task(name), test, int(rng.integers(1 << 30)), 200)
            on = task_scores(task(name), dev, int(rng.integers(1 << 30)), 200, part="dev")
            selections.append(Selection(task(name), "dev", (Fold(on, own),)))
    return best_arms(selections, ARMS, seeds, 1.0)


@pytest.mark.parametrize("way", ["dev", "halves"])
def test_the_best_of_equal_arms_gains_nothing(way: str) -> None:
    rng = np.random.default_rng(1)
    gains = [simulated(rng, 0.0, 1, way).average for _ in range(120)]
    error = np.std([one.difference for one in gains]) / math.sqrt(len(gains))
    assert abs(mean(one.difference for one in gains)) < 3 * error
    assert sum(one.verdict in ("better", "worse") for one in gains) <= 0.05 * len(gains) + 3


def test_chosen_on_what_is_reported_the_best_of_equal_arms_would_seem_to_gain() -> None:
    rng = np.random.default_rng(2)
    gains = [simulated(rng, 0.0, 1, "test").average.difference for _ in range(60)]
    assert mean(gains) > 5 * np.std(gains) / math.sqrt(len(gains))


@pytest.mark.parametrize("way", ["dev", "halves"])
def test_a_gain_of_twenty_points_is_found(way: str) -> None:
    found = simulated(np.random.default_rng(3), 20.0, 4, way, noise=0.5)
    assert found.average.verdict == "better"
    assert found.average.low < 20 < found.average.high


@pytest.mark.slow
@pytest.mark.parametrize("way", ["dev", "halves"])
@pytest.mark.parametrize(("seeds", "noise"), [(1, 0.0), (2, 2.0), (4, 2.0)])
def test_intervals_cover_the_gain_of_equal_arms(way: str, seeds: int, noise: float) -> None:
    """With noise of seeds the arm that is chosen is truly better, so the gain itself is not known; with
    equal arms of one seed it is zero, and with noise the expected gain is taken from many repetitions."""
    rng = np.random.default_rng(100 * seeds)
    found = [simulated(rng, 0.0, seeds, way, noise).average for _ in range(300)]
    truth = 0.0 if not noise else mean(one.difference for one in found)
    inside = mean(one.low <= truth <= one.high for one in found)
    assert inside >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / len(found))


def test_halves_are_disjoint_whole_and_shared_by_parallel_languages() -> None:
    marks = np.arange(11.0)
    outcomes = {code: np.stack([marks, np.full(11, 100.0)], axis=-1)[None] for code in ("de", "zh")}
    for name, same in (("xnli", True), ("tatoeba", False)):
        first, second = cross_fitted(task(name), outcomes, 0, 100).folds
        assert first.chosen_on.points.tolist() == second.scored_on.points.tolist()
        assert [scores.examples for scores in (first.chosen_on, first.scored_on)] == [(6, 6), (5, 5)]
        sums = first.chosen_on.points * 6 + first.scored_on.points * 5
        assert sums[0].tolist() == pytest.approx([marks.sum()] * 2)
        assert (first.chosen_on.points[0, 0] == first.chosen_on.points[0, 1]) == same
    with pytest.raises(InputError, match="at least two examples to halve, found one in de"):
        cross_fitted(task("xnli"), {"de": outcomes["de"][:, :1]}, 0, 100)


def test_halves_of_mined_sentences_keep_the_dev_rows_that_set_the_threshold() -> None:
    rng = np.random.default_rng(0)
    hit = (rng.random((2, 30)) < 0.6).astype(float)
    whole = np.ones_like(hit)
    own = np.stack([hit + rng.uniform(0.2, 0.8, hit.shape), hit, whole, whole * 0], axis=-1)
    counts = np.stack([hit, hit, whole, hit, hit], axis=-1)
    tuning = {"de": ModelTuning(own, own[:, :20])}
    (first, _) = cross_fitted(task("bucc2018"), {"de": counts}, 0, 50, tuning).folds
    assert first.scored_on.retuned and first.scored_on.examples == (15,)


def test_of_equal_arms_the_first_is_chosen() -> None:
    same = np.tile(np.random.default_rng(0).random((1, 1, 20)) < 0.5, (len(ARMS), 1, 1))
    found = best_arms([from_dev(same, same)], ARMS, 1, 1.0)
    assert found.tasks["xnli"].chosen == {"mnli": 1}
    assert found.average.difference == 0.0
