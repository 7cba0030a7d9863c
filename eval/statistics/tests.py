"""Better, equivalent, worse or undetermined: what a difference and its uncertainty allow one to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xpareto.eval.statistics.intervals import LEVEL, Spread

Verdict = Literal["better", "equivalent", "worse", "undetermined"]

ERROR = 0.05


@dataclass(frozen=True)
class Contrast:
    """Arm B less arm A in one quantity.

    `low` and `high` are the 95 % interval of this contrast by itself. `p` is two-sided against no
    difference; `p_equivalent` is the larger of the two one-sided tests against `margin` (TOST,
    Schuirmann 1987). The adjusted ones hold for the whole `family` of `members` (Holm 1979) and give
    the verdict. `se_seeds` is None with one seed: the verdict is then on these trained models only.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    se_examples: float
    se_seeds: float | None
    df: int | None
    p: float
    p_adjusted: float
    p_equivalent: float
    p_equivalent_adjusted: float
    margin: float
    verdict: Verdict
    family: str
    members: int


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values adjusted for their number, in their order (Holm 1979, step-down).

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = running
    return tuple(adjusted)


def step_up(passing: Callable[[float], int], hypotheses: int, error: float = ERROR) -> float:
    """Return the error that each of several tests may have, for 5 % that any is passed wrongly.

    `passing` tells how many of the `hypotheses` are rejected where each test may err in a share of cases.
    The error is the largest error / (hypotheses - k + 1) at which at least k are (step-up: Hochberg 1988),
    and error / hypotheses where none is. It holds for tests that do not depend negatively on each other
    (Sarkar 1998), as comparisons with one baseline do not.

    >>> p_values = [0.001, 0.02, 0.03]
    >>> step_up(lambda error: sum(p <= error for p in p_values), 3)  # all of them: the largest is below 0.05
    0.05
    """
    k = max(hypotheses, 1)
    while k > 1:
        # At a smaller error no more pass, so that the next k to try is what passed here.
        passed = passing(error / (hypotheses - k + 1))
        if passed >= k:
            break
        k = max(passed, 1)
    return error / (max(hypotheses, 1) - k + 1)


def verdict(difference: float, p: float, p_equivalent: float, good: int = 1) -> Verdict:
    """Return the verdict on B: equivalence first, since a proven trifle is still a trifle.

    `good` is 1 where more is better and -1 where less is. No significant difference is never called
    equal: that needs the difference to be proven smaller than the margin.

    >>> verdict(2.0, 0.001, 0.9), verdict(0.1, 0.6, 0.01), verdict(0.1, 0.6, 0.3)
    ('better', 'equivalent', 'undetermined')
    """
    if p_equivalent <= ERROR:
        return "equivalent"
    if p <= ERROR:
        return "better" if difference * good > 0 else "worse"
    return "undetermined"


def contrasts(
    a: np.ndarray,
    b: np.ndarray,
    spread: Spread,
    margin: float | np.ndarray,
    family: str,
    good: int = 1,
) -> list[Contrast]:
    """Return the contrasts of one family, whose members are the entries of the arrays (members,)."""
    difference = b - a
    half = spread.half_width(LEVEL)
    margins = np.broadcast_to(np.asarray(margin, dtype=np.float64), difference.shape)
    p = spread.p_value(np.abs(difference))
    # One-sided on each side: half the two-sided p-value of the distance to the nearer margin.
    room = margins - np.abs(difference)
    p_equivalent = np.where(room > 0, spread.p_value(room) / 2, 1.0)
    adjusted, equivalent = holm(p.tolist()), holm(p_equivalent.tolist())
    return [
        Contrast(
            float(a[at]),
            float(b[at]),
            float(difference[at]),
            float(difference[at] - half[at]),
            float(difference[at] + half[at]),
            float(spread.examples[at]),
            float(spread.seeds[at]) if spread.df is not None else None,
            spread.one_df,
            float(p[at]),
            adjusted[at],
            float(p_equivalent[at]),
            equivalent[at],
            float(margins[at]),
            verdict(float(difference[at]), adjusted[at], equivalent[at], good),
            family,
            len(difference),
        )
        for at in range(len(difference))
    ]
