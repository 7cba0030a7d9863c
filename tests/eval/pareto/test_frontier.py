from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.pareto.frontier import Frontier

Sense = Literal["max", "min"]


def dominates(a: np.ndarray, b: np.ndarray, senses: list[Sense]) -> bool:
    better = [x > y if sense == "max" else x < y for x, y, sense in zip(a, b, senses, strict=True)]
    worse = [x < y if sense == "max" else x > y for x, y, sense in zip(a, b, senses, strict=True)]
    return any(better) and not any(worse)


def slow_ranks(points: np.ndarray, senses: list[Sense]) -> list[int]:
    ranks, left, rank = [-1] * len(points), set(range(len(points))), 0
    left -= {i for i in left if not np.isfinite(points[i]).all()}
    while left:
        front = {i for i in left if not any(dominates(points[j], points[i], senses) for j in left)}
        for i in front:
            ranks[i] = rank
        left, rank = left - front, rank + 1
    return ranks


def slow_volume(points: np.ndarray, reference: list[int], senses: list[Sense]) -> int:
    """Count unit cells of an integer grid that some point dominates."""
    signs = [-1 if sense == "max" else 1 for sense in senses]
    worst = [value * sign for value, sign in zip(reference, signs, strict=True)]
    costs = [[value * sign for value, sign in zip(point, signs, strict=True)] for point in points.tolist()]
    low = [int(min([worst[j], *(cost[j] for cost in costs)])) for j in range(len(signs))]
    cells = itertools.product(*(range(low[j], worst[j]) for j in range(len(signs))))
    return sum(any(all(c <= x for c, x in zip(cost, cell, strict=True)) for cost in costs) for cell in cells)


@st.composite
def problems(draw: st.DrawFn, most: int = 4, high: int = 4) -> tuple[np.ndarray, list[Sense]]:
    d = draw(st.integers(1, most))
    rows = draw(st.lists(st.lists(st.integers(0, high), min_size=d, max_size=d), min_size=0, max_size=9))
    senses = draw(st.lists(st.sampled_from(["max", "min"]), min_size=d, max_size=d))
    return np.array(rows, dtype=float).reshape(-1, d), senses


@given(problems())
def test_ranks_and_mask_agree_with_peeling_by_definition(problem: tuple[np.ndarray, list[Sense]]) -> None:
    points, senses = problem
    before = points.copy()
    found = Frontier.of(points, senses)
    np.testing.assert_array_equal(found.ranks, slow_ranks(points, senses))
    np.testing.assert_array_equal(found.mask, found.ranks == 0)
    np.testing.assert_array_equal(points, before)


@settings(max_examples=40, deadline=None)
@given(problems(most=3), st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_hypervolume_agrees_with_counting_cells(
    problem: tuple[np.ndarray, list[Sense]], reference: list[int]
) -> None:
    points, senses = problem
    reference = reference[: len(senses)]
    found = Frontier.of(points, senses).hypervolume(reference)
    assert found == pytest.approx(slow_volume(points, reference, senses), abs=1e-9)


@given(problems(), st.data())
def test_an_incomplete_point_is_reported_and_changes_nothing(
    problem: tuple[np.ndarray, list[Sense]], data: st.DataObject
) -> None:
    points, senses = problem
    hole = [1e9 if sense == "max" else -1e9 for sense in senses]  # unbeatable, were it complete
    hole[data.draw(st.integers(0, len(senses) - 1))] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    at = data.draw(st.integers(0, len(points)))
    found = Frontier.of(np.insert(points, at, hole, axis=0), senses)
    assert found.incomplete == (at,)
    assert found.ranks[at] == -1 and not found.mask[at]
    np.testing.assert_array_equal(np.delete(found.ranks, at), Frontier.of(points, senses).ranks)


def test_tied_points_all_stay_on_the_frontier() -> None:
    assert Frontier.of(np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 3.0]]), ["max", "min"]).mask.tolist() == [
        1,
        1,
        0,
    ]


def test_none_counts_as_missing() -> None:
    found = Frontier.of(np.array([[1.0, None], [0.5, 3.0]], dtype=object), ["max", "min"])
    assert found.incomplete == (0,) and found.mask.tolist() == [False, True]


@pytest.mark.parametrize("senses", [["max"], ["max", "min", "min"], ["max", "up"], []])
def test_senses_that_do_not_fit_are_refused(senses: list[Sense]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Frontier.of(np.zeros((2, 2)), senses)


@pytest.mark.parametrize("reference", [[1.0], [1.0, np.nan]])
def test_a_reference_that_does_not_fit_is_refused(reference: list[float]) -> None:
    with pytest.raises(ValueError, match="reference"):
        Frontier.of(np.zeros((2, 2)), ["min", "min"]).hypervolume(reference)


def test_the_result_cannot_be_changed_by_accident() -> None:
    found = Frontier.of(np.zeros((2, 2)), ["min", "min"])
    with pytest.raises(ValueError, match="read-only"):
        found.mask[0] = False
