"""Intervals and p-values of a difference that varies with the test examples and with training seeds.

The two parts are estimated apart: the examples by a paired bootstrap, the seeds by the variance
between seeds, of which there are few. Their half widths are added in squares,

    half² = (z · se_examples)² + (t_df · se_seeds)²,

each with its own quantile (MOVER: Zou and Donner 2008; for quantiles of t, Graybill and Wang 1980).
This never exceeds its level: P(Z² > x) is convex in x > 0, so by Jensen's inequality the error of the
sum is at most the weighted mean of the two errors, each of which is exact for normal variables.
Resampling the seeds instead would be too narrow: with S seeds it understates their variance by
(S − 1) / S, which is a half for two seeds, and knows nothing of t, whose 97.5 % point is 12.7 for
one degree of freedom, 4.3 for two, 2.8 for four.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from eval.student_t import quantile, upper_tail

_NORMAL = NormalDist()
_HALVINGS = 60


@dataclass(frozen=True)
class Spread:
    """How uncertain differences are: standard errors of one shape, and the seeds' degrees of freedom.

        `df` is None with one seed: training noise is unknown then, `seeds` is zero, and all that follows
        holds for these trained models only. An array gives each difference its own (see eval.moderated).
    `examples_df` is for an error of few examples, which takes its quantile of t; None: there are many,
    and it is the normal one.
    """

    examples: np.ndarray
    seeds: np.ndarray
    df: int | np.ndarray | None
    examples_df: int | None = None

    def of(self, at: int) -> Spread:
        """Return the spread of one row."""
        df = self.df[at] if isinstance(self.df, np.ndarray) else self.df
        return Spread(self.examples[at], self.seeds[at], df, self.examples_df)

    @property
    def one_df(self) -> int | None:
        """Return the degrees of freedom that all differences share; ValueError where each has its own."""
        if isinstance(self.df, np.ndarray):
            raise ValueError("expected one df for all differences, found an array")
        return self.df

    def half_width(self, level: float) -> np.ndarray:
        """Return half the width of the two-sided interval of that level, such as 0.95."""
        tail = (1 - level) / 2
        z = _NORMAL.inv_cdf(1 - tail) if self.examples_df is None else quantile(tail, self.examples_df)
        t = 0.0 if self.df is None else _each(self.df, lambda df: quantile(tail, df))
        return np.sqrt((z * self.examples) ** 2 + (t * self.seeds) ** 2)

    def p_value(self, distance: np.ndarray) -> np.ndarray:
        """Return the two-sided p-value of a distance from zero: the level at which the interval ends there.

        1 where the distance is zero or less.
        """
        distance = np.maximum(np.asarray(distance, dtype=np.float64), 0.0)
        df = self.one_df
        shape = np.broadcast_shapes(distance.shape, self.examples.shape)
        far = min(float(_quantiles(own)[0][-1]) for own in (df, self.examples_df))
        low, high = np.zeros(shape), np.full(shape, far)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            z = middle if self.examples_df is None else _t_at(middle, self.examples_df)
            t = _t_at(middle, df) if df is not None else 0.0
            inside = (z * self.examples) ** 2 + (t * self.seeds) ** 2 <= distance**2
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        p = np.array([math.erfc(z / math.sqrt(2)) for z in low.ravel()]).reshape(shape)
        return np.where(distance > 0, p, 1.0)


def _each(df: int | np.ndarray, function: Callable[[float], float]) -> np.ndarray:
    """Return a function of each degree of freedom, called once for equal ones."""
    known, places = np.unique(np.asarray(df, dtype=np.float64), return_inverse=True)
    return np.array([function(float(own)) for own in known])[places].reshape(np.shape(df))


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


def _t_at(z: np.ndarray, df: int) -> np.ndarray:
    """Return the quantiles of t whose tails are those of normal ones."""
    zs, log_t = _quantiles(df)
    return np.exp(np.interp(z, zs, log_t))


@cache
def _quantiles(df: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return normal quantiles and the logarithm of t's at equal tails, both rising; ends at z of 8."""
    if df is None:
        return np.linspace(0.0, 8.0, 2), np.zeros(2)
    zs, ts = [], []
    for t in np.geomspace(1e-4, 1e18, 4000):
        tail = upper_tail(float(t), df)
        if tail < 6.3e-16:
            break
        zs.append(-_NORMAL.inv_cdf(tail) if tail < 0.5 else 0.0)
        ts.append(float(t))
    return np.array(zs), np.log(ts)
