"""The statistics of a run as `xpareto run` and `report` leave them: report/analysis.json.

It is written by pipelines.analysis, from the outcomes of every test example, and read by whatever shows
it. `systems` are what stands on a frontier: candidates that differ in their training seed alone, with
means over the seeds. All other lists by system are in that order. Numbers are rounded for display.

    schema            1; a document of a later schema is refused
    unavailable       why there is no analysis, and then nothing else but `schema` and `run`
    run, baseline     the run's name; the name of the system that all drops are taken from
    level, resamples, seed
    systems           [{name, arm, candidates: {seed: name}}]
    left_out          {candidate: why}
    tasks             {task: {group, languages, examples, drawn_together, threshold_drawn}}
    objectives        {cost: {title, unit, sense, noise: {basis, floor, sd, blocks, df, twin}}}; floor
                      and sd in percent, twin by how many percent the baseline's twin costs more, or null;
                      basis exact, blocks or assumed (see eval.cost_noise)
    score_floor       A/A noise of training in points; 0 where there is one seed
    scores            by system: {average, change: [value, low, high], tasks: {task: [change, low, high]}}
    qualities         {quality other than the score: {title, values: by system, changes: by system [value, low,
                      high]}}, paired by test example and seed. Documents that were written earlier lack it.
    costs             {cost: by system [value, low, high], or null}, the interval that of the system alone
    costs_beside      the same, the interval without what a block of measurements does to all systems alike,
                      which cancels where two are compared. Documents that were written earlier lack it, and
                      hold it as `costs`.
    frontiers         {cost, or "all" for all costs at once: see below}
    fairness          by system: {worst_language, worst, drops: {language: [value, low, high]}, spread,
                      spread_beyond_noise, by_script, by_resources, slope, single_level}; points lost
    slope_languages   the languages that the slopes rest on
languages         {language: [script, class of resources]} of those that are known
    cells             {places: [[task, language]], drops: by system [points], errors: by system [points],
                      levels: by system the level of one interval at which all of a system hold together}
    flips             {language: by system [examples, changed, lost, won]}, and by_task alike; null where
                      predictions were not kept
    attainment        {cost: {arms: {arm: {seeds, surfaces: [[[octaves, score], ...], ...]}},
                      differences: [{a, b, regions: [[cheap, dear, low, high, difference], ...]}]}};
                      octaves are log2 of a cost over the baseline's, null where a region has no end
    answer            what `xpareto choose --max-drop 1 --seed-policy mean` says: {max_drop, fits (places of
                      those that meet it), single_level, picks: [{prefer, objective, chosen and runner_up
                      (places, or null), candidate, rule, drop, most_drop (the upper end), ratio: [value,
                      low, high] over the baseline's, or null}]}, a pick for each cost. Documents that were
                      written earlier lack it.

A frontier holds `systems` (places), `on` (of these, as measured), `membership` and `beyond_noise`
(percent of the draws), `dominance` (rows: percent of the draws in which the row's system dominates the
column's), `confidence_set` (places), `dominated_by` ({place: [places]} of those that are out),
`within_floors` (places: the same set where being worse by less than the noise floors is forgiven),
`single_level` (of one interval, at which the sets of all frontiers hold together), `knee` (place or
null), `knee_shares` (percent), `knee_none`, `hypervolume` and `hypervolumes` by arm ({value, low, high,
bias}, points x octaves).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.errors import InputError
from reports.run import Run

SCHEMA = 1
NAME = "analysis.json"
ALL = "all"  # the frontier in all costs at once
_NONE = "No statistics lie beside this report. To compute them: xpareto report RUN"
_KEYS = ("objectives", "score_floor", "costs", "frontiers", "attainment", "reference", "level", "resamples")
_LISTS = ("scores", "fairness")  # one entry per system in each


def read_analysis(report_folder: Path) -> Mapping[str, Any] | None:
    """Return the analysis beside a report; None where there is none, InputError for a damaged one.

    Numbers that are none (NaN, infinities) become None.
    """
    file = report_folder / NAME
    try:
        found = json.loads(file.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: expected JSON ({error}). Write it again: xpareto report RUN") from error
    schema = found.get("schema") if isinstance(found, dict) else None
    if not isinstance(schema, int) or schema > SCHEMA:
        raise InputError(
            f"{file}: schema: expected at most {SCHEMA}, found {schema!r}. Write it again: xpareto report RUN"
        )
    assert isinstance(found, dict)
    return found


@dataclass(frozen=True)
class Analysis:
    """The statistics of one run as its report shows them: a document as above, or `why` there is none."""

    found: Mapping[str, Any]
    why: str = ""

    def __bool__(self) -> bool:
        return not self.why

    @property
    def systems(self) -> tuple[str, ...]:
        """Return the names of the systems."""
        return tuple(str(own["name"]) for own in self.found["systems"])

    @property
    def members(self) -> tuple[tuple[str, ...], ...]:
        """Return the candidates of each system, one for each seed."""
        return tuple(tuple(own["candidates"].values()) for own in self.found["systems"])

    @property
    def baseline(self) -> int:
        """Return the place of the baseline among the systems."""
        return self.systems.index(self.found["baseline"])

    @property
    def seeded(self) -> bool:
        """Has any system more than one training seed?"""
        return any(len(own) > 1 for own in self.members)


NO_ANALYSIS = Analysis({}, _NONE)


def analysis_of(run: Run, document: Mapping[str, Any] | None) -> Analysis:
    """Return the analysis that belongs to a run; InputError where the document contradicts it."""
    if document is None:
        return NO_ANALYSIS
    if "unavailable" in document:
        return Analysis({}, str(document["unavailable"]))
    names = {candidate.name for candidate in run.candidates}
    try:
        if [document["run"]] != [origin.run for origin in run.origins]:
            return Analysis({}, f"The {NAME} beside this report is of another run. {_NONE}")
        found = Analysis(document)
        strange = [name for own in found.members for name in own if name not in names]
        if strange or found.found["baseline"] not in found.systems:
            raise ValueError(f"{(strange or [document['baseline']])[0]!r} is none of its candidates")
        for key in _KEYS:
            if key not in document:
                raise KeyError(key)
        if not 0 < document["level"] < 1 or document["resamples"] < 1:
            raise ValueError(f"level {document['level']!r}, resamples {document['resamples']!r}")
        for key in _LISTS:
            if len(document[key]) != len(found.systems):
                raise ValueError(f"{key}: {len(document[key])} entries for {len(found.systems)} systems")
        _check_answer(document, len(found.systems))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{NAME}: expected the statistics of the run, found others ({error}). "
            "Write them again: xpareto report RUN"
        ) from error
    return found


def _check_answer(document: Mapping[str, Any], count: int) -> None:
    """Raise where the answer names a system or a cost that the document lacks, or a number is none."""
    if "answer" not in document:
        return
    float(document["answer"]["max_drop"])
    for own in document["answer"]["picks"]:
        costs = document["costs"][own["objective"]]
        if own["chosen"] not in range(count) or costs[own["chosen"]] is None:
            raise ValueError(f"answer: {own['chosen']!r} is no system with {own['objective']}")
        ratio = own["ratio"] if own["ratio"] is not None else [1.0] * 3
        if len(ratio) != 3 or None in [*ratio, *costs[own["chosen"]], own["drop"], own["most_drop"]]:
            raise ValueError(f"answer: {own['prefer']}: a number is none")
