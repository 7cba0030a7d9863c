"""The clipping threshold that keeps most of a distribution's information (TensorRT's calibration)."""

from __future__ import annotations

import numpy as np

from xpareto.compress.quantization.observers import HALF, Histogram

LEVELS = 256  # codes of 8 bits, which cover the range from its low to its high end


def entropy_range(histogram: Histogram, low: float, high: float) -> tuple[float, float]:
    """Return (low, high) clipped at the magnitude T that minimises the Kullback-Leibler divergence.

    Migacz 2017 (8-bit inference with TensorRT, slides 33 to 38): for every T, the reference P is the
    histogram up to T with all that is beyond added to its last bin; Q is the same histogram, without what is
    beyond, in as many levels as there are codes, each level's mass spread evenly over those of its bins that
    are not empty. TensorRT codes magnitudes; our codes cover [max(low, -T), min(high, T)], so the histogram
    is the one of signed values, and it has a last bin at each end that clips. Of a symmetric tensor, and of one
    without negative values, that is the same. Of a GELU's output it is not: its many small negative values would
    count as positive ones of equal size, and T would fall to where they end.

    `low` and `high` are the exact extremes: no range exceeds them.

    onnxruntime's calibration of that name has 128 levels over [-T, T], bins by the extremes, merges as many whole
    bins into each level and leaves the rest to the last. With its default of 128 bins there is one threshold to
    choose from: the greatest magnitude, so that it clips nothing.
    """
    threshold = best_bins(histogram.counts, HALF, LEVELS) * histogram.width
    return max(low, -threshold), min(high, threshold)


def best_bins(counts: np.ndarray, zero: int, levels: int) -> int:
    """Return how many bins to keep on each side of bin `zero`; all that are not empty where these are few.

    Ties go to the greatest threshold. A threshold of which an end only holds what was added to it has an
    infinite divergence.
    """
    filled = np.flatnonzero(counts)
    below, above = max(0, zero - int(filled[0])), max(0, int(filled[-1]) + 1 - zero)
    kept = np.arange(1, max(below, above) + 1)
    begins, ends = zero - np.minimum(kept, below), zero + np.minimum(kept, above)
    enough = ends - begins >= levels
    if not enough.any():
        return int(kept[-1])
    divergences = _divergences(counts.astype(np.float64), begins[enough], ends[enough], levels)
    kept = kept[enough]
    return int(kept[len(kept) - 1 - int(np.argmin(divergences[::-1]))])


def _divergences(counts: np.ndarray, begins: np.ndarray, ends: np.ndarray, levels: int) -> np.ndarray:
    """Return KL(P || Q) in nats for each range of bins, from its begin up to its end.

    With p_b and q_b the unnormalised masses, KL = (sum p log p - sum p log q) / sum p - log sum p + log
    sum q; q is constant inside a level, so all sums come from running totals at the levels' edges.
    """
    mass = np.concatenate([[0.0], np.cumsum(counts)])
    filled = np.concatenate([[0.0], np.cumsum(counts > 0)])
    plogp = np.concatenate([[0.0], np.cumsum(_xlogx(counts))])
    sizes = ends - begins
    edges = begins[:, None] + np.arange(levels + 1) * sizes[:, None] // levels  # (thresholds, levels + 1)
    sums, bins = np.diff(mass[edges], axis=1), np.diff(filled[edges], axis=1)
    spread = np.log(np.divide(sums, bins, out=np.ones_like(sums), where=bins > 0))
    total, kept = mass[-1], mass[ends] - mass[begins]
    first = plogp[ends] - plogp[begins]
    second = (sums * spread).sum(axis=1)
    lost = np.zeros(len(sizes), bool)
    for last, beyond, level in ((begins, mass[begins], 0), (ends - 1, total - mass[ends], -1)):
        first += _xlogx(counts[last] + beyond) - _xlogx(counts[last])
        second += beyond * spread[:, level]
        lost |= (counts[last] == 0) & (beyond > 0)
    divergences: np.ndarray = (first - second) / total - np.log(total) + np.log(np.maximum(kept, 1e-300))
    return np.where(lost, np.inf, divergences)


def _xlogx(values: np.ndarray) -> np.ndarray:
    x_log_x: np.ndarray = values * np.log(np.where(values > 0, values, 1.0))
    return x_log_x
