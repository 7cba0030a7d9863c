"""What the test examples of a run can show of a limit on a drop, in words."""

from __future__ import annotations

import math

from xpareto.eval.comparison import DropPower
from xpareto.eval.statistics import POWER


def power_words(title: str, limit: float, power: DropPower, holds: bool = False) -> str:
    """Return how many examples show that a variant which loses nothing meets a limit, in points.

    `holds`: something is shown to meet it all the same.

    >>> power_words("drop", 1.0, DropPower(examples=100, needed=1813))
    'Limit of 1 point on the drop: a variant that loses nothing is shown to meet it in 80 % of runs with about \
1,900 examples per task and language; the smallest test set here has 100, too few for that.'
    """
    points = f"{limit:g} point" + ("" if limit == 1 else "s")
    lead = f"Limit of {points} on the {title}: "
    if power.needed is None:
        return f"{lead}no number of examples shows it of a variant that changes any answer."
    enough = "" if power.enough else ", too few for that"
    if holds and not power.enough:
        enough += ". What is recommended is shown to meet it all the same; with more examples others may, too"
    return (
        f"{lead}a variant that loses nothing is shown to meet it in {100 * POWER:.0f} % of runs with about "
        f"{_rounded(power.needed):,} examples per task and language; the smallest test set here has "
        f"{power.examples:,}{enough}."
    )


def _rounded(count: int) -> int:
    """Return a count rounded up to two digits: an estimate of an estimate has no more."""
    step = 10 ** max(0, math.floor(math.log10(max(count, 1))) - 1)
    return math.ceil(count / step) * step
