"""The answer of a report: what `xpareto choose` says when at most one point may be lost.

Seeds of one variant are judged together (`--seed-policy mean`): what a report recommends is a variant, and
the luckiest of its trainings says too much of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eval.choice import MAX_DROP
from eval.objective import preferences
from eval.score_table import ScoreTable
from eval.uncertain import LEVEL
from eval.uncertain_frontier import Cost
from pipelines.choosing import middle, rule
from pipelines.deployable import Deployable, judged

LOSS = 1.0  # points


def answer(found: Deployable, table: ScoreTable, seed: int = 0) -> dict[str, Any]:
    """Return the decision for each cost that was measured and stands in the recipe.

    Numbers are as computed; see reports.analysis for what the document holds.
    """
    limits = {MAX_DROP: LOSS}
    options = judged(found, table, limits, seed=seed)
    names = list(options.options)
    picks = []
    fitting: tuple[str, ...] = ()
    for prefer, cost in found.aims.items():
        objective = preferences()[prefer]
        if objective.name not in found.evidence.study.costs:
            continue
        decision = options.decide(limits, prefer)
        fitting = decision.ranked
        if decision.chosen is None or prefer not in options.options[decision.chosen].aims:
            continue
        place = names.index(decision.chosen)
        drop = options.options[decision.chosen].drops[MAX_DROP]
        picks.append(
            {
                "prefer": prefer,
                "objective": objective.name,
                "chosen": place,
                "candidate": middle(found.systems[place], found.evidence, table),
                "runner_up": names.index(decision.ranked[1]) if len(decision.ranked) > 1 else None,
                "rule": rule(prefer, [options.options[name] for name in decision.ranked]),
                "drop": drop.value,
                "most_drop": drop.upper,
                "ratio": _ratio(found, cost, place, objective.sense == "max"),
            }
        )
    return {
        "max_drop": LOSS,
        "fits": sorted(names.index(name) for name in fitting),
        "single_level": options.single,
        "picks": picks,
    }


def _ratio(found: Deployable, cost: Cost, place: int, rate: bool) -> list[float] | None:
    """Return the cost over the baseline's with its interval; None where the baseline has none."""
    if found.base not in cost.systems:
        return None
    base, at = cost.systems.index(found.base), cost.systems.index(place)
    logs = cost.values.less(base)
    value, half = logs.points[at, 0], logs.spread().half_width(LEVEL)[at, 0]
    ends = np.exp([value, value - half, value + half] if not rate else [-value, -value - half, -value + half])
    return [float(end) for end in ends]
