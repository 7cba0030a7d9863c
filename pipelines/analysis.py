"""Write the statistics of a run for its report (see reports.analysis for what the document holds)."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from compress.core.atomic import replace_text, writing
from compress.errors import InputError
from eval.attainment import attainment, attainment_difference
from eval.contrast_frontier import REFERENCE_OCTAVES, REFERENCE_SCORE, octaves
from eval.dominance import ConfidenceSet
from eval.fairness import Fairness, Interval, fairness
from eval.flips import NONE, Flips, flips
from eval.inference import Spread
from eval.kind import Kind
from eval.moderated import moderated_spread
from eval.moderated_gains import moderated_gains
from eval.objective import Objective
from eval.pretraining import LANGUAGES
from eval.resampling import generator
from eval.score_table import AVERAGE, ScoreTable, Weights
from eval.task import KINDS, task
from eval.uncertain import LEVEL, Uncertain, repeated
from eval.uncertain_frontier import (
    Cost,
    UncertainFrontier,
    Volume,
    score_floor,
    single_level,
    uncertain_frontier,
)
from pipelines.answer import answer
from pipelines.deployable import deployable
from pipelines.evidence import Evidence, System, read_evidence
from pipelines.outcomes import task_predictions
from reports.analysis import ALL, NAME, SCHEMA

RESAMPLES = 2000


def write_analysis(runs: Sequence[Path], out: Path, resamples: int = RESAMPLES, seed: int = 0) -> Path:
    """Write the analysis of a run beside its report, or why there is none; return the file."""
    try:
        if len(runs) != 1:
            raise InputError("Several runs were read together; each has an analysis of its own.")
        document = analyse(read_evidence(runs[0], seed=seed), resamples)
    except InputError as error:
        document = {"schema": SCHEMA, "run": [path.name for path in runs], "unavailable": str(error)}
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        replace_text(out / NAME, text + "\n")
    return out / NAME


def build_report(runs: Sequence[Path], out: Path, paper: bool = False) -> list[Path]:
    """Write the analysis of the runs and every form of their report into a folder; return the files.

    The analysis comes first, since the page and the summary show it.
    `paper` adds figures for print (see reports.build).
    """
    from reports.build import build

    analysis = write_analysis(runs, out)
    return [*build(runs, out, paper), analysis]


def analyse(evidence: Evidence, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Return the document. InputError where outcomes were not kept."""
    systems = evidence.systems(by_seed=False)
    base = next(at for at, own in enumerate(systems) if evidence.baseline in own.candidates.values())
    table = evidence.table(resamples, Weights())
    scores = table.systems(evidence.members(systems))
    costs = _costs(evidence, systems)
    arms = [system.arm for system in systems]
    average = scores.take([AVERAGE])
    level_rng = generator(evidence.seed, "frontiers")
    single = single_level(average, list(costs.values()), level_rng, resamples)
    frontiers = {}
    for name, chosen in [(name, [name]) for name in costs] + ([(ALL, list(costs))] if len(costs) > 1 else []):
        rng = generator(evidence.seed, "frontier", name)
        found = uncertain_frontier(
            average, [costs[own] for own in chosen], base, arms, single, rng, resamples
        )
        if found is not None:
            frontiers[name] = _frontier(found)
    places = list(table.language_places)
    fair = fairness(
        scores.take(places), table.languages, base, generator(evidence.seed, "fairness"), resamples
    )
    alone = {name: own.alone() for name, own in costs.items()}
    beside = {name: own.beside() for name, own in costs.items()}
    return {
        "schema": SCHEMA,
        "run": evidence.study.run.origins[0].run,
        "baseline": systems[base].name,
        "level": LEVEL,
        "resamples": resamples,
        "seed": evidence.seed,
        "reference": {"score": REFERENCE_SCORE, "octaves": REFERENCE_OCTAVES},
        "systems": [
            {"name": own.name, "arm": own.arm, "candidates": {str(k): v for k, v in own.candidates.items()}}
            for own in systems
        ],
        "left_out": dict(evidence.left_out),
        "tasks": {
            name: {"group": facts.group, "languages": list(facts.languages), "split": facts.split,
                   "limit": facts.limit}
            for name, facts in evidence.tasks.items()
        },
        "objectives": {name: _objective(evidence.study.objectives[name], own) for name, own in costs.items()},
        "score_floor": _short(score_floor(average, arms)),
        "scores": _scores(scores, table, base, arms),
        "qualities": _qualities(evidence, table, systems, base),
        "costs": _cost_values(evidence, costs, alone, len(systems)),
        "costs_beside": _cost_values(evidence, costs, beside, len(systems)),
        "frontiers": frontiers,
        "fairness": [_fairness(own) for own in fair],
        "slope_languages": list(fair[0].slope_languages),
        "languages": {code: [LANGUAGES[code].script, LANGUAGES[code].resources]
                      for code in table.languages if code in LANGUAGES},
        "cells": _cells(table, evidence, systems, base),
        **_flips(evidence, systems, base),
        "attainment": _attainment(evidence, systems, costs),
        "answer": _answer(evidence, systems, table),
    }  # fmt: skip


def _costs(evidence: Evidence, systems: Sequence[System]) -> dict[str, Cost]:
    found = {}
    for name in evidence.study.costs:
        own = evidence.cost(evidence.study.objectives[name], systems)
        if own is not None:
            found[name] = own
    return found


def _objective(objective: Objective, cost: Cost) -> dict[str, Any]:
    noise = cost.noise
    return {
        "title": objective.title,
        "unit": objective.unit,
        "sense": objective.sense,
        "noise": {
            "basis": noise.basis,
            "floor": _short(100 * math.expm1(noise.floor)),
            "sd": _short(100 * math.expm1(noise.sd)),
            "blocks": noise.blocks,
            "df": noise.df,
            "twin": None if cost.twin is None else _short(100 * math.expm1(cost.twin)),
        },
    }


def _scores(scores: Uncertain, table: ScoreTable, base: int, arms: Sequence[str]) -> list[dict[str, Any]]:
    gains = scores.less(base)
    half = moderated_gains(scores, base, arms).half_width(LEVEL)
    half[base] = 0.0
    return [
        {
            "average": _short(float(scores.points[at, AVERAGE])),
            "change": _around(gains.points[at, AVERAGE], half[at, AVERAGE]),
            "tasks": {
                name: _around(gains.points[at, place], half[at, place])
                for name, place in zip(table.tasks, table.task_places, strict=True)
            },
        }
        for at in range(len(scores.points))
    ]


def _qualities(
    evidence: Evidence, table: ScoreTable, systems: Sequence[System], base: int
) -> dict[str, dict[str, Any]]:
    """Return by quality other than the score what every system has of it, and its change from the baseline."""
    scores = table.systems(evidence.members(systems))
    return {
        name: {
            "title": evidence.study.objectives[name].title,
            "values": [_short(value) for value in scores.points[:, table.quality_places[name]].tolist()],
            "changes": [[_short(end) for end in change] for change in changes],
        }
        for name, changes in evidence.quality_changes(table, systems, base).items()
    }


def _cost_values(
    evidence: Evidence, costs: Mapping[str, Cost], spreads: Mapping[str, Spread], count: int
) -> dict[str, list[list[float] | None]]:
    """Return by cost every system's value with the ends of its interval."""
    told = {}
    for name, cost in costs.items():
        found: list[list[float] | None] = [None] * count
        sign = -1 if evidence.study.objectives[name].sense == "max" else 1
        halves = spreads[name].half_width(LEVEL)
        for place, value, half in zip(cost.systems, cost.values.points[:, 0], halves, strict=True):
            found[place] = [_digits(math.exp(sign * value + end)) for end in (0.0, -half, half)]
        told[name] = found
    return told


def _frontier(found: UncertainFrontier) -> dict[str, Any]:
    places = found.systems
    return {
        "systems": list(places),
        "on": [place for place, on in zip(places, found.on, strict=True) if on],
        "membership": _percents(found.membership),
        "beyond_noise": _percents(found.beyond_noise),
        "dominance": [_percents(row) for row in found.probability],
        "confidence_set": _kept(found.confidence, places),
        "dominated_by": {
            str(place): [places[own] for own in proof]
            for place, proof in zip(places, found.confidence.dominators, strict=True)
            if proof
        },
        "within_floors": _kept(found.within_floors, places),
        "single_level": round(found.confidence.single, 6),
        "knee": None if found.knee is None else places[found.knee],
        "knee_shares": None if found.knee_shares is None else _percents(found.knee_shares),
        "knee_none": None if found.knee_none is None else round(100 * found.knee_none),
        "hypervolume": None if found.volume is None else _volume(found.volume),
        "hypervolumes": {arm: _volume(own) for arm, own in found.volumes.items()},
    }


def _kept(found: ConfidenceSet, places: Sequence[int]) -> list[int]:
    return [place for place, inside in zip(places, found.kept, strict=True) if inside]


def _volume(found: Volume) -> dict[str, float]:
    return {name: _short(value) for name, value in vars(found).items()}


def _fairness(found: Fairness) -> dict[str, Any]:
    return {
        "worst_language": found.worst_language,
        "worst": _interval(found.worst),
        "drops": {code: _interval(own) for code, own in found.drops.items()},
        "spread": _short(found.spread),
        "spread_beyond_noise": _short(found.spread_beyond_noise),
        "by_script": {name: _interval(own) for name, own in found.by_script.items()},
        "by_resources": {name: _interval(own) for name, own in found.by_resources.items()},
        "slope": None if found.slope is None else _interval(found.slope),
        "single_level": round(found.single, 6),
    }


def _cells(table: ScoreTable, evidence: Evidence, systems: Sequence[System], base: int) -> dict[str, Any]:
    """Return the drops of task x language, means over the seeds, each compared with the baseline's.

    The level of a single interval is that of the examples (max-t); with several seeds it is the larger
    one that holds whatever their correlation is (Sidak 1967), and an error is what gives the half width
    at that level: examples and seeds together, the latter moderated over the cells.
    """
    by_seed = evidence.members(systems)
    members = [list(own.values()) for own in by_seed]
    points = np.stack([table.cell_points[own].mean(axis=0) for own in members])
    examples = np.stack([np.sqrt((table.cell_errors[own] ** 2).mean(axis=0)) for own in members])
    levels = np.array([float(table.cell_levels[own].max()) for own in members])
    seeds = sorted({seed for own in by_seed for seed in own})
    values = np.full((len(systems), len(table.cells), len(seeds)), np.nan)
    for at, own in enumerate(by_seed):
        for seed, place in own.items():
            partner = by_seed[base].get(seed)
            if partner is not None:
                values[at, :, seeds.index(seed)] = table.cell_points[place] - table.cell_points[partner]
    _, repeats, df = repeated(values)
    spread = moderated_spread(Spread(examples, np.sqrt((repeats**2).sum(axis=-1)), df), axis=1)
    if df is not None:
        levels = np.maximum(levels, LEVEL ** (1 / len(table.cells)))
    half = np.stack([spread.of(at).half_width(level) for at, level in enumerate(levels)])
    errors = half / np.array([[NormalDist().inv_cdf((1 + level) / 2)] for level in levels])
    errors[base] = 0.0
    return {
        "places": [list(place) for place in table.cells],
        "drops": [[_short(x) for x in row] for row in points[base] - points],
        "errors": [[_short(x) for x in row] for row in errors],
        "levels": [round(level, 5) for level in levels.tolist()],
    }


def _flips(evidence: Evidence, systems: Sequence[System], base: int) -> dict[str, Any]:
    """Return the flips by language and by task; seeds are compared with the baseline's of that seed."""
    languages = sorted({code for codes in evidence.languages.values() for code in codes})
    by_language = {code: [NONE] * len(systems) for code in languages}
    by_task = {name: [NONE] * len(systems) for name in evidence.tasks}
    partners = systems[base].candidates
    for name, facts in evidence.tasks.items():
        kind: Kind = KINDS.load(task(name).kind)
        outcomes = evidence.outcomes(name)
        predictions = {own: task_predictions(evidence.folder, facts, own) for own in evidence.names}
        if any(own is None or set(facts.languages) - set(own) for own in predictions.values()):
            return {"flips": None, "flips_by_task": None}
        for at, system in enumerate(systems):
            for seed, candidate in system.candidates.items():
                partner = partners.get(seed, evidence.baseline)
                for code in facts.languages:
                    before, after = (
                        ((predictions[own] or {})[code], outcomes[code][evidence.names.index(own)])
                        for own in (partner, candidate)
                    )
                    found = flips(task(name), kind, before, after)
                    by_language[code][at] += found
                    by_task[name][at] += found
    return {
        "flips": {code: [_counts(own) for own in row] for code, row in by_language.items()},
        "flips_by_task": {name: [_counts(own) for own in row] for name, row in by_task.items()},
    }


def _counts(found: Flips) -> list[int]:
    return [found.examples, found.changed, found.lost, found.won]


def _attainment(evidence: Evidence, systems: Sequence[System], costs: Mapping[str, Cost]) -> dict[str, Any]:
    found = {}
    for name in costs:
        sets = _sets(evidence, systems, evidence.study.objectives[name])
        arms = {arm: list(own.values()) for arm, own in sets.items()}
        differences = [
            {"a": a, "b": b, "regions": [
                [_end(own.cheap), _end(own.dear), _end(own.low), _end(own.high), round(own.difference, 4)]
                for own in attainment_difference(arms[a], arms[b])
            ]}
            for a, b in itertools.combinations(arms, 2)
            if len(arms[a]) == len(arms[b])
        ]  # fmt: skip
        found[name] = {
            "arms": {
                arm: {
                    "seeds": list(sets[arm]),
                    "surfaces": [
                        [[_digits(x), _short(y)] for x, y in own.corners.tolist()]
                        for own in attainment(points)
                    ],
                }
                for arm, points in arms.items()
            },
            "differences": differences,
        }
    return found


def _sets(
    evidence: Evidence, systems: Sequence[System], objective: Objective
) -> dict[str, dict[int, np.ndarray]]:
    """Return (octaves, score) of every candidate that has the cost, by arm and seed."""
    there = evidence.study.value(evidence.baseline, objective.name)
    found: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for system in systems:
        for seed, candidate in system.candidates.items():
            cost = evidence.study.value(candidate, objective.name)
            score = evidence.study.value(candidate, "score")
            if cost and there and score is not None:
                place = float(octaves(np.array(cost), there, objective.sense))
                found.setdefault(system.arm, {}).setdefault(seed, []).append((place, score))
    return {
        arm: {seed: np.array(points) for seed, points in sorted(own.items())} for arm, own in found.items()
    }


def _answer(evidence: Evidence, systems: Sequence[System], table: ScoreTable) -> dict[str, Any]:
    found = answer(deployable(evidence, systems), table, evidence.seed)
    found["single_level"] = round(found["single_level"], 6)
    for own in found["picks"]:
        own |= {"drop": _short(own["drop"]), "most_drop": _short(own["most_drop"])}
        own["ratio"] = None if own["ratio"] is None else [_digits(end) for end in own["ratio"]]
    return found


def _around(value: float, half: float) -> list[float]:
    return [_short(value), _short(value - half), _short(value + half)]


def _interval(found: Interval) -> list[float]:
    return [_short(found.value), _short(found.low), _short(found.high)]


def _percents(values: np.ndarray) -> list[int]:
    return [round(100 * float(value)) for value in values]


def _short(value: float) -> float:
    """Return the value to a hundredth, without a negative zero."""
    return round(float(value), 2) + 0.0


def _digits(value: float) -> float:
    return float(f"{value:.5g}")


def _end(value: float) -> float | None:
    return _digits(value) if math.isfinite(value) else None
