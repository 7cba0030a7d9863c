"""The range of an activation that its 8-bit codes cover, from what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from xpareto.compress.quantization.entropy import entropy_range
from xpareto.compress.quantization.observers import ActivationStats, Histogram

Method = Literal["minmax", "percentile", "mse", "entropy"]
_STEPS = 40  # candidates on each side: the extreme times 2^(-k / 8), down to a 32nd


@dataclass(frozen=True)
class Affine:
    """Unsigned codes of a tensor: value = (code - zero_point) * scale, code from 0 to 2^bits - 1."""

    scale: float
    zero_point: int
    bits: int = 8

    @staticmethod
    def over(low: float, high: float, bits: int = 8) -> Affine:
        """Return the codes that cover low to high and hit zero, which padding and dead units give, exactly.

        >>> Affine.over(-1.0, 1.55)
        Affine(scale=0.009999999776482582, zero_point=100, bits=8)
        """
        low, high, top = min(low, 0.0), max(high, 0.0), 2**bits - 1
        scale = float(np.float32((high - low) / top))
        if scale < np.finfo(np.float32).tiny:
            return Affine(1.0, 0, bits)
        return Affine(scale, int(np.clip(np.rint(-low / scale), 0, top)), bits)

    def quantized(self, values: np.ndarray) -> np.ndarray:
        """Return the values after they were coded and decoded, as onnxruntime does it, in float32."""
        codes = np.rint(values / np.float32(self.scale)) + np.float32(self.zero_point)
        codes = np.clip(codes, 0, 2**self.bits - 1) - np.float32(self.zero_point)
        return (codes * np.float32(self.scale)).astype(np.float32)


def chosen_range(stats: ActivationStats, method: Method, percentile: float) -> tuple[float, float]:
    """Return (low, high) of a tensor by one of the methods."""
    low, high = stats.extremes
    if method == "percentile":
        return percentile_range(stats.histogram, low, high, percentile)
    if method == "mse":
        return mse_range(stats.histogram, low, high)
    if method == "entropy":
        return entropy_range(stats.histogram, low, high)
    return low, high


def percentile_range(histogram: Histogram, low: float, high: float, percentile: float) -> tuple[float, float]:
    """Return the range that holds `percentile` % of the values, as much cut off below as above."""
    tail = (1 - percentile / 100) / 2
    return max(low, histogram.quantile(tail)), min(high, histogram.quantile(1 - tail))


def mse_range(histogram: Histogram, low: float, high: float, bits: int = 8) -> tuple[float, float]:
    """Return the range of least mean squared error of coding, over a grid of both ends.

    Each end is its extreme times 2^(-k / 8), k = 0 to 40; the values are the middles of the histogram's
    bins. Ties go to the wider range.
    """
    filled = np.flatnonzero(histogram.counts)
    values, weights = histogram.centres[filled], histogram.counts[filled].astype(np.float64)
    fractions = 2.0 ** (-np.arange(_STEPS + 1) / 8)
    lows = np.unique(np.minimum(low, 0.0) * fractions)  # one candidate where there is nothing below zero
    highs = np.unique(np.maximum(high, 0.0) * fractions)[::-1]
    best, least = (low, high), np.inf
    for below in lows.tolist():
        for above in highs.tolist():
            error = float(weights @ (Affine.over(below, above, bits).quantized(values) - values) ** 2)
            if error < least:
                best, least = (below, above), error
    return best
