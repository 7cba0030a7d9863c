"""Accuracy from counts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.metrics.accuracy import accuracy


@given(st.lists(st.booleans(), min_size=1))
def test_it_is_the_share_of_hits_in_percent(hits: list[bool]) -> None:
    expected = 100 * sum(1 for hit in hits if hit) / len(hits)
    assert float(accuracy(np.array(sum(hits)), np.array(len(hits)))) == expected


def test_nothing_to_get_right_is_zero_and_rows_are_kept_apart() -> None:
    assert accuracy(np.array([0, 1, 3]), np.array([0, 2, 3])).tolist() == [0.0, 50.0, 100.0]
