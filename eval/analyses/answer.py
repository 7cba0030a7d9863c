"""The answer of a report: what `xpareto choose` says when at most one point may be lost.

Seeds of one variant are judged together (`--seed-policy mean`): what a report recommends is a variant, and
the luckiest of its trainings says too much of it.
"""

from __future__ import annotations

import numpy as np

from xpareto.eval.analyses.documents import Answer, Estimate, Pick
from xpareto.eval.analyses.feasible import FeasibleSet, judged
from xpareto.eval.analyses.recommendation import middle, rule
from xpareto.eval.analyses.rounding import digits, short
from xpareto.eval.comparison import MAX_DROP
from xpareto.eval.objectives import preferences
from xpareto.eval.pareto import Cost
from xpareto.eval.statistics import LEVEL, ScoreTable

LOSS = 1.0  # points


def answer(candidates: FeasibleSet, table: ScoreTable) -> Answer:
    """Return the decision for each cost that was measured and stands in the recipe."""
    limits = {MAX_DROP: LOSS}
    options = judged(candidates, table, limits)
    names = list(options.options)
    picks = []
    fitting: tuple[str, ...] = ()
    for prefer, cost in candidates.aims.items():
        objective = preferences()[prefer]
        if objective.name not in candidates.results.run_summary.costs:
            continue
        decision = options.decide(limits, prefer)
        fitting = decision.ranked
        if decision.chosen is None or prefer not in options.options[decision.chosen].aims:
            continue
        place = names.index(decision.chosen)
        drop = options.options[decision.chosen].drops[MAX_DROP]
        picks.append(
            Pick(
                prefer=prefer,
                objective=objective.name,
                chosen=place,
                candidate=middle(candidates.systems[place], candidates.results, table),
                runner_up=names.index(decision.ranked[1]) if len(decision.ranked) > 1 else None,
                rule=rule(prefer, [options.options[name] for name in decision.ranked], candidates.bases),
                drop=short(drop.value),
                most_drop=short(drop.upper),
                ratio=_ratio(candidates, cost, place, objective.sense == "max"),
                ratios=candidates.ratios(cost, objective.sense == "max", place),
            )
        )
    return Answer(
        max_drop=LOSS,
        fits=tuple(sorted(names.index(name) for name in fitting)),
        single_level=round(options.single, 6),
        power=options.power.get(MAX_DROP),
        picks=tuple(picks),
    )


def _ratio(candidates: FeasibleSet, cost: Cost, place: int, rate: bool) -> Estimate | None:
    """Return the cost over the baseline's with its interval; None where the baseline has none."""
    if candidates.base not in cost.systems:
        return None
    base, at = cost.systems.index(candidates.base), cost.systems.index(place)
    logs = cost.values.less(base)
    value, half = logs.points[at, 0], logs.spread().half_width(LEVEL)[at, 0]
    ends = np.exp([value, value - half, value + half] if not rate else [-value, -value - half, -value + half])
    return Estimate(*(digits(float(end)) for end in ends))
