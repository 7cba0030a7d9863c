"""Values of many systems with what is known of their noise, from which differences and draws follow.

A system is what stands on a frontier: one candidate, or all candidates that differ in their training
seed alone. Its noise has two parts. Test examples: draws of the paired bootstrap, the same for all
systems. And a few repetitions, either training seeds (the outer cluster of a score) or measured blocks
(of a cost): normal noise whose covariance between systems is the sample covariance of the means, with
Student's t for how few they are. A draw is then a mean plus multivariate t noise: the difference of any
two systems falls on either side of zero in that share of the draws which is the p-value of the paired
t-test (Box and Tiao 1973, 2.5), where resampling S seeds would understate their variance by (S - 1) / S.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xpareto.eval.statistics.intervals import LEVEL, Spread


@dataclass(frozen=True)
class Uncertain:
    """n systems' values in k quantities.

    `examples` are deviations from `points`, one per draw. The squares of `repeats`, summed over its last
    axis, are the variance of the mean over seeds or blocks (see `repeated`). `df` None: there is one
    repetition, so nothing is known of that noise and `repeats` is empty. `pooled`: the variances rest on
    all systems already, so they are not to be shrunken again (see eval.statistics.variance_shrinkage).
    """

    points: np.ndarray  # (n, k)
    examples: np.ndarray = field(repr=False)  # (n, k, draws) float32; draws may be 0: no test examples
    repeats: np.ndarray = field(repr=False)  # (n, k, repetitions)
    df: int | None
    floor: np.ndarray | None = None  # (k,) variance of a difference, added in `spread` alone
    pooled: bool = False

    def less(self, base: int) -> Uncertain:
        """Return each system less one of them, paired: by example and by seed."""
        return replace(
            self,
            points=self.points - self.points[base],
            examples=self.examples - self.examples[base],
            repeats=self.repeats - self.repeats[base],
        )

    def of(self, systems: Sequence[int]) -> Uncertain:
        """Return some of the systems."""
        at = list(systems)
        return replace(self, points=self.points[at], examples=self.examples[at], repeats=self.repeats[at])

    def take(self, quantities: Sequence[int] | np.ndarray) -> Uncertain:
        """Return some of the quantities."""
        at = list(quantities)
        return replace(
            self,
            points=self.points[:, at],
            examples=self.examples[:, at],
            repeats=self.repeats[:, at],
            floor=None if self.floor is None else self.floor[at],
        )

    def mapped(self, weights: np.ndarray) -> Uncertain:
        """Return linear combinations: weights (k, m) of the quantities."""
        narrow = weights.astype(np.float32)
        return replace(
            self,
            points=self.points @ weights,
            examples=np.einsum("nkr,km->nmr", self.examples, narrow, optimize=True),
            repeats=np.einsum("nks,km->nms", self.repeats, weights, optimize=True),
            floor=None if self.floor is None else self.floor @ weights**2,
        )

    def spread(self) -> Spread:
        """Return the standard errors (n, k), for intervals and p-values."""
        variance = _variance(self.examples) + (0.0 if self.floor is None else self.floor)
        return Spread(np.sqrt(variance), np.sqrt((self.repeats**2).sum(axis=-1)), self.df)

    def normal(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """Return normal deviations from the points, (n, k, draws), float32, without Student's t."""
        deviations = self._examples(draws)
        if self.df is not None:
            weights = rng.standard_normal((self.repeats.shape[-1], draws), dtype=np.float32)
            deviations += self.repeats.astype(np.float32) @ weights
        return deviations

    def independent(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """Return normal deviations as `normal`, but each quantity's noise of seeds or blocks by itself.

        The few repetitions tell how large that noise is, and little of how it hangs together: S of them
        span S - 1 dimensions. Without correlation the largest of many is larger (Sidak 1967), so that
        intervals which hold at once are wide enough whatever the correlation is.
        """
        deviations = self._examples(draws)
        if self.df is not None:
            errors = np.sqrt((self.repeats**2).sum(axis=-1)).astype(np.float32)
            deviations += errors[..., None] * rng.standard_normal(deviations.shape, dtype=np.float32)
        return deviations

    def drawn(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """Return draws of the values, (n, k, draws), float32."""
        values = self._examples(draws)
        if self.df is not None:
            weights = rng.standard_normal((self.repeats.shape[-1], draws), dtype=np.float32)
            weights *= np.sqrt(self.df / rng.chisquare(self.df, draws)).astype(np.float32)
            values += self.repeats.astype(np.float32) @ weights
        values += self.points.astype(np.float32)[..., None]
        return values

    def _examples(self, draws: int) -> np.ndarray:
        held = self.examples.shape[-1]
        if not held:
            return np.zeros((*self.points.shape, draws), np.float32)
        if held < draws:
            raise ValueError(f"expected at most {held} draws, the bootstrap's, found {draws}")
        return self.examples[..., :draws].astype(np.float32, copy=True)


def repeated(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int | None]:
    """Return means (n, k), deviations (n, k, repetitions) and df of values that were found repeatedly.

    `values` is (n, k, repetitions), NaN where a system lacks one. Equal places are the same repetition
    (seed, block), so that what it does to all systems cancels in their differences. With S of them a
    deviation is (value - mean) / sqrt(S (S - 1)). Where a system has one alone nothing is known of any.

    >>> means, deviations, df = repeated(np.array([[[1.0, 3.0]]]))
    >>> float(means[0, 0]), round(float((deviations**2).sum()), 9), df
    (2.0, 1.0, 1)
    """
    present = np.isfinite(values)
    counts = present.sum(axis=-1, keepdims=True)
    filled = np.where(present, values, 0.0)
    means = filled.sum(axis=-1, keepdims=True) / np.maximum(counts, 1)
    least = int(counts.min()) if counts.size else 0
    if least < 2:
        return means[..., 0], np.zeros((*values.shape[:2], 0)), None
    deviations = np.where(present, filled - means, 0.0) / np.sqrt(counts * (counts - 1.0))
    return means[..., 0], deviations, least - 1


def simultaneous(deviations: Iterable[np.ndarray], level: float = LEVEL, sided: int = 2) -> float:
    """Return the level of single intervals at which those of a whole family hold together at `level`.

    `deviations` are pieces (..., draws) of normal draws of all members, centred; an array is one along its
    first axis. The largest standardised one is found in every draw, and its quantile taken (max-t: Romano
    and Wolf 2005; Hothorn, Bretz and Westfall 2008); members that never vary do not count. Give the result
    to Spread.half_width, whose Student's t is then taken at that level member by member. With `sided` 1
    only deviations below zero count, and the level returned is still that of a two-sided interval, of which
    one end is used.

    >>> rng = np.random.default_rng(0)
    >>> one = simultaneous(rng.standard_normal((1, 20_000)))
    >>> two = simultaneous(rng.standard_normal((9, 20_000)))
    >>> bool(0.94 < one < 0.96), bool(0.99 < two < 0.997)
    (True, True)
    """
    largest: np.ndarray = np.zeros(1, np.float32)
    for piece in deviations:
        flat = piece.reshape(-1, piece.shape[-1])
        errors = flat.std(axis=-1)
        moving = errors > 0
        if moving.any():
            scaled = np.abs(flat[moving]) if sided == 2 else -flat[moving]
            scaled /= errors[moving, None]
            largest = np.maximum(largest, scaled.max(axis=0))
    return level_of(float(np.quantile(largest, level)), level)


def level_of(quantile: float, level: float = LEVEL) -> float:
    """Return the two-sided level of a normal quantile, at least `level` less what a side may save."""
    return max(math.erf(quantile / math.sqrt(2.0)), 2 * level - 1)


def _variance(deviations: np.ndarray) -> np.ndarray:
    if deviations.shape[-1] < 2:
        return np.zeros(deviations.shape[:-1])
    # In pieces: a float64 copy of all draws of all systems would not fit.
    return np.stack(
        [system_deviations.var(axis=-1, ddof=1, dtype=np.float64) for system_deviations in deviations]
    )
