"""Attainment, its difference, hypervolume of drawn costs, and knees against slow twins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.pareto.attainment_surface import attainment, attainment_difference, share_attained
from xpareto.eval.pareto.hypervolume import hypervolume
from xpareto.eval.pareto.knee import knees

points = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=4)
arm = st.lists(points, min_size=1, max_size=3)


def sets_of(raw: list[list[tuple[int, int]]]) -> list[np.ndarray]:
    return [np.array(own, dtype=float) for own in raw]


@settings(max_examples=60, deadline=None)
@given(arm)
def test_surfaces_say_in_how_many_seeds_a_trade_off_is_attained(raw: list[list[tuple[int, int]]]) -> None:
    sets = sets_of(raw)
    surfaces = attainment(sets)
    assert [surface.seeds for surface in surfaces] == list(range(1, len(sets) + 1))
    for cost, score in itertools.product(np.arange(-0.5, 5), np.arange(-0.5, 5)):
        count = round(len(sets) * share_attained(sets, cost, score))
        reached = [
            bool(((own.corners[:, 0] <= cost) & (own.corners[:, 1] >= score)).any()) for own in surfaces
        ]
        assert sum(reached) == count


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3).flatmap(lambda n: st.tuples(*[st.lists(points, min_size=n, max_size=n)] * 2)))
def test_regions_hold_the_difference_of_the_arms(pair: tuple[list[list[tuple[int, int]]], ...]) -> None:
    a, b = map(sets_of, pair)
    regions = attainment_difference(a, b)
    for cost, score in itertools.product(np.arange(0.5, 6), np.arange(-0.5, 5)):  # between the grid's lines
        expected = share_attained(b, cost, score) - share_attained(a, cost, score)
        own = [r.difference for r in regions if r.cheap < cost < r.dear and r.low < score < r.high]
        assert len(own) <= 1 and sum(own) == pytest.approx(expected)


def test_arms_need_equally_many_seeds() -> None:
    one = np.array([[0.0, 1.0]])
    with pytest.raises(ValueError, match="as many seeds"):
        attainment_difference([one], [one, one])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_hypervolume_of_drawn_costs_is_that_of_each_draw(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, costs = rng.integers(0, 9, (5, count)) * 10.0, rng.integers(-3, 3, (5, count)).astype(float)
    found = hypervolume(scores, costs)
    for row, score, cost in zip(found, scores, costs, strict=True):
        # Unit columns of cost: the best score that is to be had for at most what the column begins at.
        expected = sum(
            max([0.0, *(s for s, c in zip(score, cost, strict=True) if c <= column)])
            for column in range(-3, 1)
        )
        assert row == pytest.approx(expected)


def slow_knee(scores: np.ndarray, costs: np.ndarray) -> int:
    places = range(len(scores))
    front = [
        i
        for i in places
        if not any(
            scores[j] >= scores[i] and costs[j] <= costs[i] and (scores[j] > scores[i] or costs[j] < costs[i])
            for j in places
        )
    ]
    front = sorted({(costs[i], scores[i]): i for i in reversed(front)}.values(), key=lambda i: costs[i])
    if len(front) < 3:
        return -1
    first, last = front[0], front[-1]
    line = np.array([costs[last] - costs[first], scores[last] - scores[first]], dtype=float)
    heights = []
    for i in front:
        away = np.array([costs[i] - costs[first], scores[i] - scores[first]], dtype=float)
        heights.append((line[0] * away[1] - line[1] * away[0]) / float(np.hypot(*line)))
    best = int(np.argmax(heights))
    return front[best] if heights[best] > 1e-9 else -1


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 8), st.integers(0, 10_000))
def test_knees_are_the_farthest_from_the_line_of_the_ends(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, costs = (
        rng.integers(0, 12, (6, count)).astype(float),
        rng.integers(0, 12, (6, count)).astype(float),
    )
    for own, score, cost in zip(knees(scores, costs), scores, costs, strict=True):
        slow = slow_knee(score, cost)
        same = own == slow or (
            own >= 0 and slow >= 0 and height(score, cost, own) == pytest.approx(height(score, cost, slow))
        )
        assert same


def height(scores: np.ndarray, costs: np.ndarray, at: int) -> float:
    """Return the height of a point above the line of the frontier's ends, up to a constant factor."""
    cheapest = int(np.lexsort((-scores, costs))[0])
    best = int(np.lexsort((costs, -scores))[0])
    run, rise = costs[best] - costs[cheapest], scores[best] - scores[cheapest]
    return float((scores[at] - scores[cheapest]) * run - (costs[at] - costs[cheapest]) * rise)


def test_a_straight_frontier_has_no_knee() -> None:
    assert knees(np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 3.0]])).tolist() == [-1]
