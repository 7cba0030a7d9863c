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
from dataclasses import dataclass, replace

import numpy as np

from xpareto.eval.statistics.intervals import Spread

FEWEST = 3  # variances in a family that tell of their own spread
POOLED_UP_TO = 5  # independent differences of systems: so few tell little of how their noises differ
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


def shrunken_spread(spread: Spread, repeats: np.ndarray) -> Spread:
    """Return a spread (n, k) with the seeds' part shrunken over each system's k differences.

    `repeats` (n, k, repetitions) are deviations as Uncertain holds them. A seed moves all languages of a
    system together, and then their variances are one and the same draw, not k: so what it does to their
    mean is taken out as the spread's `common`, which has the seeds' degrees of freedom however many
    languages there are, and only what is left is shrunken. With one seed nothing is known of that part,
    and with fewer than FEWEST differences nothing is shrunken: then nothing changes.
    """
    members = repeats.shape[1]
    if spread.df is None or members < FEWEST:
        return spread
    common = repeats.mean(axis=1, keepdims=True)
    share = (members - 1) / members  # what taking out the mean leaves of a variance, and of its df
    own = np.square(repeats - common).sum(axis=-1) / share
    shrunken = [shrunken_variances(variances, spread.one_df * share) for variances in own]
    variances, df = (np.stack(of_systems) for of_systems in zip(*shrunken, strict=True))
    return replace(
        spread,
        seeds=np.sqrt(variances),
        df=df,
        common=np.broadcast_to(np.sqrt(np.square(common).sum(axis=-1)), variances.shape),
        common_df=spread.one_df,
    )


@dataclass(frozen=True)
class PairErrors:
    """What is known of the noise of training in the difference of any two of n systems, each (n, n).

    `own` is the variance of what systems of one group, such as variants of one training, differ by, and `df`
    its degrees of freedom; `common` that of the two groups' means, which all their systems share, with
    `common_df` degrees of freedom in all. `groups` counts the groups.
    """

    own: np.ndarray
    df: np.ndarray
    common: np.ndarray
    common_df: int
    groups: int

    def spread(self, examples: np.ndarray, base: int) -> Spread:
        """Return the spread (n,) of all systems less one of them, from their errors of examples (n,)."""
        if self.groups < 2:
            return Spread(examples, np.sqrt(self.own[base]), self.df[base])
        return Spread(
            examples,
            np.sqrt(self.own[base]),
            self.df[base],
            common=np.sqrt(self.common[base]),
            common_df=self.common_df,
            commons=self.groups * (self.groups - 1) // 2,
        )


def shrunken_pairs(repeats: np.ndarray, df: int, groups: Sequence[object]) -> PairErrors:
    """Return what is known of the noise of differences of two of n systems, shrunken over all pairs.

    `repeats` (n, repetitions) are deviations as Uncertain holds them. Systems of one group, such as the
    variants of one training, share what a seed does to it, which cancels in their differences. However many
    pairs there are, n systems of g groups tell no more than (n - g) times what one does, and g groups
    (g - 1) times: the degrees of freedom are at most that. Up to POOLED_UP_TO of these are pooled, more are
    shrunken, and none is taken as less than its own.

    >>> alike = np.array([[1.0, -1.0], [1.0, -1.0], [3.0, -3.0]])
    >>> errors = shrunken_pairs(alike, 1, ["a", "a", "b"])
    >>> errors.own[0].tolist(), errors.common[0].tolist(), errors.common_df
    ([0.0, 0.0, 0.0], [0.0, 0.0, 8.0], 1)
    """
    names = list(dict.fromkeys(groups))
    place = np.array([names.index(name) for name in groups])
    means = np.stack([repeats[place == at].mean(axis=0) for at in range(len(names))])
    within = repeats - means[place]
    first, second = np.triu_indices(len(place), k=1)
    same_group = place[first] == place[second]
    own, degrees = np.zeros((len(place),) * 2), np.full((len(place),) * 2, float(df))
    left = len(place) - len(names)
    pooled = 2 * float(np.square(within).sum()) / max(left, 1)
    for inside in (same_group, ~same_group):
        a, b = first[inside], second[inside]
        own[a, b], degrees[a, b] = _of_pairs(np.square(within[a] - within[b]).sum(axis=-1), df, left, pooled)
        own[b, a], degrees[b, a] = own[a, b], degrees[a, b]
    a, b = np.triu_indices(len(names), k=1)
    apart = len(names) - 1
    pooled = 2 * float(np.square(means - means.mean(axis=0)).sum()) / max(apart, 1)
    common, common_degrees = np.zeros((len(names),) * 2), np.array([float(df)])
    if apart:
        common[a, b], common_degrees = _of_pairs(
            np.square(means[a] - means[b]).sum(axis=-1), df, apart, pooled
        )
        common[b, a] = common[a, b]
    least = max(1, math.floor(float(common_degrees.min()) + 1e-9))
    return PairErrors(own, degrees, common[place][:, place], least, len(names))


def _of_pairs(
    variances: np.ndarray, df: int, independent: int, pooled: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the variances of pairs and their df, where `independent` of them tell of the others."""
    if independent < 1:
        return variances, np.full(variances.shape, float(df))
    if independent <= POOLED_UP_TO:
        return np.maximum(variances, pooled), np.full(variances.shape, float(independent * df))
    shrunken, degrees = shrunken_variances(variances, float(df))
    return np.maximum(variances, shrunken), np.minimum(degrees, independent * df)


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
