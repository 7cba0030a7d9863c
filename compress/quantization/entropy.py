"""The clipping threshold that keeps most of a distribution's information (TensorRT's calibration)."""

from __future__ import annotations

import numpy as np

from xpareto.compress.quantization.observers import Histogram

LEVELS = 128  # magnitudes that an 8-bit code tells apart where both signs occur
_ONE_SIDED = 1 / 16  # the lesser side below this share of the greater one: all 256 codes are for that


def entropy_range(histogram: Histogram, low: float, high: float) -> tuple[float, float]:
    """Return (low, high) clipped at the threshold T that minimises the Kullback-Leibler divergence.

    Migacz 2017 (8-bit inference with TensorRT, slides 33 to 38): for every T, the reference P is the
    histogram of |x| up to T with all that is beyond added to its last bin; Q is the same histogram,
    without what is beyond, in as many levels as there are codes, each level's mass spread evenly over
    those of its bins that are not empty. T is the upper edge of P's last bin.

    `low` and `high` are the exact extremes: no range exceeds them.

    onnxruntime's calibration of that name differs by some percent, since it bins by the extremes, merges as
    many whole bins into each level and leaves the rest to the last. With its default of 128 bins for 128
    levels there is one threshold to choose from: the greatest magnitude, so that it clips nothing.
    """
    greater, lesser = max(high, -low), min(high, -low)
    levels = 2 * LEVELS if lesser < _ONE_SIDED * greater else LEVELS
    threshold = best_bins(histogram.magnitudes(), levels) * histogram.width
    return max(low, -threshold), min(high, threshold)


def best_bins(counts: np.ndarray, levels: int) -> int:
    """Return how many of the first bins to keep; all that are not empty where these are few.

    Ties go to the greatest threshold. A threshold whose last bin only holds what was added to it
    has an infinite divergence.
    """
    used = int(np.flatnonzero(counts)[-1]) + 1
    if used <= levels:
        return used
    sizes = np.arange(levels, used + 1)
    divergences = _divergences(counts.astype(np.float64), sizes, levels)
    return int(sizes[len(sizes) - 1 - int(np.argmin(divergences[::-1]))])


def _divergences(counts: np.ndarray, sizes: np.ndarray, levels: int) -> np.ndarray:
    """Return KL(P || Q) in nats for each number of bins kept.

    With p_b and q_b the unnormalised masses, KL = (sum p log p - sum p log q) / sum p - log sum p + log
    sum q; q is constant inside a level, so all sums come from running totals at the levels' edges.
    """
    mass = np.concatenate([[0.0], np.cumsum(counts)])
    filled = np.concatenate([[0.0], np.cumsum(counts > 0)])
    plogp = np.concatenate([[0.0], np.cumsum(_xlogx(counts))])
    edges = np.arange(levels + 1) * sizes[:, None] // levels  # (thresholds, levels + 1)
    sums, bins = np.diff(mass[edges], axis=1), np.diff(filled[edges], axis=1)
    spread = np.log(np.divide(sums, bins, out=np.ones_like(sums), where=bins > 0))
    total, kept = mass[-1], mass[sizes]
    beyond, last = total - kept, counts[sizes - 1]
    first = plogp[sizes] - _xlogx(last) + _xlogx(last + beyond)
    second = (sums * spread).sum(axis=1) + beyond * spread[:, -1]
    divergences: np.ndarray = (first - second) / total - np.log(total) + np.log(np.maximum(kept, 1e-300))
    return np.where((last == 0) & (beyond > 0), np.inf, divergences)


def _xlogx(values: np.ndarray) -> np.ndarray:
    x_log_x: np.ndarray = values * np.log(np.where(values > 0, values, 1.0))
    return x_log_x
