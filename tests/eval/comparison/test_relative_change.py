"""One candidate's change beside the others', on changes whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.comparison.relative_change import FEWEST, relative_changes

MARGIN = math.log(1.05)


@given(st.lists(st.floats(-1, 1), min_size=FEWEST, max_size=9), st.floats(-3, 3))
def test_what_moves_all_candidates_changes_nothing(changes: list[float], shift: float) -> None:
    own, errors = np.array(changes), np.full(len(changes), 0.02)
    one, other = (relative_changes(own + by, errors, 8, MARGIN, "") for by in (0.0, shift))
    for a, b in zip(one, other, strict=True):
        assert a.difference == pytest.approx(b.difference, abs=1e-9)
        assert a.high - a.low == pytest.approx(b.high - b.low)


@pytest.mark.parametrize("candidates", [3, 4, 10])
def test_equal_changes_are_called_different_in_at_most_5_percent(candidates: int) -> None:
    rng = np.random.default_rng(candidates)
    called = 0
    for _ in range(300):
        changes = 0.3 * rng.standard_normal() + 0.03 * rng.standard_normal(candidates)
        found = relative_changes(changes, np.full(candidates, 0.03), 1000, 1e-9, "", -1)
        called += any(own.verdict in ("better", "worse") for own in found)
    assert called <= 0.05 * 300 + 2.5 * math.sqrt(0.05 * 0.95 * 300)


def test_one_that_got_faster_makes_no_other_slower() -> None:
    changes = np.log([1.0, 1.01, 0.99, 1.0, 0.5])
    found = relative_changes(changes, np.full(5, 0.01), 20, MARGIN, "", -1)
    assert [own.verdict for own in found] == ["equivalent"] * 4 + ["better"]


def test_two_candidates_have_no_others_to_be_compared_with() -> None:
    assert relative_changes(np.array([0.0, 1.0]), np.array([0.01, 0.01]), 20, MARGIN, "") == []
