"""Ranges are those that slow, direct implementations of each method find."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.quantization.entropy import best_bins, entropy_range
from xpareto.compress.quantization.observers import HALF, ActivationStats, Histogram
from xpareto.compress.quantization.ranges import Affine, chosen_range, mse_range, percentile_range


def histogram_of(values: np.ndarray) -> tuple[Histogram, float, float]:
    stats = ActivationStats(("en",), 1)
    stats.add(values.astype(np.float32).reshape(-1, 1), np.zeros(values.size, int))
    return stats.histogram, *stats.extremes


def slow_divergence(counts: list[int], begin: int, end: int, levels: int) -> float:
    """KL(P || Q) in nats, as the slides of TensorRT say it, of signed values: lists and loops only."""
    reference = [float(count) for count in counts[begin:end]]
    candidate = [0.0] * len(reference)
    for level in range(levels):
        start, stop = level * len(reference) // levels, (level + 1) * len(reference) // levels
        filled = [at for at in range(start, stop) if counts[begin + at]]
        for at in filled:
            candidate[at] = sum(counts[begin + start : begin + stop]) / len(filled)
    reference[0] += sum(counts[:begin])
    reference[-1] += sum(counts[end:])
    total, other = sum(reference), sum(candidate)
    found = 0.0
    for p, q in zip(reference, candidate, strict=True):
        if p and not q:
            return math.inf
        if p:
            found += p / total * math.log((p / total) / (q / other))
    return found


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([4, 8, 16]),
    st.integers(20, 90),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.booleans(),
)
def test_the_entropy_threshold_is_the_one_of_the_slow_search(
    seed: int, levels: int, bins: int, negative: float, sparse: bool
) -> None:
    random = np.random.default_rng(seed)
    zero = int(negative * bins)
    distances = np.abs(np.arange(bins) - zero)
    counts = np.floor(1000 * random.random(bins) * np.exp(-distances / 12)).astype(np.int64)
    if sparse:
        counts[random.random(bins) < 0.4] = 0
    counts[-1 if seed % 2 else bins // 2] += 3  # an outlier
    found = best_bins(counts, zero, levels)
    filled = np.flatnonzero(counts)
    below, above = max(0, zero - int(filled[0])), max(0, int(filled[-1]) + 1 - zero)
    ranges = {
        kept: (zero - min(kept, below), zero + min(kept, above)) for kept in range(1, max(below, above) + 1)
    }
    slow = {
        kept: slow_divergence(counts.tolist(), begin, end, levels)
        for kept, (begin, end) in ranges.items()
        if end - begin >= levels
    }
    if not slow:
        assert found == max(below, above)
        return
    assert slow[found] == pytest.approx(min(slow.values()), abs=1e-12)


def test_entropy_clips_a_far_outlier_and_keeps_a_flat_distribution_whole() -> None:
    random = np.random.default_rng(0)
    normal = random.normal(size=200_000)
    histogram, low, high = histogram_of(np.append(normal, [40.0]))
    below, above = entropy_range(histogram, low, high)
    assert -5.0 < below < -3.0 and 3.0 < above < 10.0
    histogram, low, high = histogram_of(random.uniform(-1, 1, 200_000))
    below, above = entropy_range(histogram, low, high)
    assert below < -0.98 and above > 0.98


def test_small_values_of_one_sign_draw_no_threshold_to_where_they_end() -> None:
    """A GELU's output has most values in [-0.17, 0]; as magnitudes they would make 0.17 the best threshold."""
    values = np.random.default_rng(1).normal(scale=0.6, size=400_000)
    values = values * np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in values])
    histogram, low, high = histogram_of(np.append(values, [4.0]))
    below, above = entropy_range(histogram, low, high)
    assert below == low == pytest.approx(-0.17, abs=0.01) and 0.5 < above < 4.0


def test_percentiles_are_those_of_the_sorted_values_to_a_bin() -> None:
    values = np.random.default_rng(2).standard_t(3, 100_000)
    histogram, low, high = histogram_of(values)
    for percentile in (99.0, 99.9, 99.99):
        tail = (100 - percentile) / 2
        found = percentile_range(histogram, low, high, percentile)
        expected = np.percentile(values, [tail, 100 - tail])
        assert np.abs(np.array(found) - expected).max() <= 2 * histogram.width
    assert percentile_range(histogram, low, high, 100.0) == (low, high)


def slow_mse(values: list[float], weights: list[int], low: float, high: float) -> float:
    """The squared error of every value's nearest code, by trying all 256 codes."""
    scale = (max(high, 0) - min(low, 0)) / 255
    zero = round(-min(low, 0) / scale)
    codes = [(code - zero) * scale for code in range(256)]
    return sum(
        weight * min((code - value) ** 2 for code in codes)
        for value, weight in zip(values, weights, strict=True)
    )


def test_the_mse_range_is_the_best_of_the_grid() -> None:
    values = np.append(np.random.default_rng(3).normal(size=300), [9.0, -6.0])
    histogram, low, high = histogram_of(values)
    filled = np.flatnonzero(histogram.counts)
    centres, weights = histogram.centres[filled].tolist(), histogram.counts[filled].tolist()
    found = slow_mse(centres, weights, *mse_range(histogram, low, high))
    for below in range(0, 41, 4):
        for above in range(0, 41, 4):
            other = slow_mse(centres, weights, low * 2 ** (-below / 8), high * 2 ** (-above / 8))
            assert found <= other * (1 + 1e-4)  # float32 against float64 codes


@pytest.mark.parametrize("method", ["minmax", "percentile", "mse", "entropy"])
@pytest.mark.parametrize("shift", [-5.0, 0.0, 5.0])
def test_no_range_exceeds_what_was_seen(method: str, shift: float) -> None:
    stats = ActivationStats(("en",), 4)
    values = (np.random.default_rng(4).normal(size=(500, 4)) + shift).astype(np.float32)
    stats.add(values, np.zeros(500, int))
    low, high = chosen_range(stats, method, 99.0)  # type: ignore[arg-type]
    assert min(0.0, values.min()) <= low <= high <= max(0.0, values.max())


@given(st.floats(-100, 100), st.floats(-100, 100), st.sampled_from([8, 16]))
def test_codes_hit_zero_and_are_off_by_half_a_step_inside_the_range(a: float, b: float, bits: int) -> None:
    low, high = sorted((a, b))
    codes = Affine.over(low, high, bits)
    assert 0 <= codes.zero_point < 2**bits
    assert codes.quantized(np.zeros(1, np.float32))[0] == 0
    inside = np.linspace(min(low, 0), max(high, 0), 50, dtype=np.float32)
    # the ends move by up to half a step, since zero is hit exactly
    assert np.abs(codes.quantized(inside) - inside).max() <= 1.001 * codes.scale or codes.scale == 1.0


def test_a_constant_of_zero_has_some_codes() -> None:
    assert Affine.over(0.0, 0.0) == Affine(1.0, 0)
    histogram, low, high = histogram_of(np.zeros(10))
    assert histogram.counts.size == 2 * HALF
    assert entropy_range(histogram, low, high) == (0.0, 0.0)
    assert mse_range(histogram, low, high) == (0.0, 0.0)
