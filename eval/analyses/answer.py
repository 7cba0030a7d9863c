"""The answer of a report: what `xpareto choose` says when at most one point may be lost.

Seeds of one variant are judged together (`--seed-policy mean`): what a report recommends is a variant, and
the luckiest of its trainings says too much of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from xpareto.eval.analyses.documents import Answer, NearMiss, Pick
from xpareto.eval.analyses.feasible import FeasibleSet, JudgedOptions, judged
from xpareto.eval.analyses.recommendation import middle, rule
from xpareto.eval.analyses.rounding import short
from xpareto.eval.comparison import MAX_DROP, SCORE
from xpareto.eval.objectives import preferences
from xpareto.eval.statistics import ScoreTable

LOSS = 1.0  # points


def answer(candidates: FeasibleSet, table: ScoreTable) -> Answer:
    """Return the decision for each cost that was measured and stands in the recipe, for the score without any."""
    limits = {MAX_DROP: LOSS}
    options = judged(candidates, table, limits)
    names = list(options.options)
    picks = []
    fitting = options.decide(limits, SCORE).ranked
    measured = [
        aim for aim in candidates.aims if preferences()[aim].name in candidates.results.run_summary.costs
    ]
    for prefer in measured or [SCORE]:
        objective, cost = preferences()[prefer], candidates.aims.get(prefer)
        decision = options.decide(limits, prefer)
        if decision.chosen is None or (cost and prefer not in options.options[decision.chosen].aims):
            continue
        place = names.index(decision.chosen)
        ratios = None if cost is None else candidates.ratios(cost, objective.sense == "max", place)
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
                ratio=ratios.whole if ratios else None,
                ratios=ratios,
            )
        )
    return Answer(
        max_drop=LOSS,
        fits=tuple(sorted(names.index(name) for name in fitting)),
        single_level=round(options.single, 6),
        power=options.power.get(MAX_DROP),
        picks=tuple(picks),
        nearest=_nearest(candidates, options, [pick.chosen for pick in picks]),
    )


def _nearest(candidates: FeasibleSet, options: JudgedOptions, picked: Sequence[int]) -> NearMiss | None:
    """Return the compressed variant whose drop misses the limit by least, where no pick is compressed."""
    if not options.learnt or any(candidates.uncompressed(place) != place for place in picked):
        return None
    drops = [option.drops[MAX_DROP] for option in options.options.values()]
    missing = [
        (drop.upper, place)
        for place, drop in enumerate(drops)
        if drop.upper > LOSS and candidates.uncompressed(place) != place
    ]
    if not missing:
        return None
    upper, place = min(missing)
    return NearMiss(system=place, drop=short(drops[place].value), most_drop=short(upper))
