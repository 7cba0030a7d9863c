"""What a search tells of itself: the document that the page of its run shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xpareto.eval.analyses.documents import ScreeningRound, SearchReport, Tried
from xpareto.pipelines.recipe import Search
from xpareto.pipelines.searching.importance import importance
from xpareto.pipelines.searching.racing import Dropped, hypervolume
from xpareto.pipelines.searching.study import Study, arm_of


def report_of(
    run: str,
    search: Search,
    study: Study,
    examples: Mapping[str, str],
    ended: str,
    dropped: Sequence[Dropped],
    rounds: Sequence[ScreeningRound],
    finalists: Sequence[str],
) -> SearchReport:
    """Return the document of a search whose finalists are chosen."""
    names = [objective.name for objective in study.objectives]
    values, excesses, points = study.values(), study.excesses(), study.points()
    every = np.array(list(values.values())) if values else np.zeros((0, len(names)))
    out = {one.arm: one for one in dropped}
    told: list[Tried] = []
    found: list[Sequence[float]] = []
    spent = 0.0
    for trial, point in zip(study.tried(), study.every_point(), strict=True):
        arm, facts = arm_of(trial.number), study.facts(trial.number)
        spent += float(facts.get("seconds", 0.0))
        if arm in values:
            found.append(values[arm])
        gone = out.get(arm)
        told.append(
            Tried(
                name=arm,
                settings=dict(point),
                values=dict(zip(names, values.get(arm, ()), strict=False)),
                excesses=dict(excesses.get(arm, {})),
                seconds=float(facts.get("seconds", 0.0)),
                joules=float(facts.get("joules", 0.0)),
                screening_seconds=float(facts.get("screening_seconds", 0.0)),
                spent_seconds=round(spent, 3),
                hypervolume=round(hypervolume(np.array(found), every, study.objectives), 4) if found else 0.0,
                dropped_after=None if gone is None else gone.round,
                why=str(facts.get("why", "")) if gone is None else gone.why,
            )
        )
    method, shares = importance(
        list(points.values()), [values[arm] for arm in points], study.objectives, search.seed
    )
    return SearchReport(
        run=run,
        objectives=tuple(names),
        budget={name: float(most) for name, most in search.budget.model_dump().items() if most is not None},
        limits=dict(search.limits),
        ended=ended,
        examples=dict(examples),
        tried=tuple(told),
        rounds=tuple(rounds),
        finalists=tuple(finalists),
        importance_by=method,
        importance=shares,
    )
