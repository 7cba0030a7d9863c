"""Rank correlations against scipy, in weighted samples too, and what one example adds against its own derivative."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xpareto.eval.metrics.correlation import (
    interval,
    pearson,
    pearson_influence,
    spearman,
    spearman_influence,
)

BOTH = [
    (spearman, spearman_influence, stats.spearmanr),
    (pearson, pearson_influence, stats.pearsonr),
]
VALUES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)), min_size=4, max_size=30)


@pytest.mark.parametrize(("found", "moved", "scipy"), BOTH)
def test_weights_are_copies_and_ties_share_their_rank_as_in_scipy(found, moved, scipy) -> None:  # type: ignore[no-untyped-def]
    @given(VALUES)
    def check(rows: list[tuple[int, int, int]]) -> None:
        one, other, times = (np.array(column, float) for column in zip(*rows, strict=True))
        copies = [np.repeat(side, times.astype(int)) for side in (one, other)]
        if not times.any():
            return
        ours = found(one, other, times[None])[0]
        if any(len(set(side)) < 2 for side in copies):
            assert ours == 0
        else:
            assert ours == pytest.approx(scipy(*copies).statistic, abs=1e-9)

    check()


@pytest.mark.parametrize(("found", "moved", "scipy"), BOTH)
def test_an_influence_is_the_derivative_in_the_share_of_an_example(found, moved, scipy) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(1)
    one = random.normal(size=40).round(1)
    other = (one + random.normal(size=40)).round()
    even, step = np.full(40, 1 / 40), 1e-6
    towards = (1 - step) * even + step * np.eye(40)
    slopes = (found(one, other, towards) - found(one, other, even[None])) / step
    assert moved(one, other) == pytest.approx(slopes, abs=1e-3)
    assert moved(one, other).sum() == pytest.approx(0, abs=1e-9)
    assert not moved(one, np.ones(40)).any()


def test_equal_up_to_rounding_is_one_value() -> None:
    flat = np.full(50, 0.1) + np.linspace(0, 1e-17, 50)
    assert pearson(flat, np.arange(50.0), np.ones((1, 50)))[0] == 0


def test_an_interval_covers_as_often_as_it_says_and_knows_nothing_of_three_examples() -> None:
    random, truth = (
        np.random.default_rng(2),
        6 / np.pi * np.arcsin(0.6 / 2),
    )  # of ranks, of a normal pair of 0.6
    drawn = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=(1000, 60))
    ends = [
        interval(100 * float(spearman(pair[:, 0], pair[:, 1], np.ones((1, 60)))[0]), 60, 1.96)
        for pair in drawn
    ]
    assert 0.93 < np.mean([low <= 100 * truth <= high for low, high in ends]) < 0.975
    assert interval(90.0, 3, 1.96) == (-100.0, 100.0) and interval(100.0, 10, 1.96)[1] <= 100
