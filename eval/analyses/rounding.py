"""Numbers as documents hold them: rounded for display, so that a file stays small and says no more than it knows."""

from __future__ import annotations

import math

import numpy as np

from xpareto.eval.analyses.documents import CostEstimate, Estimate


def short(value: float) -> float:
    """Return the value to a hundredth, without a negative zero.

    >>> short(1.2345), short(-0.001)
    (1.23, 0.0)
    """
    return round(float(value), 2) + 0.0


def digits(value: float) -> float:
    """Return the value in five significant digits.

    >>> digits(123456.7)
    123460.0
    """
    return float(f"{value:.5g}")


def end(value: float) -> float | None:
    """Return the end of a region in five digits, None where it has no end."""
    return digits(value) if math.isfinite(value) else None


def percents(values: np.ndarray) -> tuple[int, ...]:
    """Return shares (n,) in whole percent."""
    return tuple(round(100 * float(value)) for value in values)


def around(value: float, half: float) -> Estimate:
    """Return a value with the ends of an interval of that half width."""
    return Estimate(short(value), short(value - half), short(value + half))


def ratio(log: float, half: float | None, rate: bool = False) -> CostEstimate:
    """Return a cost, or a ratio of two, from its logarithm and half width; of a `rate` costs are the inverse.

    Without a half width it has no interval.

    >>> ratio(math.log(0.5), 0.0, rate=True)
    CostEstimate(value=2.0, low=2.0, high=2.0)
    """
    log = -log if rate else log
    if half is None:
        return CostEstimate(digits(math.exp(log)))
    return CostEstimate(*(digits(math.exp(log + end)) for end in (0.0, -half, half)))
