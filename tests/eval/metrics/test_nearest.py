"""Nearest neighbours against plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xpareto.eval.metrics.nearest import TIE, nearest

# Coordinates on a coarse grid make exact ties, zero vectors and parallel vectors common.
GRID = st.integers(-3, 3).map(float)


def slow_cosine(one: list[float], other: list[float]) -> float:
    norms = math.sqrt(math.fsum(x * x for x in one)) * math.sqrt(math.fsum(x * x for x in other))
    return math.fsum(x * y for x, y in zip(one, other, strict=True)) / norms if norms else 0.0


def slow_nearest(query: list[float], candidates: list[list[float]]) -> int:
    scores = [slow_cosine(query, candidate) for candidate in candidates]
    return next(index for index, score in enumerate(scores) if score >= max(scores) - TIE)


@given(
    arrays(np.float64, (5, 3), elements=GRID), arrays(np.float64, (7, 3), elements=GRID), st.integers(1, 6)
)
def test_it_equals_a_search_one_by_one_in_blocks_of_any_size(
    queries: np.ndarray, candidates: np.ndarray, block: int
) -> None:
    expected = [slow_nearest(query, candidates.tolist()) for query in queries.tolist()]
    assert nearest(queries, candidates, block).tolist() == expected


def test_length_of_a_vector_does_not_count() -> None:
    found = nearest(np.array([[1.0, 0.1]]), np.array([[0.0, 1000.0], [0.001, 0.0]]))
    assert found.tolist() == [1]


def test_the_first_of_equal_candidates_wins() -> None:
    state = np.random.default_rng(0).normal(size=96).astype(np.float32)
    candidates = np.tile(state, (301, 1))
    assert nearest(np.tile(state * 3, (13, 1)), candidates).tolist() == [0] * 13


def test_each_query_finds_itself_among_random_float32_states() -> None:
    states = np.random.default_rng(1).normal(size=(700, 16)).astype(np.float32)
    assert nearest(states, states, block=64).tolist() == list(range(700))


def test_the_inputs_are_not_changed() -> None:
    queries, candidates = np.ones((2, 3), np.float32), np.full((2, 3), 2.0, np.float32)
    nearest(queries, candidates)
    assert (queries == 1).all() and (candidates == 2).all()


def test_no_candidates_are_refused() -> None:
    with pytest.raises(ValueError, match="no candidates"):
        nearest(np.ones((1, 2)), np.ones((0, 2)))
