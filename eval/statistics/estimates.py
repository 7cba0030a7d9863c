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
from xpareto.eval.statistics.metric_units import MetricUnits


@dataclass(frozen=True)
class Uncertain:
    """n systems' values in k quantities.

    `examples` are deviations from `points`, one per draw. The squares of `repeats`, summed over its last
    axis, are the variance of the mean over seeds or blocks (see `repeated`). `df` None: there is one
    repetition, so nothing is known of that noise and `repeats` is empty. `pooled`: the variances rest on
    all systems already, so they are not to be shrunken again (see eval.statistics.variance_shrinkage).
    `units` says what one unit of the metrics changes; of differences (`less`) that is `added`, the variance
    which `spread` adds, and `unit`, in points.
    """

    points: np.ndarray  # (n, k)
    examples: np.ndarray = field(repr=False)  # (n, k, draws) float32; draws may be 0: no test examples
    repeats: np.ndarray = field(repr=False)  # (n, k, repetitions)
    df: int | None
    units: MetricUnits | None = field(default=None, repr=False)
    pooled: bool = False
    added: np.ndarray | None = None  # (n, k)
    unit: np.ndarray | None = None  # (n, k)

    def less(self, base: int) -> Uncertain:
        """Return each system less one of them, paired: by example and by seed."""
        return replace(
            self,
            points=self.points - self.points[base],
            examples=self.examples - self.examples[base],
            repeats=self.repeats - self.repeats[base],
            units=None,
            added=None if self.units is None else self.units.variance(base),
            unit=None if self.units is None else self.units.unit(base),
        )

    def of(self, systems: Sequence[int]) -> Uncertain:
        """Return some of the systems."""
        at = list(systems)
        return replace(
            self,
            points=self.points[at],
            examples=self.examples[at],
            repeats=self.repeats[at],
            units=None if self.units is None else self.units.of(at),
            added=None if self.added is None else self.added[at],
            unit=None if self.unit is None else self.unit[at],
        )

    def take(self, quantities: Sequence[int] | np.ndarray) -> Uncertain:
        """Return some of the quantities."""
        at = list(quantities)
        return replace(
            self,
            points=self.points[:, at],
            examples=self.examples[:, at],
            repeats=self.repeats[:, at],
            units=None if self.units is None else self.units.take(at),
            added=None if self.added is None else self.added[:, at],
            unit=None if self.unit is None else self.unit[:, at],
        )

    def mapped(self, weights: np.ndarray) -> Uncertain:
        """Return linear combinations: weights (k, m) of the quantities."""
        narrow = weights.astype(np.float32)
        return replace(
            self,
            points=self.points @ weights,
            examples=np.einsum("nkr,km->nmr", self.examples, narrow, optimize=True),
            repeats=np.einsum("nks,km->nms", self.repeats, weights, optimize=True),
            units=None,
            added=None if self.added is None else self.added @ weights**2,
            unit=None if self.unit is None else self.unit @ weights**2,
        )

    def spread(self) -> Spread:
        """Return the standard errors (n, k), for intervals and p-values."""
        variance = _variance(self.examples) + (0.0 if self.added is None else self.added)
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


def simultaneous(deviations: Iterable[np.ndarray], level: float = LEVEL) -> float:
    """Return the level of single intervals at which those of a whole family hold together at `level`.

    `deviations` are pieces (..., draws) of normal draws of all members, centred; an array is one along its
    first axis. The largest standardised one is found in every draw, and its quantile taken (max-t: Romano
    and Wolf 2005; Hothorn, Bretz and Westfall 2008); members that never vary do not count. Give the result
    to Spread.half_width, whose Student's t is then taken at that level member by member.

    A member of few examples has heavier tails than the normal law, and its quantile is no other's: it would
    widen the intervals of all. So what is found is a level and not a quantile, each member has its own
    quantile at it (min-P: Westfall and Young 1993), and it is never above Bonferroni's, which holds
    whatever the tails are.

    >>> rng = np.random.default_rng(0)
    >>> one = simultaneous(rng.standard_normal((1, 20_000)))
    >>> nine = simultaneous(rng.standard_normal((9, 20_000)))
    >>> one, bool(0.99 < nine <= 1 - 0.05 / 9)
    (0.95, True)
    """
    largest: np.ndarray = np.zeros(1, np.float32)
    members = 0
    for piece in deviations:
        flat = piece.reshape(-1, piece.shape[-1])
        errors = flat.std(axis=-1)
        moving = errors > 0
        members += int(moving.sum())
        if moving.any():
            scaled = np.abs(flat[moving])
            scaled /= errors[moving, None]
            largest = np.maximum(largest, scaled.max(axis=0))
    return level_of(float(np.quantile(largest, level)), members, level)


def level_of(quantile: float, members: int, level: float = LEVEL) -> float:
    """Return the two-sided level of a normal quantile, from `level` up to Bonferroni's of so many members.

    >>> level_of(0.0, 4), level_of(9.0, 4)
    (0.95, 0.9875)
    """
    return min(max(math.erf(quantile / math.sqrt(2.0)), level), 1 - (1 - level) / max(members, 1))


def _variance(deviations: np.ndarray) -> np.ndarray:
    if deviations.shape[-1] < 2:
        return np.zeros(deviations.shape[:-1])
    # In pieces: a float64 copy of all draws of all systems would not fit.
    return np.stack(
        [system_deviations.var(axis=-1, ddof=1, dtype=np.float64) for system_deviations in deviations]
    )
