"""Gross energy per example: mean over tasks of the total, idle power included.

Gross is what the machine draws for an answer, it is never below zero, and modelled energy has no other
kind. Net energy (`energy_net`) rests on idle windows of its own, so it is reported beside and ranks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from eval.objective import Objective
from eval.objectives._by_task import by_task
from eval.records import Measurement


def energy_j(rows: Sequence[Measurement]) -> float | None:
    """Return joules per example; None where measured and modelled totals would be mixed."""
    totals = [
        row for row in rows if row.statistic == "energy" and row.component == "total" and row.status == "ok"
    ]
    if len({row.basis for row in totals}) != 1:
        return None
    found = by_task(totals, lambda row: True)
    return fmean(found.values()) if found else None


OBJECTIVE = Objective("energy_j", "Energy per example", "J", "min", energy_j, log=True)
