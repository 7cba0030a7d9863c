"""The points of every chart: candidates, or means over training seeds, with intervals of score and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xpareto.eval.analyses.documents import Analysis, Summary
from xpareto.eval.results import SCORE, RunSummary, Score
from xpareto.reports.findings.score_changes import quality_change


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


def points(run_summary: RunSummary, analysis: Analysis) -> tuple[Point, ...]:
    """Return a run's points: systems with the analysis' intervals, then what it left out, without any.

    Without an analysis: the candidates, with the binomial interval of the score alone.
    """
    all_points = []
    if analysis:
        for at, (name, members) in enumerate(zip(analysis.names, analysis.members, strict=True)):
            values = system_values(run_summary, analysis, at)
            first = run_summary.run.candidate(members[0])
            bars = intervals(analysis, at, values)
            all_points.append(Point(name, first.arm, first.stage, first.runtime, members, values, bars, at))
    inside = {name for point in all_points for name in point.members}
    for candidate in run_summary.run.candidates:
        if candidate.name not in inside:
            values = {key: run_summary.value(candidate.name, key) for key in run_summary.shown}
            bars = {} if analysis else binomial(run_summary.average(candidate.name))
            all_points.append(
                Point(
                    candidate.name,
                    candidate.arm,
                    candidate.stage,
                    candidate.runtime,
                    (candidate.name,),
                    values,
                    bars,
                )
            )
    return tuple(all_points)


def on_frontier(run_summary: RunSummary, analysis: Analysis, cost: str) -> frozenset[str]:
    """Return the names of the points on the frontier of score against a cost, as measured.

    An analysis has none of a cost whose noise it does not know; where it pools no seeds, the rows tell it then.
    """
    frontier = analysis.frontiers.get(cost) if analysis else None
    if frontier is not None and analysis:
        return frozenset(analysis.names[place] for place in frontier.on)
    if analysis and analysis.seeded:
        return frozenset()
    return frozenset(run_summary.frontiers.get((cost, SCORE), ()))


def system_values(run_summary: RunSummary, analysis: Summary, at: int) -> dict[str, float | None]:
    """Return a system's qualities and costs: the candidate's own, or the means over its seeds."""
    if not analysis.seeded:
        (name,) = analysis.members[at]
        return {key: run_summary.value(name, key) for key in run_summary.shown}
    means: dict[str, float | None] = {SCORE: analysis.scores[at].average}
    for key in run_summary.qualities:
        quality = analysis.qualities.get(key)
        means[key] = quality.values[at] if quality else None
    for key in run_summary.costs:
        listed = analysis.costs.get(key)
        cost = listed[at] if listed else None
        means[key] = cost.value if cost else None
    return means


def intervals(analysis: Summary, at: int, values: Mapping[str, float | None]) -> dict[str, list[float]]:
    """Return the intervals of one system, moved onto the values that are shown.

    The interval of a quality is that of its difference from the baseline, so the baseline has none; that of
    a cost is without what a block does to all systems alike.
    """
    bars: dict[str, list[float]] = {}
    for key in (SCORE, *analysis.qualities):
        change, here = quality_change(analysis, at, key), values.get(key)
        if change is not None and here is not None and change.high > change.low:
            bars[key] = [here + change.low - change.value, here + change.high - change.value]
    for key, costs in analysis.costs_beside.items():
        here, cost = values.get(key), costs[at]
        if here and cost and cost.low is not None and cost.high is not None and cost.high > cost.low:
            bars[key] = [here * cost.low / cost.value, here * cost.high / cost.value]
    return bars


def binomial(average: Score | None) -> dict[str, list[float]]:
    """Return the interval of the score that rows alone allow; none where there is none.

    >>> binomial(Score(50.0, 2.0, 100))
    {'score': [48.0, 52.0]}
    """
    if average is None or not average.half:
        return {}
    return {SCORE: [average.value - average.half, average.value + average.half]}
