"""The points of every chart: candidates, or means over training seeds, with intervals of score and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from reports.analysis import Analysis
from reports.changes import quality_change
from reports.scores import Score
from reports.study import SCORE, Study


@dataclass(frozen=True)
class Point:
    """One system of an analysis, or one candidate; `bars` are [low, high] of the values that have any.

    `at` is its place among the analysis' systems; None where it is none of them.
    """

    name: str
    arm: str
    stage: str
    runtime: str
    members: tuple[str, ...]
    values: Mapping[str, float | None]
    bars: Mapping[str, list[float]] = field(default_factory=dict)
    at: int | None = None


def points(study: Study, analysis: Analysis) -> tuple[Point, ...]:
    """Return a run's points: systems with the analysis' intervals, then what it left out, without any.

    Without an analysis: the candidates, with the binomial interval of the score alone.
    """
    found = []
    if analysis:
        for at, (name, members) in enumerate(zip(analysis.systems, analysis.members, strict=True)):
            values = system_values(study, analysis, at)
            first = study.run.candidate(members[0])
            bars = intervals(analysis, at, values)
            found.append(Point(name, first.arm, first.stage, first.runtime, members, values, bars, at))
    inside = {name for own in found for name in own.members}
    for own in study.run.candidates:
        if own.name not in inside:
            values = {key: study.value(own.name, key) for key in study.shown}
            bars = {} if analysis else binomial(study.average(own.name))
            found.append(Point(own.name, own.arm, own.stage, own.runtime, (own.name,), values, bars))
    return tuple(found)


def on_frontier(study: Study, analysis: Analysis, cost: str) -> frozenset[str]:
    """Return the names of the points on the frontier of score against a cost, as measured."""
    if not analysis:
        return frozenset(study.frontiers.get((cost, SCORE), ()))
    own = analysis.found["frontiers"].get(cost)
    return frozenset(analysis.systems[place] for place in own["on"]) if own else frozenset()


def system_values(study: Study, analysis: Analysis, at: int) -> dict[str, float | None]:
    """Return a system's qualities and costs: the candidate's own, or the means over its seeds."""
    if not analysis.seeded:
        (name,) = analysis.members[at]
        return {key: study.value(name, key) for key in study.shown}
    own: dict[str, float | None] = {SCORE: analysis.found["scores"][at]["average"]}
    for key in study.qualities:
        listed = analysis.found.get("qualities", {}).get(key)
        own[key] = listed["values"][at] if listed else None
    for key in study.costs:
        listed = analysis.found["costs"].get(key)
        own[key] = listed[at][0] if listed and listed[at] else None
    return own


def intervals(analysis: Analysis, at: int, values: Mapping[str, float | None]) -> dict[str, list[float]]:
    """Return the intervals of one system, moved onto the values that are shown.

    The interval of a quality is that of its difference from the baseline, so the baseline has none; that of
    a cost is without what a block does to all systems alike.
    """
    bars: dict[str, list[float]] = {}
    for key in (SCORE, *analysis.found.get("qualities", {})):
        change, here = quality_change(analysis, at, key), values.get(key)
        if change is None or here is None or None in (change.value, change.low, change.high):
            continue
        value, low, high = cast(tuple[float, float, float], (change.value, change.low, change.high))
        if high > low:
            bars[key] = [here + low - value, here + high - value]
    for key, costs in analysis.found.get("costs_beside", analysis.found["costs"]).items():
        here = values.get(key)
        if here and costs and costs[at] and None not in costs[at] and costs[at][2] > costs[at][1]:
            bars[key] = [here * costs[at][1] / costs[at][0], here * costs[at][2] / costs[at][0]]
    return bars


def binomial(average: Score | None) -> dict[str, list[float]]:
    """Return the interval of the score that rows alone allow; none where there is none.

    >>> binomial(Score(50.0, 2.0, 100))
    {'score': [48.0, 52.0]}
    """
    if average is None or not average.half:
        return {}
    return {SCORE: [average.value - average.half, average.value + average.half]}
