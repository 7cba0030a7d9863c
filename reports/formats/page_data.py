"""What the page's scripts draw from: one JSON value, compact, since a run may have 70,000 scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xpareto.eval.analyses.documents import Analysis, Summary
from xpareto.eval.results import SCORE, RunSummary
from xpareto.reports.findings import (
    binomial,
    compared_with,
    cost_change,
    dominations,
    intervals,
    main_cost,
    noise_ratio,
    picks,
    sure_cells,
    system_values,
    waterfalls,
)
from xpareto.reports.text import language_name, midway, number, points


def figure_data(run_summary: RunSummary, analysis: Analysis) -> Mapping[str, Any]:
    """Return the data: `candidates` and, with several seeds, `systems` are the points of the chart.

    `places` are the (task, language) that have data, as places in `tasks` and `languages`; by candidate
    and place run `scores`, `halves` (of the intervals that rows alone allow) and, where they differ
    between candidates, `examples`. `bad` tells why a score is absent. `uncounted` are the places that are
    in no average (see eval.results.learnt).
    """
    run = run_summary.run
    names = [candidate.name for candidate in run.candidates]
    place = {name: index for index, name in enumerate(names)}
    shown = run_summary.shown
    tasks = list(run.tasks.values())
    codes = _languages(run_summary)
    at = {code: index for index, code in enumerate(codes)}
    groups = analysis.languages if analysis else {}
    return {
        "objectives": [
            {
                "name": o.name,
                "title": o.title,
                "unit": o.unit,
                "sense": o.sense,
                "log": o.log,
                "role": o.role,
                "floor": noise_ratio(analysis, o.name),
            }
            for o in (run_summary.objectives[name] for name in shown)
        ],
        "x": main_cost(run_summary) or SCORE,
        "y": SCORE,
        "baseline": place[run.baseline],
        "chosen": _chosen(run_summary, analysis, place),
        "candidates": [_candidate(run_summary, name, analysis) for name in names],
        "systems": _systems(run_summary, analysis) if analysis and analysis.seeded else None,
        "frontiers": {
            f"{x}|{y}": [place[name] for name in frontier]
            for (x, y), frontier in run_summary.frontiers.items()
            if x in shown and y in shown
        },
        "tasks": [{"name": task.name, "metric": task.score_name} for task in tasks],
        "languages": [[code, language_name(code), *groups.get(code, ("", ""))] for code in codes],
        "places": [[t, at[code]] for t, task in enumerate(tasks) for code in task.languages],
        "uncounted": [
            at for at, place in enumerate(_places(run_summary)) if not _counts(run_summary, *place)
        ],
        "missing": [[t, at[code]] for t, task in enumerate(tasks) for code in task.missing],
        **_cells(run_summary, names),
        "ways": {
            place[name]: [
                [place[stop.candidate], list(stop.added), list(stop.removed), stop.runtime] for stop in way
            ]
            for name, way in waterfalls(run_summary).items()
        },
        "analysis": _analysis(run_summary, analysis, place) if analysis else None,
    }


def _chosen(run_summary: RunSummary, analysis: Analysis, place: Mapping[str, int]) -> Mapping[str, int]:
    """Return the places of the recommended variant among the systems, and of its model among the candidates."""
    first = next(iter(picks(run_summary, analysis)), None)
    if first is None or not analysis:
        return {}
    return {"systems": analysis.names.index(first.name), "candidates": place[first.model]}


def _languages(run_summary: RunSummary) -> list[str]:
    """Return all codes, the training language first, those without any data last."""
    tasks = run_summary.run.tasks.values()
    with_data = {code for task in tasks for code in task.languages}
    codes = with_data | {code for task in tasks for code in task.missing}
    return sorted(codes, key=lambda code: (code not in with_data, code != "en", code))


def _places(run_summary: RunSummary) -> list[tuple[str, str]]:
    """Return the task and language of every cell that has data."""
    return [(task.name, code) for task in run_summary.run.tasks.values() for code in task.languages]


def _counts(run_summary: RunSummary, task: str, code: str) -> bool:
    facts = run_summary.counted.get(task)
    return facts is not None and code in facts.languages


def _cells(run_summary: RunSummary, names: list[str]) -> Mapping[str, Any]:
    keys = _places(run_summary)
    scores, halves, examples, bad = [], [], [], []
    for name in names:
        cells = [run_summary.cells[name].get(key) for key in keys]
        candidate_scores = [cell.score if cell else None for cell in cells]
        scores.append([None if score is None else round(score.value, 3) for score in candidate_scores])
        halves.append(
            [
                None if score is None or score.half is None else round(score.half, 2)
                for score in candidate_scores
            ]
        )
        examples.append([0 if score is None else score.examples for score in candidate_scores])
        bad.append(
            {
                at: cell.status if cell else "unmeasured"
                for at, cell in enumerate(cells)
                if cell is None or cell.score is None
            }
        )
    alike = all(one in (0, other) for row in examples for one, other in zip(row, examples[0], strict=True))
    return {
        "scores": scores,
        "halves": halves,
        "examples": examples[:1] if alike else examples,
        "bad": bad,
    }


def _point(
    run_summary: RunSummary,
    analysis: Analysis,
    candidate: str,
    values: Mapping[str, float | None],
    base: Mapping[str, float | None],
) -> dict[str, Any]:
    """Return what candidates and systems have alike; `candidate` is the system's first."""
    units = {key: run_summary.objectives[key].unit for key in run_summary.shown}
    return {
        "values": dict(values),
        "text": {
            key: number(values[key], unit) + (" %" if unit == "percent" else "")
            for key, unit in units.items()
        },
        "versus": {
            **{key: f"{points(_less(values[key], base[key]))} points" for key in run_summary.qualities},
            **{key: cost_change(run_summary, analysis, candidate, key) for key in run_summary.costs},
        },
        "against": compared_with(run_summary, candidate),
        "bars": {},
    }


def _candidate(run_summary: RunSummary, name: str, analysis: Analysis) -> Mapping[str, Any]:
    candidate = run_summary.run.candidate(name)
    shown = run_summary.shown
    values = {key: run_summary.value(name, key) for key in shown}
    entry: dict[str, Any] = {
        "name": name,
        "arm": candidate.arm,
        "stage": candidate.stage,
        "runtime": candidate.runtime,
        "seed": str(candidate.seed),
        **_point(
            run_summary,
            analysis,
            name,
            values,
            {key: run_summary.value(run_summary.run.baseline, key) for key in shown},
        ),
        "gain": points(run_summary.gain(name)),
        "failed": len(run_summary.failures_of(name)),
    }
    if analysis and not analysis.seeded and (name,) in analysis.members:
        return {**entry, **_uncertain(analysis, analysis.members.index((name,)), values)}
    return {**entry, "bars": binomial(run_summary.average(name))}


def _systems(run_summary: RunSummary, analysis: Summary) -> list[Mapping[str, Any]]:
    """Return the means over training seeds as points of the chart."""
    base = system_values(run_summary, analysis, analysis.base)
    entries: list[Mapping[str, Any]] = []
    for at, (name, members) in enumerate(zip(analysis.names, analysis.members, strict=True)):
        first = run_summary.run.candidate(members[0])
        values = system_values(run_summary, analysis, at)
        change = analysis.scores[at].change
        entries.append(
            {
                "name": name,
                "arm": first.arm,
                "stage": first.stage,
                "runtime": first.runtime,
                "seed": f"mean of {len(members)}",
                "members": [c for c, other in enumerate(run_summary.run.candidates) if other.name in members],
                **_point(run_summary, analysis, members[0], values, base),
                "gain": points(change.value),
                "failed": sum(len(run_summary.failures_of(member)) for member in members),
                **_uncertain(analysis, at, values),
            }
        )
    return entries


def _uncertain(analysis: Summary, at: int, values: Mapping[str, float | None]) -> Mapping[str, Any]:
    """Return the intervals of one system and its probabilities."""
    _, low, high = analysis.scores[at].change
    on, beyond = {}, {}
    for key, frontier in analysis.frontiers.items():
        if at in frontier.systems:
            where = frontier.systems.index(at)
            on[key], beyond[key] = frontier.membership[where], frontier.beyond_noise[where]
    bars = intervals(analysis, at, values)
    return {"bars": bars, "on": on, "beyond": beyond, "range": [points(low), points(high)]}


def _analysis(run_summary: RunSummary, analysis: Summary, place: Mapping[str, int]) -> Mapping[str, Any]:
    flips = analysis.flips
    systems = range(len(analysis.names))
    return {
        "baseline": analysis.base,
        "names": analysis.names,
        "members": [[place[name] for name in members] for members in analysis.members],
        "drops": [dict(fairness.drops) for fairness in analysis.fairness],
        "flips": [{code: flips[code][at] for code in flips} for at in systems] if flips else None,
        "sure": {place[name]: cells for name, cells in sure_cells(analysis).items()},
        "attainment": _attainment(analysis) if analysis.seeded else None,
        "dominations": [
            {
                "title": midway(domination.title),
                "systems": domination.systems,
                "membership": domination.membership,
                "shares": domination.packed,
                "foremost": domination.foremost,
            }
            for domination in dominations(run_summary, analysis)
        ],
    }


def _attainment(analysis: Summary) -> Mapping[str, Any]:
    return {name: attainment.model_dump(mode="json") for name, attainment in analysis.attainment.items()}


def _less(value: float | None, base: float | None) -> float | None:
    return None if value is None or base is None else value - base
