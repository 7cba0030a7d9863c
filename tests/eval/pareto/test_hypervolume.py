"""Hypervolume and the cost of equal scores: by hand, by moocore, and by plain integration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xpareto.eval.pareto.frontier import Frontier
from xpareto.eval.pareto.hypervolume import hypervolume, iso_cost, joint_hypervolume, octaves

SCORES = arrays(np.float64, st.integers(1, 7), elements=st.floats(0, 100, width=32))


def costs_of(scores: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.linspace(-4, 2, 13), size=len(scores))


def test_the_area_by_hand() -> None:
    # 50 points for three octaves, 60 for the last two of them, 70 for the very last
    scores, cost = np.array([50.0, 60.0, 70.0]), np.array([-2.0, -1.0, 0.0])
    assert hypervolume(scores, cost) == pytest.approx(50 + 60 + 70)
    # the difference of two arms: arm B reaches 65 where A reaches 60, for one octave
    assert hypervolume(np.array([50.0, 65.0, 70.0]), cost) - hypervolume(scores, cost) == pytest.approx(5)
    # what costs more than twice the baseline adds nothing; nor does what another dominates
    assert hypervolume(np.array([50.0, 99.0]), np.array([-2.0, 1.5])) == pytest.approx(150)
    assert hypervolume(np.array([50.0, 40.0]), np.array([-2.0, 0.0])) == pytest.approx(150)


@given(SCORES, st.integers(0, 1000))
def test_the_area_is_moocores(scores: np.ndarray, seed: int) -> None:
    cost = costs_of(scores, seed)
    frontier = Frontier.of(np.column_stack([scores, cost]), ["max", "min"])
    expected = frontier.hypervolume([0.0, 1.0])
    assert hypervolume(scores, cost) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert joint_hypervolume(scores, cost[:, None]) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(SCORES, st.integers(0, 1000))
def test_the_area_is_the_integral_of_the_best_score_within_a_budget(scores: np.ndarray, seed: int) -> None:
    cost = costs_of(scores, seed)  # multiples of a half, so that the pieces between them are exact
    budgets = np.arange(-4, 1, 0.5)
    best = [max((s for s, c in zip(scores, cost, strict=True) if c <= b), default=0.0) for b in budgets]
    assert hypervolume(scores, cost) == pytest.approx(0.5 * sum(best), abs=1e-9)


def test_many_draws_are_measured_at_once() -> None:
    rng = np.random.default_rng(0)
    scores, cost = rng.uniform(0, 100, (3, 4, 5)), rng.uniform(-3, 0, 5)
    each = [[float(hypervolume(row, cost)) for row in block] for block in scores]
    assert hypervolume(scores, cost) == pytest.approx(np.array(each))
    joint = joint_hypervolume(scores, np.stack([cost, cost[::-1]], axis=1))
    assert joint.shape == (3, 4)


def test_the_joint_volume_by_hand() -> None:
    # one candidate, 10 points, two costs one and two octaves below the reference
    assert joint_hypervolume(np.array([[10.0]]), np.array([[0.0, -1.0]]))[0] == pytest.approx(10 * 1 * 2)


def test_throughput_counts_from_the_other_side() -> None:
    latency, rate = np.array([10.0, 5.0]), np.array([100.0, 200.0])
    assert octaves(latency, 10.0, "min") == pytest.approx(octaves(rate, 100.0, "max"))


@given(st.floats(-3, 3), SCORES, st.integers(0, 1000))
def test_an_arm_at_another_price_costs_that_much(shift: float, scores: np.ndarray, seed: int) -> None:
    cost = costs_of(scores, seed)
    found = float(iso_cost(scores, scores, cost, cost + shift))
    mask = Frontier.of(np.column_stack([scores, cost]), ["max", "min"]).mask
    if len(set(scores[mask])) < 2:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(shift * math.log(2), abs=1e-6)


@given(SCORES, SCORES, st.integers(0, 1000))
def test_exchanging_the_arms_turns_the_ratio(a: np.ndarray, b: np.ndarray, seed: int) -> None:
    cost_a, cost_b = costs_of(a, seed), costs_of(b, seed + 1)
    one, other = float(iso_cost(a, b, cost_a, cost_b)), float(iso_cost(b, a, cost_b, cost_a))
    assert (math.isnan(one) and math.isnan(other)) or one == pytest.approx(-other, abs=1e-9)


def slow_iso(a: np.ndarray, b: np.ndarray, cost_a: np.ndarray, cost_b: np.ndarray) -> float:
    """Average the gap between two interpolated frontiers at many scores, in plain Python."""

    def frontier(scores: np.ndarray, cost: np.ndarray) -> list[tuple[float, float]]:
        points = set(zip(scores.tolist(), cost.tolist(), strict=True))
        kept = [p for p in points if not any(q != p and q[0] >= p[0] and q[1] <= p[1] for q in points)]
        return sorted(kept)

    def price(curve: list[tuple[float, float]], score: float) -> float:
        for (s0, c0), (s1, c1) in itertools.pairwise(curve):
            if s0 <= score <= s1:
                return c0 + (c1 - c0) * (score - s0) / (s1 - s0)
        raise AssertionError("outside")

    one, other = frontier(a, cost_a), frontier(b, cost_b)
    low, high = max(one[0][0], other[0][0]), min(one[-1][0], other[-1][0])
    if high <= low:
        return float("nan")
    count = 2000
    at = [low + (high - low) * (place + 0.5) / count for place in range(count)]
    return math.log(2) * sum(price(other, s) - price(one, s) for s in at) / count


def test_the_cost_of_equal_scores_is_the_mean_gap_between_the_frontiers() -> None:
    rng = np.random.default_rng(5)
    compared = 0
    for _ in range(40):
        a, b = rng.uniform(40, 80, 5), rng.uniform(40, 80, 5)
        cost_a, cost_b = rng.uniform(-3, 0, 5), rng.uniform(-3, 0, 5)
        found, expected = float(iso_cost(a, b, cost_a, cost_b)), slow_iso(a, b, cost_a, cost_b)
        assert math.isnan(found) == math.isnan(expected)
        if not math.isnan(found):
            compared += 1
            assert found == pytest.approx(expected, abs=0.01)
    assert compared > 10


def test_without_common_scores_there_is_no_ratio() -> None:
    cost = np.array([-1.0, 0.0])
    assert math.isnan(float(iso_cost(np.array([10.0, 20.0]), np.array([30.0, 40.0]), cost, cost)))
    assert math.isnan(float(iso_cost(np.array([20.0]), np.array([10.0, 40.0]), cost[:1], cost)))


@given(SCORES)
def test_better_scores_never_shrink_the_area(scores: np.ndarray) -> None:
    assume(len(scores) > 1)
    cost = costs_of(scores, 1)
    assert hypervolume(scores + 1, cost) >= hypervolume(scores, cost)
