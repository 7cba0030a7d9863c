"""Spearman's and Pearson's correlation, in weighted samples, with what each example adds, and their intervals.

Ranks are mid-ranks: of equal values each has the mean of their places, as scipy's spearmanr has it. Where either side
has one value alone a correlation is 0, where scipy says NaN: nothing is told apart.
"""

from __future__ import annotations

import math

import numpy as np

_CONSTANT = 1e-14  # of the squares of the values: a spread below is rounding

CORRELATIONS = frozenset({"spearman", "pearson"})
"""Metrics from -100 to 100, for which a share of right answers is no measure of uncertainty."""


def ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mid-distribution of values (n,) in weighted samples (samples, n): shares below, and half of equals.

    >>> ranks(np.array([5.0, 7.0, 5.0]), np.ones((1, 3))).round(3).tolist()
    [[0.333, 0.833, 0.333]]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    last = np.append(
        np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1
    )  # of each run of equal values
    upto = weights[:, order].cumsum(axis=1)[:, last] / weights.sum(axis=1, keepdims=True)
    middle = (upto + np.concatenate([np.zeros((len(weights), 1)), upto[:, :-1]], axis=1)) / 2
    found = np.empty(weights.shape)
    found[:, order] = np.repeat(middle, np.diff(np.append(-1, last)), axis=1)
    return found


def pearson(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the correlation in weighted samples (samples,), of values (n,) or (samples, n), weights (samples, n).

    >>> float(pearson(np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0]), np.ones((1, 3)))[0].round(4))
    0.3273
    """
    shares = weights / weights.sum(axis=1, keepdims=True)
    first, second = (_centred(values, shares) for values in (one, other))
    spread = (shares * first**2).sum(axis=1) * (shares * second**2).sum(axis=1)
    covariance = (shares * first * second).sum(axis=1)
    found = np.divide(
        covariance, np.sqrt(np.where(spread > 0, spread, 1.0)), out=np.zeros(len(shares)), where=spread > 0
    )
    clipped: np.ndarray = np.clip(found, -1.0, 1.0)
    return clipped


def spearman(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the correlation of ranks in weighted samples (samples,), of values (n,), weights (samples, n).

    >>> float(spearman(np.array([1.0, 2.0, 9.0]), np.array([0.1, 0.2, 0.3]), np.ones((1, 3)))[0].round(6))
    1.0
    """
    return pearson(ranks(one, weights), ranks(other, weights), weights)


def pearson_influence(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the influence of each example (n,) on `pearson` (Devlin et al. 1975, equation 3.1)."""
    even = np.full((1, len(one)), 1 / len(one))
    first, second = (_centred(values, even)[0] for values in (one, other))
    widths = first.std(), second.std()
    if not all(widths):
        return np.zeros(len(one))
    x, y = first / widths[0], second / widths[1]
    return x * y - (x * y).mean() * (x**2 + y**2) / 2


def spearman_influence(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the influence of each example (n,) on `spearman`, whose ranks it moves, too.

    With ranks a and b (mean 1/2 whatever the sample) the correlation is that of a and b; an example at (x, y) adds
    its own product and moves each a by [x < a's value, half of equals] - a, which is followed through all moments
    (Croux and Dehon 2010, "Influence functions of the Spearman and Kendall correlation measures").
    """
    even = np.full((1, len(one)), 1 / len(one))
    a, b = ranks(one, even)[0], ranks(other, even)[0]
    products = a * b, a * a, b * b
    covariance, var_a, var_b = (float(product.mean()) - 0.25 for product in products)
    if var_a <= _CONSTANT or var_b <= _CONSTANT:
        return np.zeros(len(one))
    move = products[0] + _above(one, b) + _above(other, a) - 3 * products[0].mean()
    move_a = products[1] + 2 * _above(one, a) - 3 * products[1].mean()
    move_b = products[2] + 2 * _above(other, b) - 3 * products[2].mean()
    scale = math.sqrt(var_a * var_b)
    influence: np.ndarray = move / scale - covariance / scale * (move_a / var_a + move_b / var_b) / 2
    return influence


def interval(percent: float, examples: int, z: float) -> tuple[float, float]:
    """Return the ends of a correlation's interval in percent, from the examples alone: Fisher's z.

    The error of atanh is that of Bonett and Wright 2000 for ranks, sqrt((1 + r² / 2) / (n - 3)), a little wide for
    Pearson's. Of three examples or fewer nothing is known.

    >>> [round(end, 1) for end in interval(80.0, 103, 1.96)]
    [70.3, 86.8]
    """
    if examples <= 3:
        return -100.0, 100.0
    r = min(max(percent / 100, -1.0), 1.0)
    middle = math.atanh(min(max(r, -1 + 1e-9), 1 - 1e-9))
    half = z * math.sqrt((1 + r**2 / 2) / (examples - 3))
    return 100 * math.tanh(middle - half), 100 * math.tanh(middle + half)


def _above(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return for each example the mean over all of `of`, where their values are greater, and half of it where equal."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    upto = of[order].cumsum()[ends]
    middle = upto[-1] - (upto + np.append(0.0, upto[:-1])) / 2
    found = np.empty(len(values))
    found[order] = np.repeat(middle, np.diff(np.append(-1, ends)))
    return found / len(values)


def _centred(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return values less their means, (samples, n); zeros where they differ by rounding alone."""
    centred = values - (shares * values).sum(axis=1, keepdims=True)
    spread = (shares * centred**2).sum(axis=1, keepdims=True)
    return np.where(
        spread > _CONSTANT * (shares * np.square(values)).sum(axis=1, keepdims=True), centred, 0.0
    )
