"""`xpareto choose`: the variant of a run to deploy under limits, why, and what kept the others out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from compress.errors import InputError, hint
from eval.choice import MAX_DROP, WORST_DROP, Decision, Drop, Option, Violation, decide
from eval.objective import OBJECTIVES
from eval.records import Measurement
from eval.resampling import generator
from eval.score_table import AVERAGE, ScoreTable, Weights
from eval.uncertain import LEVEL, simultaneous
from pipelines.evidence import Evidence, Part, System, raw_percentile, read_evidence
from pipelines.runfolder import RunFolder
from pipelines.wish import PREFER, Wish, check, check_names, weights_of
from reports.study import energy_basis

SCHEMA = 1
MEGABYTE = 1e6
_FOLD_DRAWS = 500


def choose_run(run: RunFolder, wish: Wish, report_on: RunFolder | None = None) -> dict[str, Any]:
    """Return the answer as one JSON document; InputError for a wish that the run cannot be asked.

    `report_on` is a run of the same candidates on other examples: what is chosen here, on dev, is scored
    there, on test.
    """
    check(wish)
    known = read_evidence(run.path)
    check_names(known, wish)
    evidence = read_evidence(run.path, wish.tasks, wish.languages, wish.seed)
    weights = weights_of(evidence, wish)
    systems = evidence.systems(wish.seed_policy == "each")
    base = _place(systems, evidence.baseline)
    table = evidence.table(wish.resamples, weights, keep=wish.folds > 0)
    costs = {system.name: _limit_costs(evidence, system) for system in systems}
    aims, floors = _aims(evidence, systems)
    options, single = _options(table, evidence, systems, base, costs, aims, wish)
    decision = decide(options, wish.limits, wish.prefer, floors, wish.point_estimates)
    by_name = {option.name: option for option in options}
    document = {
        "schema": SCHEMA,
        "run": evidence.study.run.origins[0].run,
        "limits": dict(wish.limits),
        "prefer": wish.prefer,
        "rule": _rule(wish),
        "tasks": {name: list(codes) for name, codes in evidence.languages.items()},
        "weights": dict(wish.weights),
        "seed_policy": wish.seed_policy,
        "point_estimates": wish.point_estimates,
        "level": LEVEL,
        "single_level": single,
        "resamples": wish.resamples,
        "seed": wish.seed,
        "noise_floor": {name: math.expm1(value) for name, value in floors.items()},
        "baseline": _facts(by_name[systems[base].name], systems[base], evidence, table),
        "chosen": _named(decision.chosen, by_name, systems, evidence, table, systems[base].name),
        "runner_up": _named(
            decision.ranked[1] if len(decision.ranked) > 1 else None,
            by_name, systems, evidence, table, systems[base].name,
        ),
        "fits": list(decision.ranked),
        "rejected": {name: [_violation(v) for v in found] for name, found in decision.rejected.items()},
        "left_out": dict(evidence.left_out),
        "nearest": None
        if decision.nearest is None
        else _named(decision.nearest, by_name, systems, evidence, table, systems[base].name),
        "reported_on": None
        if report_on is None or decision.chosen is None
        else _elsewhere(report_on, systems, base, decision.chosen, weights, wish),
        "cross_fit": _cross_fit(evidence, systems, base, costs, aims, floors, weights, wish, decision),
    }  # fmt: skip
    return document


def _place(systems: Sequence[System], candidate: str) -> int:
    return next(at for at, own in enumerate(systems) if candidate in own.candidates.values())


def _options(
    table: ScoreTable,
    evidence: Evidence,
    systems: Sequence[System],
    base: int,
    costs: Mapping[str, Mapping[str, float]],
    aims: Mapping[str, Mapping[str, float]],
    wish: Wish,
) -> tuple[list[Option], float]:
    """Return every system with its drops, and the level at which each single interval is taken.

    The intervals of all systems, of the average and of all languages that a limit is set on, hold at
    once: whichever is chosen, its bounds do.
    """
    scores = table.systems(evidence.members(systems))
    places = [AVERAGE] if MAX_DROP in wish.limits or WORST_DROP not in wish.limits else []
    places += list(table.language_places) if WORST_DROP in wish.limits else []
    gains = scores.less(base).take(places)
    draws = table.examples.shape[-1]
    rng = generator(wish.seed, "choose")
    single = simultaneous(gains.normal(rng, draws), sided=1)
    half = gains.spread().half_width(single)
    half[base] = 0.0  # the baseline loses nothing against itself
    drop, upper = -gains.points, -gains.points + half
    found = []
    for at, system in enumerate(systems):
        drops = {}
        first = 0
        if AVERAGE in places:
            drops[MAX_DROP] = Drop(float(drop[at, 0]), float(upper[at, 0]))
            first = 1
        if WORST_DROP in wish.limits:
            own, ends = drop[at, first:], upper[at, first:]
            value = float(own.max())
            place = int(np.argmax(own if wish.point_estimates else ends))
            drops[WORST_DROP] = Drop(value, float(ends.max()), table.languages[place])
        found.append(
            Option(
                system.name, float(scores.points[at, AVERAGE]), drops, costs[system.name], aims[system.name]
            )
        )
    return found, single


def _limit_costs(evidence: Evidence, system: System) -> dict[str, float]:
    """Return what limits are set on: the worst task or model, the median over repeats, the mean over seeds."""
    found: dict[str, list[float]] = defaultdict(list)
    for name in system.candidates.values():
        rows = [row for row in evidence.rows(name) if row.status == "ok" and row.value is not None]
        for limit, value in (
            ("p95_ms", _p95(evidence, name, rows)),
            ("rss_mb", _largest(rows, "peak_rss", "", by="artifact", scale=MEGABYTE)),
            ("size_mb", _largest(rows, "size", "model", by="artifact", scale=MEGABYTE)),
            ("energy_j", _gross_energy(evidence, name, rows)),
        ):
            if value is not None:
                found[limit].append(value)
    return {
        limit: float(np.mean(values))
        for limit, values in found.items()
        if len(values) == len(system.candidates)
    }


def _gross_energy(evidence: Evidence, name: str, rows: Sequence[Measurement]) -> float | None:
    """Return the gross joules of the dearest task; None on another basis than the baseline's."""
    run = evidence.study.run
    if energy_basis(run, name) != (energy_basis(run, evidence.baseline) or "measured"):
        return None
    return _largest(rows, "energy", "total", by="task", scale=1.0)


def _p95(evidence: Evidence, name: str, rows: Sequence[Measurement]) -> float | None:
    found = _largest(rows, "latency", "p95", by="task", scale=1.0)
    if found is not None:
        return found
    # A run that was measured before p95 had a row of its own kept the times themselves.
    raw = [raw_percentile(evidence.folder, name, task, 95) for task in evidence.tasks]
    known = [value for value in raw if value is not None]
    return max(known) if len(known) == len(raw) else None


def _largest(
    rows: Sequence[Measurement], statistic: str, component: str, *, by: str, scale: float
) -> float | None:
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.statistic == statistic and row.component == component and row.value is not None:
            found[getattr(row, by)].append(row.value / scale)
    return max(median(values) for values in found.values()) if found else None


def _aims(
    evidence: Evidence, systems: Sequence[System]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return what can be preferred of each system, less is better, and the noise floors."""
    aims: dict[str, dict[str, float]] = {system.name: {} for system in systems}
    floors: dict[str, float] = {}
    for prefer, name in PREFER.items():
        if prefer == "score":
            continue
        found = evidence.cost(OBJECTIVES.load(name), systems)
        if found is None:
            continue
        floors[prefer] = found.noise.floor
        for at, place in enumerate(found.systems):
            aims[systems[place].name][prefer] = float(np.exp(found.values.points[at, 0]))
    return aims, floors


def _rule(wish: Wish) -> str:
    if wish.prefer == "score":
        best = "the best score, then the least latency"
    else:
        best = (
            f"the least {wish.prefer}; what lies within the noise floor of it counts as equal, and then the "
            "better score, then the smaller size"
        )
    return f"Of the variants that meet every limit: {best}."


def _named(
    name: str | None,
    by_name: Mapping[str, Option],
    systems: Sequence[System],
    evidence: Evidence,
    table: ScoreTable,
    baseline: str,
) -> dict[str, Any] | None:
    if name is None:
        return None
    system = next(own for own in systems if own.name == name)
    facts = _facts(by_name[name], system, evidence, table)
    there = by_name[baseline]
    facts["against_baseline"] = {
        "score": by_name[name].score - there.score,
        **{
            key: value / there.costs[key]
            for key, value in by_name[name].costs.items()
            if there.costs.get(key)
        },
        **{key: value / there.aims[key] for key, value in by_name[name].aims.items() if there.aims.get(key)},
    }
    return facts


def _facts(option: Option, system: System, evidence: Evidence, table: ScoreTable) -> dict[str, Any]:
    by_score = sorted(
        system.candidates.values(), key=lambda own: (table.points[evidence.names.index(own), AVERAGE], own)
    )
    return {
        "name": option.name,
        "candidate": by_score[(len(by_score) - 1) // 2],  # with one seed, itself
        "seeds": sorted(system.candidates),
        "score": option.score,
        "drops": {
            name: {
                "value": drop.value,
                "upper": drop.upper,
                **({"language": drop.language} if drop.language else {}),
            }
            for name, drop in option.drops.items()
        },
        "costs": dict(option.costs),
        "aims": dict(option.aims),
    }


def _violation(found: Violation) -> dict[str, Any]:
    return {
        "limit_name": found.limit_name,
        "limit": found.limit,
        "found": found.found,
        "excess": found.excess if math.isfinite(found.excess) else None,
        **({"language": found.language} if found.language else {}),
    }


def _elsewhere(
    run: RunFolder, systems: Sequence[System], base: int, chosen: str, weights: Weights, wish: Wish
) -> dict[str, Any]:
    """Return what the chosen variant loses on the examples of another run, each interval by itself."""
    evidence = read_evidence(run.path, wish.tasks, wish.languages, wish.seed)
    place = next(at for at, system in enumerate(systems) if system.name == chosen)
    pair = [systems[base], systems[place]]
    for name in (name for system in pair for name in system.candidates.values()):
        if name not in evidence.names:
            raise InputError(
                f"--report-on: {run.path} has no scores of {name}.{hint(name, evidence.names)} Run the same "
                "recipe with the other split."
            )
    table = evidence.table(wish.resamples, weights)
    gains = table.systems(evidence.members(pair)).less(0).of([1])
    half = gains.spread().half_width(LEVEL) if chosen != pair[0].name else np.zeros(gains.points.shape)
    drops, ends = -gains.points[0], half[0]
    own = list(table.language_places)
    worst = own[int(np.argmax(drops[own]))]
    told = {
        name: {
            "value": float(drops[at]),
            "low": float(drops[at] - ends[at]),
            "high": float(drops[at] + ends[at]),
        }
        for name, at in (("drop", AVERAGE), ("worst_language_drop", worst))
    }
    return {
        "run": evidence.study.run.origins[0].run,
        "tasks": {name: facts.split for name, facts in evidence.tasks.items()},
        **told,
        "worst_language": table.languages[own.index(worst)],
    }


def _cross_fit(
    evidence: Evidence,
    systems: Sequence[System],
    base: int,
    costs: Mapping[str, Mapping[str, float]],
    aims: Mapping[str, Mapping[str, float]],
    floors: Mapping[str, float],
    weights: Weights,
    wish: Wish,
    decision: Decision,
) -> dict[str, Any] | None:
    """Choose on all parts of the examples but one and score on that one, each part in turn.

    Whoever chooses and reports on the same examples reports too well (the winner's curse). Here no
    example is used for both. None without folds, or where a language has too few examples for them.
    """
    if not wish.folds:
        return None
    fewest = min(own.shape[1] for name in evidence.tasks for own in evidence._held[name].values())
    if fewest < 2 * wish.folds:
        return None
    chosen: list[str | None] = []
    drops: list[float] = []
    by_language: list[np.ndarray] = []
    members = evidence.members(systems)
    for fold in range(wish.folds):
        table = evidence.table(_FOLD_DRAWS, weights, Part(fold, wish.folds, inside=False), keep=True)
        options, _ = _options(table, evidence, systems, base, costs, aims, wish)
        own = decide(options, wish.limits, wish.prefer, floors, wish.point_estimates).chosen
        chosen.append(own)
        if own is None:
            continue
        held_out = evidence.table(2, weights, Part(fold, wish.folds, inside=True), keep=True)
        lost = -held_out.systems(members).less(base).points[[s.name for s in systems].index(own)]
        drops.append(float(lost[AVERAGE]))
        by_language.append(lost[list(held_out.language_places)])
    return {
        "folds": wish.folds,
        "chosen": chosen,
        "same_choice": sum(own == decision.chosen for own in chosen),
        "held_out_drop": float(np.mean(drops)) if drops else None,
        "held_out_worst_language_drop": float(np.mean(by_language, axis=0).max()) if drops else None,
    }
