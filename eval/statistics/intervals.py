"""Intervals and p-values of a difference that varies with the test examples and with training seeds.

The two parts are estimated apart: the examples by a paired bootstrap, the seeds by the variance
between seeds, of which there are few. Their half widths are added in squares,

    half² = (z · se_examples)² + (t_df · se_seeds)²,

each with its own quantile (MOVER: Zou and Donner 2008; for quantiles of t, Graybill and Wang 1980).
This never exceeds its level: P(Z² > x) is convex in x > 0, so by Jensen's inequality the error of the
sum is at most the weighted mean of the two errors, each of which is exact for normal variables.
Resampling the seeds instead would be too narrow: with S seeds it understates their variance by
(S − 1) / S, which is a half for two seeds, and knows nothing of t, whose 97.5 % point is 12.7 for
one degree of freedom, 4.3 for two, 2.8 for four. What seeds do to many differences alike is a third part,
with a quantile of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

LEVEL = 0.95
_HALVINGS = 60
_FARTHEST = 8.0  # normal standard deviations: p-values of 1e-15 and less are not told apart


@dataclass(frozen=True)
class Spread:
    """How uncertain differences are: standard errors of one shape, and the seeds' degrees of freedom.

    `df` is None with one seed: training noise is unknown then, `seeds` is zero, and all that follows
    holds for these trained models only. An array gives each difference its own (see
    eval.statistics.variance_shrinkage).
    `examples_df` is for an error of few examples, which takes its quantile of t; None: there are many,
    and it is the normal one.
    `common` is what a seed does to many differences alike, such as all languages of a system, apart from
    `seeds`, which is each one's own: however many differences share it, they tell of it with `common_df`
    degrees of freedom in all. `commons` counts how many such errors there are in the family. None: the
    errors of seeds were not taken apart.
    """

    examples: np.ndarray
    seeds: np.ndarray
    df: int | np.ndarray | None
    examples_df: int | None = None
    common: np.ndarray | None = None
    common_df: int | None = None
    commons: int = 1

    def of(self, at: int) -> Spread:
        """Return the spread of one row."""
        df = self.df[at] if isinstance(self.df, np.ndarray) else self.df
        common = None if self.common is None else self.common[at]
        return replace(self, examples=self.examples[at], seeds=self.seeds[at], df=df, common=common)

    @property
    def one_df(self) -> int | None:
        """Return the degrees of freedom that all differences share; ValueError where each has its own."""
        if isinstance(self.df, np.ndarray):
            raise ValueError("expected one df for all differences, found an array")
        return self.df

    def half_width(self, level: float) -> np.ndarray:
        """Return half the width of the two-sided interval of that level, such as 0.95."""
        tail = (1 - level) / 2
        own = self._own(tail)
        if self.common is None:
            return own
        return np.sqrt(own**2 + (t_quantile(tail, self.common_df) * self.common) ** 2)

    @property
    def joint_level(self) -> float:
        """Return the level at which the members' own errors are to hold together, for `joint_half_width`."""
        return LEVEL if self.common is None else (1 + LEVEL) / 2

    def joint_half_width(self, single: float) -> np.ndarray:
        """Return half the widths of intervals that hold for a whole family at once, at LEVEL.

        `single` is the level of one interval at which the members' own errors hold together at
        `joint_level`. What members share needs no correction for how many they are, and Student's t on two
        degrees of freedom at such a level would say nothing: so half of the error is given to it, and its
        half width is added (Bonferroni).
        """
        own = self._own((1 - single) / 2)
        if self.common is None:
            return own
        tail = (1 - self.joint_level) / 2 / self.commons
        return own + t_quantile(tail, self.common_df) * self.common

    def _own(self, tail: float) -> np.ndarray:
        t = 0.0 if self.df is None else t_quantile(tail, self.df)
        return np.sqrt((t_quantile(tail, self.examples_df) * self.examples) ** 2 + (t * self.seeds) ** 2)

    def p_value(self, distance: np.ndarray) -> np.ndarray:
        """Return the two-sided p-value of a distance from zero: the level at which the interval ends there.

        1 where the distance is zero or less.
        """
        from scipy.special import ndtr

        distance = np.maximum(np.asarray(distance, dtype=np.float64), 0.0)
        df = self.one_df
        shape = np.broadcast_shapes(distance.shape, self.examples.shape)
        low, high = np.zeros(shape), np.full(shape, _FARTHEST)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            tail = ndtr(-middle)
            z = middle if self.examples_df is None else t_quantile(tail, self.examples_df)
            t = t_quantile(tail, df) if df is not None else 0.0
            half = (z * self.examples) ** 2 + (t * self.seeds) ** 2
            if self.common is not None:
                half += (t_quantile(tail, self.common_df) * self.common) ** 2
            inside = half <= distance**2
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        return np.where(distance > 0, 2 * ndtr(-low), 1.0)


def t_quantile(tail: float | np.ndarray, df: float | np.ndarray | None) -> np.ndarray:
    """Return what leaves `tail` above it: of Student's t, without degrees of freedom of a normal variable.

    ValueError unless tail lies between 0 and 1 and df above 0.

    >>> t_quantile(0.025, 2).round(3), t_quantile(0.025, None).round(3)
    (np.float64(4.303), np.float64(1.96))
    """
    from scipy.special import ndtri, stdtrit  # a tenth of a second to import, and `xpareto plan` needs none

    value = -ndtri(tail) if df is None else -stdtrit(df, tail)
    if not np.isfinite(value).all():
        raise ValueError(f"expected 0 < tail < 1 and df > 0, found tail = {tail} and df = {df}")
    return value


def seed_spread(values: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Return the standard error of a difference of two arms' means over seeds, and its df.

    `values` is (arms, seeds, ...). Seeds are blocks, since arms of one seed share their base or the
    order of their data: the residual mean square MS of arms × seeds is pooled over all arms, which
    takes its variance as equal in them, and the difference has the variance 2 MS / seeds with
    (arms − 1)(seeds − 1) degrees of freedom (randomised blocks: Fisher 1935). For two arms this is
    the paired t-test. With one seed: zeros and None.

    >>> error, df = seed_spread(np.array([[1.0, 2.0], [1.0, 4.0]]))
    >>> float(error), df
    (1.0, 1)
    """
    arms, seeds = values.shape[:2]
    if arms < 2:
        raise ValueError(f"expected at least two arms, found {arms}")
    if seeds < 2:
        return np.zeros(values.shape[2:]), None
    residual = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean(axis=(0, 1))
    df = (arms - 1) * (seeds - 1)
    return np.sqrt(2 * (residual**2).sum(axis=(0, 1)) / df / seeds), df


def pair_spread(differences: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Return the standard error of the mean over seeds of `differences` (seeds, ...), and its df.

    >>> error, df = pair_spread(np.array([0.0, 2.0]))
    >>> float(error), df
    (1.0, 1)
    """
    seeds = differences.shape[0]
    if seeds < 2:
        return np.zeros(differences.shape[1:]), None
    return differences.std(axis=0, ddof=1) / math.sqrt(seeds), seeds - 1
