"""What one pass over the data tells about a tensor: extremes, channels and a histogram, by language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HALF = 2048  # bins on each side of zero


@dataclass(frozen=True)
class Histogram:
    """Counts (2 x HALF,) of equal bins over [-limit, limit); `limit` is a power of two."""

    counts: np.ndarray
    limit: float

    @property
    def width(self) -> float:
        return self.limit / HALF

    @property
    def centres(self) -> np.ndarray:
        """The middles of the bins."""
        return (np.arange(2 * HALF) - HALF + 0.5) * self.width

    def magnitudes(self) -> np.ndarray:
        """Return the counts (HALF,) of |x| in bins of the same width."""
        return self.counts[HALF:] + self.counts[:HALF][::-1]

    def quantile(self, share: float) -> float:
        """Return the value below which a share of all values lies, linear inside a bin."""
        return _quantile(self.counts, share) * self.width - self.limit

    def magnitude_quantile(self, share: float) -> float:
        """Return the same of |x|."""
        return _quantile(self.magnitudes(), share) * self.width

    def kurtosis(self) -> float:
        """Return E(x - mean)^4 / variance^2 of the bins' middles: 3 for a normal distribution."""
        total = self.counts.sum()
        mean = (self.counts @ self.centres) / total
        squares = (self.centres - mean) ** 2
        variance = (self.counts @ squares) / total
        # All in one bin: a constant, which has no tails.
        return float((self.counts @ squares**2) / total / variance**2) if variance > 0 else 1.0


class ActivationStats:
    """The statistics of one tensor, filled batch by batch; bounded by languages, channels and bins.

    However the values come in batches, the counts are those of all values at once: the limit is a power
    of two above the largest magnitude so far, and where it doubles, pairs of bins become one, exactly.
    """

    def __init__(self, languages: Sequence[str], channels: int, sample_rows: int = 0) -> None:
        self.languages = tuple(languages)
        self.channel_peaks = np.zeros((len(languages), channels), np.float32)  # greatest magnitudes
        self.channel_sums = np.zeros(channels)
        self.low = np.full(len(languages), np.inf)
        self.high = np.full(len(languages), -np.inf)
        self.vectors = 0
        self._counts = np.zeros((len(languages), 2 * HALF), np.int64)
        self._limit = 0.0
        self._sample_rows = sample_rows
        self._sample: list[np.ndarray] = []

    def add(self, vectors: np.ndarray, languages: np.ndarray) -> None:
        """Count float32 vectors (count, channels); `languages` (count,) holds the index of each one's."""
        if not len(vectors):
            return
        peak = float(np.abs(vectors).max())
        if not np.isfinite(peak):
            raise FloatingPointError("a value that is not finite")
        self._widen(peak)
        for index in np.unique(languages):
            part = vectors[languages == index]
            np.maximum(self.channel_peaks[index], np.abs(part).max(axis=0), out=self.channel_peaks[index])
            self.low[index] = min(self.low[index], part.min())
            self.high[index] = max(self.high[index], part.max())
        # A scaling by a power of two is exact, so that no value falls into a neighbour's bin.
        bins = np.floor(vectors * np.float32(HALF / self._limit)).astype(np.int64) + HALF
        bins += (languages * (2 * HALF))[:, None]
        self._counts += np.bincount(bins.ravel(), minlength=self._counts.size).reshape(self._counts.shape)
        self.channel_sums += vectors.sum(axis=0, dtype=np.float64)
        self.vectors += len(vectors)
        if self._sample_rows:
            self._sample.append(
                vectors[:: max(1, len(vectors) // self._sample_rows)][: self._sample_rows].copy()
            )

    @property
    def channel_means(self) -> np.ndarray:
        return self.channel_sums / self.vectors

    @property
    def extremes(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return float(self.low.min()), float(self.high.max())

    @property
    def histogram(self) -> Histogram:
        return Histogram(self._counts.sum(axis=0), self._limit)

    def histogram_of(self, language: str) -> Histogram:
        return Histogram(self._counts[self.languages.index(language)], self._limit)

    def sample(self) -> np.ndarray:
        """Return vectors spread evenly over the batches, at most `sample_rows` of each."""
        return np.concatenate(self._sample)

    def _widen(self, peak: float) -> None:
        wanted = limit_above(peak)
        if not self._limit:
            self._limit = wanted
        while self._limit < wanted:
            self._limit *= 2
            merged = self._counts.reshape(len(self.languages), HALF, 2).sum(axis=2)
            self._counts[:] = 0
            self._counts[:, HALF // 2 : HALF // 2 + HALF] = merged


def limit_above(peak: float) -> float:
    """Return the least power of two that is greater than a magnitude (at least 2^-20).

    >>> limit_above(1.0), limit_above(0.9), limit_above(5.0)
    (2.0, 1.0, 8.0)
    """
    return float(2.0 ** max(-20, int(np.frexp(peak)[1]))) if peak else 2.0**-20


def _quantile(counts: np.ndarray, share: float) -> float:
    """Return the place, in bins, below which a share of the counts lies."""
    wanted = share * counts.sum()
    ends = np.cumsum(counts)
    at = int(np.searchsorted(ends, wanted, side="left"))
    at = min(at, len(counts) - 1)
    inside = counts[at]
    return at + (wanted - (ends[at] - inside)) / inside if inside else float(at)
