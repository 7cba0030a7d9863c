"""The most that a drop can be: the upper end of a score interval, right where few answers differ.

An interval whose error is that of what was observed is too short at this end. Where a loss is larger than
the one that was seen, more answers were lost, and these vary, too; of no difference in 100 examples it
would conclude that less than 2 points are lost, where one run in eight with a true loss of 2 shows none.
So the error is taken at the loss that is judged: the score interval of a difference of paired shares (Tango
1998, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
design", equations 3 to 6), with the binomial law replaced by Poisson's, as few of many answers differ.
What it needs is the drop, its standard error and what one unit of the metric changes; the answers won and
lost are taken from these, so that it serves any score that is a mean of units.
"""

from __future__ import annotations

import numpy as np

from xpareto.eval.statistics.intervals import t_quantile

POWER = 0.8  # share of runs in which a variant that loses nothing should be shown to
_HALVINGS = 50
_DOUBLINGS = 60
_EXPONENT = 40.0  # of 2: more examples than that nobody has


def null_error(loss: np.ndarray, drop: np.ndarray, error: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return the standard error of a drop where the true one is `loss`, elementwise, all in points.

    Of w answers won and l lost, drop = (l - w) unit and error² = (l + w) unit². Given that l exceeds w by
    loss / unit, the likeliest number won is the root of a quadratic (Tango 1998, equation 4).

    >>> float(null_error(np.array(2.0), np.array(0.0), np.array(0.0), np.array(1.0))) ** 2
    2.0000000000000004
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        more, differing = loss / unit, (error / unit) ** 2
        won = np.maximum(differing - drop / unit, 0.0) / 2
        lead, product = differing - 2 * more, 8 * np.maximum(more, 0.0) * won
        root = np.sqrt(lead**2 + product)
        # Of the two forms of one root the one in which nothing cancels.
        likeliest = np.where(lead >= 0, lead + root, product / (root - lead)) / 4
        at_loss = unit * np.sqrt(np.maximum(2 * likeliest + more, 0.0))
    return np.where(unit > 0, at_loss, error)


def most_drop(
    drop: np.ndarray, error: np.ndarray, unit: np.ndarray, tail: float, seeds: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return the upper ends of drops, one-sided at the level 1 - `tail`, elementwise.

    `error` is the standard error over test examples, `unit` what one unit of the metric changes; both are
    0 where predictions are the same, and so is the width. `seeds` is the half width that training seeds
    give at this level; the two are added in squares (see eval.statistics.intervals).

    >>> nothing = np.zeros(1)
    >>> round(float(most_drop(nothing, nothing, np.ones(1), 0.05)[0]), 2)  # of 100 examples: 2.7, not 0
    2.71
    """
    z = float(t_quantile(tail, None))
    low = np.array(drop, dtype=np.float64)
    width = z * error + z**2 * unit
    for _ in range(_DOUBLINGS):
        short = low + width - drop < z * null_error(low + width, drop, error, unit)
        if not short.any():
            break
        width = np.where(short, 2 * width, width)
    high = low + width
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = middle - drop >= z * null_error(middle, drop, error, unit)
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    ends: np.ndarray = drop + np.hypot(high - drop, seeds)
    return ends


def growth_needed(
    limit: float, error: np.ndarray, unit: np.ndarray, tail: float, together: int = 1, power: float = POWER
) -> np.ndarray:
    """Return by what factor test examples must grow until a loss of 0 is mostly shown to be below `limit`.

    Elementwise, of drops whose standard error and unit are `error` and `unit` with the examples that there
    are; below 1 where fewer would do, infinite for a limit of 0. Mostly: in the share `power` of runs, of
    `together` independent drops all at once. `tail` as in `most_drop`.

    >>> few = growth_needed(2.0, np.array([0.45]), np.array([0.1]), 0.05)
    >>> many = growth_needed(2.0, np.array([0.45]), np.array([0.1]), 0.05, together=22)
    >>> bool(few[0] < 1 < 2 * many[0]), growth_needed(2.0, np.zeros(1), np.zeros(1), 0.05).tolist()
    (True, [0.0])
    """
    z, unlucky = float(t_quantile(tail, None)), float(t_quantile(1 - power ** (1 / together), None))
    low, high = np.full(np.shape(error), -_EXPONENT), np.full(np.shape(error), _EXPONENT)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        there, step = error / np.exp2(middle / 2), unit / np.exp2(middle)
        drop = np.maximum(unlucky, 0.0) * there
        shown = (drop < limit) & (limit - drop >= z * null_error(np.asarray(limit), drop, there, step))
        low, high = np.where(shown, low, middle), np.where(shown, middle, high)
    none = (np.asarray(error) == 0) & (np.asarray(unit) == 0)
    factor: np.ndarray = np.where(none, 0.0, np.where(high >= _EXPONENT, np.inf, np.exp2(high)))
    return factor
