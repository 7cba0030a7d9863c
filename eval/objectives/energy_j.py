"""Gross energy per example: mean over tasks of the total, idle power included.

Gross is what the machine draws for an answer, it is never below zero, and modelled energy has no other
kind. Net energy (`energy_net`) rests on idle windows of its own, so it is reported beside and ranks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from xpareto.eval.objectives._limits import worst
from xpareto.eval.objectives._objective import Limit, measured, whole_blocks
from xpareto.eval.records import Measurement


def energy_j(rows: Sequence[Measurement]) -> dict[int, float]:
    """Return joules per example in each block; none where measured and modelled totals would be mixed."""
    totals = [
        row for row in rows if row.statistic == "energy" and row.component == "total" and row.status == "ok"
    ]
    if len({row.basis for row in totals}) != 1:
        return {}
    return {
        block: fmean(tasks.values()) for block, tasks in whole_blocks(totals, lambda row: row.task).items()
    }


LIMIT = Limit(
    "energy_j",
    "energy per example",
    "J",
    "Gross energy per example, dearest task.",
    measure=worst("energy_j", "Energy per example", "J", "energy", "total", "task"),
)
OBJECTIVE = measured(
    "energy_j", "Energy per example", "J", "min", energy_j,
    alias="energy", limits=(LIMIT,), place=6, told=True, timed=True,
)  # fmt: skip
