"""Variances that rest on few repetitions, each shrunken towards what its family tells of them all.

Three training seeds leave a variance two degrees of freedom. Its Student's t at the level of an interval
that holds for forty languages at once is then above 50, and intervals say nothing. The variances of a
family (the languages of one system, the systems in one quantity, the candidates of one cost) are taken as
draws of a scaled inverse chi-square, whose parameters their spread gives, and each one is shrunk towards
it: the moderated t (Smyth 2004, "Linear models and empirical Bayes methods", sections 3 and 6.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xpareto.eval.statistics.intervals import Spread

FEWEST = 3  # variances in a family that tell of their own spread
_STEPS = 50


def shrunken_variances(variances: np.ndarray, df: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return the shrunken variances (k,) of a family, and their degrees of freedom (k,).

    `df` are those of each variance; where they are 0 the variance is not known and the prior's is taken.
    Variances of exactly zero tell nothing of the prior, but are shrunken too. With fewer than FEWEST
    that do, nothing is shrunken.

    >>> alike, df = shrunken_variances(np.array([1.0, 1.01, 0.99, 1.0]), 2.0)
    >>> bool(np.abs(alike - 1.0).max() < 0.01), df.tolist()
    (True, [8.0, 8.0, 8.0, 8.0])
    """
    degrees = np.broadcast_to(np.asarray(df, dtype=np.float64), variances.shape).copy()
    telling = (variances > 0) & (degrees > 0)
    if telling.sum() < FEWEST:
        return variances.astype(np.float64), degrees
    prior, prior_df = _prior(variances[telling], degrees[telling])
    whole = float(degrees[telling].sum())
    if math.isinf(prior_df):  # they differ by no more than chance
        return np.full(variances.shape, prior), np.full(variances.shape, whole)
    shrunk = (prior_df * prior + degrees * variances) / (prior_df + degrees)
    return shrunk, np.minimum(prior_df + degrees, whole)


def shrunken_spread(spread: Spread, axis: int) -> Spread:
    """Return a spread (n, k) with the seeds' part shrunken; `axis` is along the members of a family.

    With one seed nothing is known of that part, and nothing changes.
    """
    if spread.df is None:
        return spread
    families = np.moveaxis(spread.seeds**2, axis, -1)
    degrees = np.moveaxis(np.broadcast_to(spread.df, spread.seeds.shape), axis, -1)
    shrunken = [shrunken_variances(family, df) for family, df in zip(families, degrees, strict=True)]
    variances, df = (
        np.moveaxis(np.stack(of_families), -1, axis) for of_families in zip(*shrunken, strict=True)
    )
    return Spread(spread.examples, np.sqrt(variances), df)


def shrunken_pairs(repeats: np.ndarray, df: int, groups: Sequence[object]) -> tuple[np.ndarray, np.ndarray]:
    """Return the shrunken variances (n, n) of the differences of two of n systems, and their df (n, n).

    `repeats` (n, repetitions) are deviations as Uncertain holds them. Pairs of one group, such as the
    variants of one training, are a family apart from pairs of different groups: what they share cancels.

    >>> alike = np.array([[1.0, -1.0], [1.0, -1.0]])
    >>> shrunken_pairs(alike, 1, ["a", "a"])[0].tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    variances = np.square(repeats[:, None] - repeats[None]).sum(axis=-1)
    degrees = np.full(variances.shape, float(df))
    names = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    group_numbers = np.array([names[name] for name in groups])
    first, second = np.triu_indices(len(group_numbers), k=1)
    same_group = group_numbers[first] == group_numbers[second]
    for inside in (same_group, ~same_group):
        a, b = first[inside], second[inside]
        variances[a, b], degrees[a, b] = shrunken_variances(variances[a, b], df)
        variances[b, a], degrees[b, a] = variances[a, b], degrees[a, b]
    return variances, degrees


def _prior(variances: np.ndarray, df: np.ndarray) -> tuple[float, float]:
    """Return the prior variance and its degrees of freedom, by the moments of log variances (6.2).

    How much they differ is known badly of a small family. Taking them as equal that are not makes
    intervals too narrow, the reverse a little wide: so one standard error is added to the excess. Intervals
    of 27 languages on three seeds then hold together in 92 to 97 % of simulated cases, else in 87 to 95.
    """
    from scipy.special import digamma, zeta

    logs = np.log(variances) - digamma(df / 2) + np.log(df / 2)
    spread = float(logs.var(ddof=1))
    tails = float(((logs - logs.mean()) ** 4).mean()) / spread**2 if spread > 0 else 0.0
    error = spread * math.sqrt(max(tails - 1, 2.0) / len(logs))
    excess = spread - float(zeta(2, df / 2).mean()) + error  # zeta(2, x), Hurwitz's, is trigamma(x)
    if excess <= 0:
        return float((df * variances).sum() / df.sum()), math.inf
    prior_df = 2 * _inverse_trigamma(excess)
    return math.exp(float(logs.mean()) + float(digamma(prior_df / 2)) - math.log(prior_df / 2)), prior_df


def _inverse_trigamma(value: float) -> float:
    """Return the x > 0 at which trigamma is `value`, by bisection on a logarithmic scale."""
    from scipy.special import zeta

    low, high = -20.0, 20.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if zeta(2, math.exp(middle)) > value else (low, middle)
    return math.exp((low + high) / 2)
