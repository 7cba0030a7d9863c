"""Contrasts of two arms: a brute-force bootstrap, known differences, and an arm against itself."""

from __future__ import annotations

import dataclasses
import math
from statistics import mean, pvariance

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.comparison.arms import Design, attribution, compare
from xpareto.eval.metrics.chunk_f1 import f1
from xpareto.eval.statistics.intervals import Spread
from xpareto.eval.statistics.score_draws import TaskScores, task_scores
from xpareto.eval.statistics.tests import Contrast, contrasts, holm, verdict
from xpareto.eval.tasks import Task, task


def answers(right: np.ndarray) -> np.ndarray:
    """Return outcomes (..., examples, 2) of a task that counts right answers."""
    return np.stack([right, np.ones_like(right)], axis=-1).astype(np.float64)


def compared(scores: list[TaskScores], arms: int, seeds: int, margin: float = 1.0) -> Contrast:
    names = tuple("abcdefgh"[:arms])
    design = Design(names, ("fp32",), tuple(range(seeds)), tuple(scores))
    return compare(design, margin).variants[0].average


def plain_bootstrap(a: np.ndarray, b: np.ndarray, draws: int, clustered: bool, seed: int) -> list[float]:
    """Return the mean over languages of B's accuracy less A's in every draw, by loops.

    `a` and `b` are (seeds, languages, examples) of right answers.
    """
    rng = np.random.default_rng(seed)
    seeds, languages, examples = a.shape
    found = []
    for _ in range(draws):
        together = [int(row) for row in rng.integers(examples, size=examples)]
        differences = []
        for language in range(languages):
            rows = together if clustered else [int(row) for row in rng.integers(examples, size=examples)]
            for one in range(seeds):
                differences.append(
                    100 * sum(b[one, language, row] - a[one, language, row] for row in rows) / examples
                )
        found.append(mean(differences))
    return found


@pytest.mark.parametrize("name", ["xnli", "tatoeba"])
def test_the_standard_error_is_that_of_a_brute_force_bootstrap(name: str) -> None:
    """The languages of xnli are parallel and stay together; those of tatoeba are drawn apart."""
    rng = np.random.default_rng(1)
    examples, codes = 25, ("de", "fr", "zh")
    shared = rng.random((1, 1, examples))  # an example is hard or easy in every language
    right = (0.6 * shared + 0.4 * rng.random((4, len(codes), examples))) < 0.5
    outcomes = {code: answers(right[:, at]) for at, code in enumerate(codes)}
    found = task_scores(task(name), outcomes, 0, 8000)
    assert found.clustered == task(name).parallel
    contrast = compared([found], arms=2, seeds=2)
    draws = plain_bootstrap(right[:2].astype(int), right[2:].astype(int), 8000, found.clustered, 7)
    expected = math.sqrt(pvariance(draws) + float(found.floor([0, 1], [2, 3]).sum()) / len(codes) ** 2)
    assert contrast.se_examples == pytest.approx(expected, rel=0.04)
    plain = 100 * (right[2:].mean(axis=(0, 1, 2)) - right[:2].mean(axis=(0, 1, 2)))
    assert contrast.difference == pytest.approx(plain)


def test_corpus_metrics_are_taken_of_the_sums() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(1, 9, size=(2, 40))
    outcomes = np.stack([gold // 2, gold, gold, gold // 2, gold], axis=-1).astype(np.float64)
    found = task_scores(task("udpos"), {"de": outcomes}, 0, 4000)
    assert found.points[0, 0] == pytest.approx(float(f1(*outcomes[0, :, :3].sum(axis=0))))
    rng = np.random.default_rng(3)
    slow = []
    for _ in range(2000):
        rows = rng.integers(40, size=40)
        slow.append(float(f1(*outcomes[0, rows, :3].sum(axis=0))))
    assert found.draws[0, 0].std() == pytest.approx(np.std(slow), rel=0.08)


def test_a_score_of_two_metrics_is_their_mean() -> None:
    two: Task = dataclasses.replace(task("udpos"), scored_by=2)
    outcomes = {"de": np.array([[[1.0, 2.0, 2.0, 9.0, 10.0]]])}
    assert task_scores(two, outcomes, 0, 100).points[0, 0] == pytest.approx((50 + 90) / 2)


def test_all_models_meet_the_same_draws() -> None:
    right = np.random.default_rng(0).random((1, 60)) < 0.6
    twice = task_scores(task("xnli"), {"de": answers(np.repeat(right, 2, axis=0))}, 0, 500)
    assert (twice.draws[0] == twice.draws[1]).all()


def test_pairing_makes_the_interval_narrow() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.random(2000)
    near = np.stack([difficulty < 0.7, difficulty < 0.71])
    paired = compared([task_scores(task("xnli"), {"de": answers(near)}, 0, 1000)], 2, 1)
    unpaired = 100 * math.sqrt(2 * 0.7 * 0.3 / 2000)
    assert paired.se_examples < unpaired / 3


def simulated(
    rng: np.random.Generator, arms: int, seeds: int, noise: float, gain: float = 0.0, examples: int = 150
) -> list[TaskScores]:
    """Return scores of models whose true accuracy is 65 %, `gain` more for arm B, give or take `noise`.

    Two tasks, one parallel in two languages. Noise of a seed is shared by the tasks in part; so is the
    difficulty of an example by all models.
    """
    scores = []
    shared = rng.normal(0, noise * 0.8, size=(arms, seeds))
    lift = np.array([0.0, gain] + [0.0] * (arms - 2))[:, None]
    for name in ("xnli", "tatoeba"):
        level = 65 + lift + shared + rng.normal(0, noise * 0.6, size=(arms, seeds))
        outcomes = {}
        latent = rng.normal(size=examples)
        for language in ("de", "zh"):
            ease = latent + rng.normal(0, 0.7, size=examples)
            own = ease + rng.normal(0, 0.7, size=(arms * seeds, examples))
            # the chance of a right answer is exactly `level`: own is normal with this spread
            cut = np.array([_normal_quantile(value / 100) for value in level.ravel()])
            outcomes[language] = answers(own / math.sqrt(1 + 2 * 0.49) < cut[:, None])
        scores.append(task_scores(task(name), outcomes, int(rng.integers(1 << 30)), 200, range(2 * seeds)))
    return scores


def _normal_quantile(p: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(min(max(p, 0.01), 0.99))


@pytest.mark.parametrize(("arms", "seeds"), [(2, 2), (2, 3), (4, 2)])
def test_an_arm_against_itself_is_called_better_or_worse_at_most_five_times_in_a_hundred(
    arms: int, seeds: int
) -> None:
    # Over 800 repetitions it is 2.3 times in a hundred for (2, 2) and (4, 2), and 1.6 for (2, 3).
    rng = np.random.default_rng(100 * arms + seeds)
    found = [compared(simulated(rng, arms, seeds, noise=2.0), arms, seeds) for _ in range(100)]
    assert sum(contrast.verdict in ("better", "worse") for contrast in found) <= 5
    assert not any(contrast.verdict == "equivalent" for contrast in found if abs(contrast.difference) > 1)


def test_without_a_term_for_seeds_an_arm_against_itself_would_fail_the_same_test() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(60):
        found = compared(simulated(rng, 2, 2, noise=2.0), 2, 2)
        wrong += abs(found.difference) > 1.96 * found.se_examples
    assert wrong > 9  # of 60, where 3 would be allowed


@pytest.mark.slow
@pytest.mark.parametrize(("arms", "seeds"), [(2, 2), (2, 4), (4, 2)])
@pytest.mark.parametrize("noise", [0.3, 3.0])
def test_intervals_cover_a_known_difference_and_verdicts_keep_their_level(
    arms: int, seeds: int, noise: float
) -> None:
    rng = np.random.default_rng(int(100 * noise) + 10 * arms + seeds)
    repetitions = 400
    slack = 3 * math.sqrt(0.05 * 0.95 / repetitions)
    known = [compared(simulated(rng, arms, seeds, noise, gain=3.0), arms, seeds) for _ in range(repetitions)]
    inside = mean(contrast.low <= 3.0 <= contrast.high for contrast in known)
    assert inside >= 0.95 - slack
    # The sum of the two half widths is cautious where both parts matter, but not by much more.
    assert inside <= 0.999
    # What differs by exactly the margin may be called equivalent in one case of twenty.
    false = mean(contrast.p_equivalent <= 0.05 for contrast in _at_margin(known))
    assert false <= 0.05 + slack


def _at_margin(known: list[Contrast]) -> list[Contrast]:
    spreads = [
        Spread(np.array([c.se_examples]), np.array([c.se_seeds or 0.0]), c.df) for c in known
    ]  # fmt: skip
    return [
        contrasts(np.zeros(1), np.array([c.difference]), spread, 3.0, "")[0]
        for c, spread in zip(known, spreads, strict=True)
    ]


def test_three_hundred_examples_and_three_seeds_show_a_difference_of_ten_points() -> None:
    rng = np.random.default_rng(0)
    found = compared(simulated(rng, 3, 3, noise=1.0, gain=10.0, examples=300), 3, 3)
    assert found.verdict == "better"


def slow_holm(p_values: list[float], level: float) -> list[bool]:
    """Return which hypotheses fall, step by step as Holm (1979) describes it."""
    left = dict(enumerate(p_values))
    rejected = [False] * len(p_values)
    while left:
        place = min(left, key=lambda at: left[at])
        if left[place] * len(left) > level:
            break
        rejected[place] = True
        del left[place]
    return rejected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.sampled_from([0.01, 0.05, 0.2]))
def test_adjusted_p_values_reject_what_holm_rejects(p_values: list[float], level: float) -> None:
    adjusted = holm(p_values)
    assert [value <= level for value in adjusted] == slow_holm(p_values, level)
    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))


@given(st.floats(-20, 20), st.floats(0.05, 5), st.floats(0, 5), st.sampled_from([1, 2, 4, None]))
def test_verdicts_follow_from_the_intervals(
    difference: float, examples: float, seeds: float, df: int | None
) -> None:
    spread = Spread(np.array([examples]), np.array([seeds if df else 0.0]), df)
    found = contrasts(np.array([50.0]), np.array([50.0 + difference]), spread, 1.0, "alone")[0]
    ninety = float(spread.half_width(0.90)[0])
    inside = found.difference - ninety > -1.0 and found.difference + ninety < 1.0
    apart = found.low > 0 or found.high < 0
    if abs(found.p - 0.05) > 1e-4 and abs(found.p_equivalent - 0.05) > 1e-4:
        expected = (
            "equivalent" if inside else ("better" if difference > 0 else "worse") if apart else "undetermined"
        )
        assert found.verdict == expected


def test_of_a_cost_less_is_better() -> None:
    assert verdict(-0.5, 0.001, 1.0, good=-1) == "better"
    assert verdict(0.5, 0.001, 1.0, good=-1) == "worse"


@given(st.dictionaries(st.text("abc", min_size=1), st.floats(-50, 50, width=32), min_size=1, max_size=9))
def test_shares_add_up_to_one_hundred_exactly(differences: dict[str, float]) -> None:
    parts = attribution(differences)
    total = mean(differences.values())
    assert math.fsum(part.points for part in parts.values()) == pytest.approx(total, abs=1e-9)
    shares = [part.share for part in parts.values()]
    if any(share is None for share in shares):
        assert abs(total) < 1e-8
    elif max(abs(share) for share in shares if share is not None) < 1e6:
        assert sum(round(10 * share) for share in shares if share is not None) == 1000


def test_what_compression_changes_is_the_difference_of_differences() -> None:
    rng = np.random.default_rng(2)
    right = rng.random((8, 200)) < np.array([0.8, 0.8, 0.6, 0.6, 0.8, 0.8, 0.7, 0.7])[:, None]
    scores = task_scores(task("xnli"), {"de": answers(right)}, 0, 500)
    found = compare(Design(("a", "b"), ("fp32", "int8"), (0, 1), (scores,)), 1.0)
    first, second = found.variants
    assert first.change is None and second.change is not None
    expected = second.average.difference - first.average.difference
    assert second.change.difference == pytest.approx(expected)
