"""How far two costs put the candidates in the same order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    """Of `pairs` pairs that neither cost ties, `alike` are ordered alike; `tau` is Kendall's tau-b."""

    tau: float
    alike: int
    pairs: int
    candidates: int


def agreement(values: Sequence[tuple[float, float]]) -> Agreement | None:
    """Return Kendall's tau-b (1945), which allows for ties: 1 the same order, 0 none, -1 the reverse.

    None where either cost is the same for all, so that nothing is ordered.

    >>> agreement([(1.0, 10.0), (2.0, 20.0), (3.0, 15.0)])
    Agreement(tau=0.3333333333333333, alike=2, pairs=3, candidates=3)
    """
    alike = against = tied_first = tied_second = 0
    for (a, x), (b, y) in itertools.combinations(values, 2):
        alike += (a - b) * (x - y) > 0
        against += (a - b) * (x - y) < 0
        tied_first += a == b and x != y
        tied_second += a != b and x == y
    strict = alike + against
    whole = math.sqrt((strict + tied_first) * (strict + tied_second))
    return Agreement((alike - against) / whole, alike, strict, len(values)) if whole else None
