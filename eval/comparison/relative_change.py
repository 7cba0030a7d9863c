"""What changed of one candidate's cost from one run to another, beside what changed of the others'.

What a block does to all candidates does not cancel between two runs, so that the change of one candidate is
known no better than that of the machine. Beside the others it cancels: a candidate is compared with the median
of the others' changes (the median, since some of them may have changed as well).
"""

from __future__ import annotations

import math

import numpy as np

from xpareto.eval.statistics import Contrast, Spread, contrasts

FEWEST = 3  # candidates
_MEDIAN = math.sqrt(math.pi / 2)  # the error of a median over that of a mean, of many normal values


def relative_changes(
    changes: np.ndarray, errors: np.ndarray, df: int | None, margin: float, family: str, good: int = 1
) -> list[Contrast]:
    """Return the contrast of each of n candidates with the median of the others; none where there are few.

    `changes` (n,) are logarithms of ratios, `errors` (n,) their standard errors without what blocks do to
    all. The others' noise enters as that of a median of many normal values, a little much for a few.

    >>> changed = relative_changes(np.array([0.3, 0.0, 0.0, 0.01]), np.full(4, 0.01), 30, 0.05, "", -1)
    >>> [contrast.verdict for contrast in changed]
    ['worse', 'equivalent', 'equivalent', 'equivalent']
    """
    count = len(changes)
    if count < FEWEST:
        return []
    others = [np.delete(np.arange(count), at) for at in range(count)]
    medians = np.array([np.median(changes[places]) for places in others])
    noise = np.array(
        [_MEDIAN * math.sqrt(float((errors[places] ** 2).mean()) / len(places)) for places in others]
    )
    spread = Spread(np.zeros(count), np.sqrt(errors**2 + noise**2), df)
    return contrasts(medians, changes, spread, margin, family, good)
