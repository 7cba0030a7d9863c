"""Levels are nowhere below the scales they stand for, and as near as so many levels allow."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.quantization.row_scales import LEVELS, scale_levels

POSITIVE = st.floats(2**-20, 2**10, width=32)


def least_ratio(scales: np.ndarray, most: int) -> float:
    """Return the least greatest ratio of level to scale over all ways to choose the levels among them."""
    distinct = np.unique(scales)
    if len(distinct) <= most:
        return 1.0
    found = []
    for chosen in combinations(distinct[:-1], most - 1):
        levels = np.array([*chosen, distinct[-1]])
        found.append((levels[np.searchsorted(levels, distinct)] / distinct).max())
    return float(min(found))


@settings(deadline=None)
@given(st.lists(POSITIVE, min_size=1, max_size=9), st.integers(2, 4))
def test_no_choice_of_levels_is_nearer(values: list[float], most: int) -> None:
    scales = np.array(values, np.float32)
    levels, codes = scale_levels(scales, most)
    assert len(levels) <= most and codes.dtype == np.uint8 and levels.dtype == np.float32
    ratio = levels[codes].astype(np.float64) / scales
    assert (ratio >= 1).all()
    assert ratio.max() <= least_ratio(scales.astype(np.float64), most) * (1 + 1e-6)


def test_so_many_distinct_scales_as_levels_stay_as_they_are() -> None:
    scales = np.random.default_rng(0).permutation(np.repeat(np.geomspace(1e-6, 1e3, LEVELS), 3))
    levels, codes = scale_levels(scales.astype(np.float32))
    np.testing.assert_array_equal(levels[codes], scales.astype(np.float32))


@pytest.mark.parametrize(("spread", "bound"), [(0.2, 1.0075), (1.0, 1.0375)])
def test_scales_of_many_rows_grow_by_little(spread: float, bound: float) -> None:
    scales = np.exp(np.random.default_rng(1).normal(-6, spread, 250_002)).astype(np.float32)
    scales[1] = 1.0  # a row of zeros, as that of padding is, is far from all others
    levels, codes = scale_levels(scales)
    ratio = levels[codes] / scales
    assert len(levels) == LEVELS and ratio.min() >= 1 and ratio.max() < bound
