"""Intervals and p-values: closed forms, and their level in simulation."""

from __future__ import annotations

import math
from statistics import NormalDist, mean, variance

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xpareto.eval.statistics.intervals import Spread, pair_spread, seed_spread, t_quantile


def spread(examples: float, seeds: float, df: int | None) -> Spread:
    return Spread(np.array([examples]), np.array([seeds]), df)


def test_without_seeds_the_interval_is_normal() -> None:
    assert spread(2.0, 0.0, None).half_width(0.95)[0] == pytest.approx(2 * 1.959964, abs=1e-5)
    normal = NormalDist()
    for distance in (0.5, 1.0, 3.0):
        expected = 2 * (1 - normal.cdf(distance / 2))
        assert spread(2.0, 0.0, None).p_value(np.array([distance]))[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("df", [1, 2, 4, 30])
def test_without_examples_the_interval_is_students(df: int) -> None:
    assert spread(0.0, 2.0, df).half_width(0.9)[0] == pytest.approx(2 * t_quantile(0.05, df))
    p = spread(0.0, 2.0, df).p_value(np.array([3.0]))[0]
    assert p == pytest.approx(2 * student_tail(1.5, df), rel=1e-9)


def student_tail(t: float, df: int) -> float:
    """Return P(T > t) by Simpson's rule over the angle of t / sqrt(df), in which the density is a power."""
    angles = np.linspace(math.atan(t / math.sqrt(df)), math.pi / 2, 4001)
    weights = np.array([1, *[4, 2] * 1999, 4, 1]) * (angles[1] - angles[0]) / 3
    log_norm = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(math.pi)
    return math.exp(log_norm) * float(weights @ np.abs(np.cos(angles)) ** (df - 1))


@pytest.mark.parametrize(
    ("tail", "df", "value"),
    [(0.025, 1, 12.706), (0.025, 2, 4.303), (0.025, 4, 2.776), (0.05, 10, 1.812), (0.005, 30, 2.750),
     (0.025, None, 1.960), (0.0005, None, 3.291)],
)  # fmt: skip
def test_quantiles_are_those_of_the_printed_tables(tail: float, df: int | None, value: float) -> None:
    assert t_quantile(tail, df) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize(("tail", "df"), [(0.0, 2), (0.0, None), (0.025, 0)])
def test_a_quantile_that_is_not_finite_is_refused(tail: float, df: int | None) -> None:
    with pytest.raises(ValueError, match="0 < tail < 1 and df > 0"):
        t_quantile(tail, df)


@given(
    st.floats(0.01, 10), st.floats(0, 10), st.sampled_from([1, 2, 3, 8, None]), st.sampled_from([0.9, 0.95, 0.99])
)  # fmt: skip
def test_the_p_value_is_the_level_whose_interval_ends_there(
    examples: float, seeds: float, df: int | None, level: float
) -> None:
    found = spread(examples, seeds if df else 0.0, df)
    assert found.p_value(found.half_width(level))[0] == pytest.approx(1 - level, rel=1e-9)


@given(st.floats(0.01, 10), st.floats(0.0, 10))
def test_farther_is_never_less_significant(examples: float, distance: float) -> None:
    near, far = spread(examples, 1.0, 2).p_value(np.array([distance, distance + 0.5]))
    assert far <= near
    assert spread(examples, 1.0, 2).p_value(np.array([0.0]))[0] == 1.0


def slow_block_error(values: np.ndarray) -> float:
    """Return the standard error by the mean over pairs of arms of the variance of their difference."""
    arms, seeds = values.shape
    pairs = [(a, b) for a in range(arms) for b in range(a + 1, arms)]
    each = [variance([float(values[a, s] - values[b, s]) for s in range(seeds)]) for a, b in pairs]
    return (mean(each) / seeds) ** 0.5


@given(
    arrays(np.float64, st.tuples(st.integers(2, 5), st.integers(2, 4)), elements=st.floats(-50, 50, width=32))
)
def test_the_pooled_spread_is_the_mean_over_pairs_of_arms(values: np.ndarray) -> None:
    error, df = seed_spread(values)
    assert float(error) == pytest.approx(slow_block_error(values), rel=1e-9, abs=1e-9)
    assert df == (values.shape[0] - 1) * (values.shape[1] - 1)
    if values.shape[0] == 2:
        paired, own = pair_spread(values[1] - values[0])
        assert (float(paired), own) == (pytest.approx(float(error), abs=1e-9), df)


def test_what_all_arms_of_a_seed_share_is_no_noise() -> None:
    seeds = np.array([0.0, 7.0, -3.0])
    error, df = seed_spread(np.array([1 + seeds, 2 + seeds, 5 + seeds]))
    assert (float(error), df) == (pytest.approx(0.0, abs=1e-12), 4)


def test_one_seed_leaves_training_noise_unknown() -> None:
    assert seed_spread(np.zeros((2, 1, 3)))[1] is None
    assert pair_spread(np.zeros((1, 3)))[1] is None
    with pytest.raises(ValueError, match="two arms"):
        seed_spread(np.zeros((1, 2)))


@pytest.mark.parametrize("arms", [2, 4])
@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 1.0])
def test_the_level_is_kept_whatever_part_the_examples_have(arms: int, seeds: int, share: float) -> None:
    """Also where the examples' part is small, at which a Satterthwaite sum rejects too often."""
    rng = np.random.default_rng(int(100 * share) + seeds)
    repetitions = 20_000
    noise = rng.normal(size=(arms, seeds, repetitions)) * (1 - share) ** 0.5
    of_examples = (2 * share / seeds) ** 0.5
    error, df = seed_spread(noise)
    means = noise.mean(axis=1)
    difference = means[1] - means[0] + of_examples * rng.normal(size=repetitions)
    found = Spread(np.full(repetitions, of_examples), error, df)
    missed = float((np.abs(difference) > found.half_width(0.95)).mean())
    assert missed <= 0.05 + 3 * (0.05 * 0.95 / repetitions) ** 0.5
    if share in (0.0, 1.0):
        assert missed >= 0.04  # exact at both ends
