"""Statistics are those of all values at once, in whatever batches they come."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.quantization.observers import HALF, ActivationStats, limit_above

LANGUAGES = ("de", "en", "sw")


def filled(values: np.ndarray, languages: np.ndarray, cuts: list[int], sample: int = 0) -> ActivationStats:
    stats = ActivationStats(LANGUAGES, values.shape[1], sample)
    for start, end in zip([0, *cuts], [*cuts, len(values)], strict=True):
        stats.add(values[start:end], languages[start:end])
    return stats


def drawn(seed: int, size: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    # heavy tails, so that the limit doubles now and then
    values = (random.standard_t(2, (60, 5)) * size).astype(np.float32)
    return values, random.integers(0, 3, 60)


def slow_counts(values: list[float], limit: float) -> list[int]:
    """Count in exact arithmetic, one value after the other."""
    found = [0] * (2 * HALF)
    for value in values:
        found[math.floor(value / (limit / HALF)) + HALF] += 1
    return found


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 60), max_size=5).map(sorted),
    st.sampled_from([1e-3, 1.0, 300.0]),
)
def test_any_batching_gives_the_counts_of_one_slow_pass(seed: int, cuts: list[int], size: float) -> None:
    values, languages = drawn(seed, size)
    stats = filled(values, languages, cuts)
    limit = limit_above(float(np.abs(values).max()))
    assert stats.histogram.limit == limit
    assert stats.histogram.counts.tolist() == slow_counts(values.ravel().tolist(), limit)
    for at, language in enumerate(LANGUAGES):
        part = values[languages == at].ravel().tolist()
        assert stats.histogram_of(language).counts.tolist() == slow_counts(part, limit)


def test_extremes_peaks_and_means_are_exact() -> None:
    values, languages = drawn(1)
    stats = filled(values, languages, [7, 7, 30])
    assert stats.extremes == (values.min(), values.max())
    np.testing.assert_allclose(stats.channel_means, values.mean(axis=0, dtype=np.float64), rtol=1e-12)
    for at in range(3):
        np.testing.assert_array_equal(stats.channel_peaks[at], np.abs(values[languages == at]).max(axis=0))
        assert (stats.low[at], stats.high[at]) == (
            values[languages == at].min(),
            values[languages == at].max(),
        )


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.9, 0.999])
def test_a_quantile_is_within_a_bin_of_the_sorted_values(share: float) -> None:
    values = np.random.default_rng(3).normal(size=(4000, 5)).astype(np.float32)
    stats = filled(values, np.zeros(4000, int), [100])
    width = stats.histogram.width
    ordered, sizes = np.sort(values.ravel()), np.sort(np.abs(values).ravel())
    for found, exact in (
        (stats.histogram.quantile(share), ordered),
        (stats.histogram.magnitude_quantile(share), sizes),
    ):
        at = share * len(exact)
        assert (
            exact[max(0, math.floor(at) - 1)] - width
            <= found
            <= exact[min(len(exact) - 1, math.ceil(at))] + width
        )


def test_kurtosis_is_that_of_the_values() -> None:
    values, languages = drawn(5)
    flat = values.ravel().astype(np.float64)
    centred = flat - flat.mean()
    exact = (centred**4).mean() / (centred**2).mean() ** 2
    assert filled(values, languages, []).histogram.kurtosis() == pytest.approx(exact, rel=1e-3)
    normal = np.random.default_rng(0).normal(size=(40_000, 5)).astype(np.float32)
    assert filled(normal, np.zeros(40_000, int), []).histogram.kurtosis() == pytest.approx(3, abs=0.05)


def test_zeros_alone_and_zeros_first_are_counted_like_other_values() -> None:
    stats = filled(np.zeros((4, 5), np.float32), np.zeros(4, int), [])
    assert stats.extremes == (0.0, 0.0) and stats.histogram.counts.sum() == 20
    assert stats.histogram.kurtosis() == 1.0
    values, languages = drawn(2, 1e-4)
    both = np.concatenate([np.zeros((4, 5), np.float32), values])
    where = np.concatenate([np.zeros(4, int), languages])
    first, second = filled(both, where, [4]), filled(both, where, [])
    np.testing.assert_array_equal(first.histogram.counts, second.histogram.counts)
    assert first.histogram.limit == second.histogram.limit


def test_the_sample_is_spread_over_the_batches() -> None:
    values = np.arange(60, dtype=np.float32).repeat(5).reshape(60, 5)
    stats = filled(values, np.zeros(60, int), [40], sample=4)
    assert stats.sample()[:, 0].tolist() == [0, 10, 20, 30, 40, 45, 50, 55]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(wrong: float) -> None:
    with pytest.raises(FloatingPointError, match="not finite"):
        filled(np.array([[0.0, wrong]], np.float32), np.zeros(1, int), [])
