"""The caveats of a report that has an analysis: what it now knows is no longer called unknown."""

from __future__ import annotations

import itertools
from dataclasses import replace

from xpareto.eval.analyses.documents import Analysis, Summary
from xpareto.eval.results import RunSummary
from xpareto.eval.statistics import LEAST_SD
from xpareto.reports.findings.caveat_rules import Caveat, caveats
from xpareto.reports.findings.learning import cut_texts
from xpareto.reports.findings.noise import percent

_LATENCY = "latency_ms"
_SELECTION = "selection"
_HIGH_PERCENT = 10.0


def informed_caveats(run_summary: RunSummary, analysis: Analysis) -> tuple[Caveat, ...]:
    """Return the caveats of the rows, with the noise and the intervals of the analysis where there is one."""
    cut = cut_texts(run_summary.run.tasks.values())
    row_caveats = (*caveats(run_summary), *(Caveat(*words) for words in cut))
    if not analysis:
        why = f" There are no intervals of differences here: {analysis.unavailable}"
        return tuple(
            replace(caveat, text=caveat.text + why) if caveat.key == _SELECTION else caveat
            for caveat in row_caveats
        )
    told = [_told(caveat, analysis) for caveat in row_caveats if caveat.key != "latency-noise"]
    return (*told, *_latency(run_summary, analysis), *_conventions(analysis))


def _told(caveat: Caveat, analysis: Summary) -> Caveat:
    if caveat.key != _SELECTION:
        return caveat
    return replace(
        caveat,
        text="The best of several candidates looks a little better here than it is (winner’s curse). The "
        f"{analysis.percent} intervals are paired by example and hold for a candidate named "
        "beforehand, not for the best of many. xpareto choose scores its choice on examples that it was not "
        "picked on.",
    )


def _latency(run_summary: RunSummary, analysis: Summary) -> tuple[Caveat, ...]:
    latency = analysis.objectives.get(_LATENCY)
    values = [
        v
        for candidate_values in run_summary.values.values()
        if (v := candidate_values.get(_LATENCY)) is not None
    ]
    if latency is None:
        return ()
    floor = latency.noise.floor
    if floor is None:
        return (
            Caveat(
                "latency-noise",
                "The noise of costs is not known",
                "Latency was measured in one block, so that no difference of it can be told from noise. "
                "More blocks (measure.blocks) would tell.",
            ),
        )
    if not floor:
        return ()
    most = 1 + floor / 100
    near = sum(max(a, b) < most * min(a, b) for a, b in itertools.combinations(values, 2))
    if not near:
        return ()
    more = " More blocks (measure.blocks) would lower it." if floor > _HIGH_PERCENT else ""
    return (
        Caveat(
            "latency-noise",
            "Small differences of latency are noise",
            f"{near} pair{'s' if near > 1 else ''} of candidates differ by less than {percent(floor)}, "
            f"the floor of two equal candidates, which was learnt from repeats in this run.{more}",
        ),
    )


def _conventions(analysis: Summary) -> tuple[Caveat, ...]:
    """Return what the intervals rest on that was not measured here, and was fixed before any experiment."""
    taken = []
    if any(objective.noise.basis == "blocks" for objective in analysis.objectives.values()):
        taken.append(
            f"the noise of a block of measurements is never taken as less than {percent(100 * LEAST_SD)}, however "
            "well a few blocks agree"
        )
    if analysis.seeded:
        taken.append(
            "what languages tell of each other's noise of training is taken with one standard error added to how "
            "much they differ, since few seeds show that badly"
        )
    if not taken:
        return ()
    told = "; ".join(taken)
    return (
        Caveat("conventions", "Some of the intervals’ width is convention", f"{told[0].upper()}{told[1:]}."),
    )
