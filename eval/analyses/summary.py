"""The statistics of a run that its report shows (see eval.analyses.documents.summary)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from xpareto.eval.analyses.answer import answer
from xpareto.eval.analyses.attained import attained
from xpareto.eval.analyses.cells import cells, drift_entries, flip_tables
from xpareto.eval.analyses.documents import (
    ALL,
    CostEntry,
    CostEstimate,
    Estimate,
    FairnessEntry,
    FrontierEntry,
    NoiseEntry,
    QualityEntry,
    Reference,
    ScoreEntry,
    SeenEntry,
    Summary,
    SystemEntry,
    TaskEntry,
    VolumeEntry,
)
from xpareto.eval.analyses.feasible import feasible_set
from xpareto.eval.analyses.rounding import around, percents, ratio, short
from xpareto.eval.comparison import Fairness, Interval, fairness
from xpareto.eval.data import LANGUAGES
from xpareto.eval.objectives import Objective
from xpareto.eval.pareto import (
    REFERENCE_OCTAVES,
    REFERENCE_SCORE,
    ConfidenceSet,
    Cost,
    UncertainFrontier,
    Volume,
    score_floor,
    single_level,
    uncertain_frontier,
)
from xpareto.eval.results import RunResults, System, seen_languages
from xpareto.eval.statistics import (
    AVERAGE,
    LEVEL,
    ScoreTable,
    Spread,
    Uncertain,
    Weights,
    generator,
    spread_over_pairs,
)

RESAMPLES = 2000


def analyse(results: RunResults, resamples: int = RESAMPLES) -> Summary:
    """Return the statistics of a run. InputError where outcomes were not kept."""
    systems = results.systems(by_seed=False)
    base = next(at for at, system in enumerate(systems) if results.baseline in system.candidates.values())
    table = results.table(resamples, Weights())
    scores = table.systems(results.members(systems))
    costs = _costs(results, systems)
    arms = [system.arm for system in systems]
    average = scores.take([AVERAGE])
    frontiers = _frontiers(average, costs, base, arms, results.seed, resamples)
    places = list(table.language_places)
    fair = fairness(
        scores.take(places), table.languages, base, generator(results.seed, "fairness"), resamples
    )
    alone = {name: cost.alone() for name, cost in costs.items()}
    beside = {name: cost.beside() for name, cost in costs.items()}
    feasible = feasible_set(results, systems)
    flips, flips_by_task = flip_tables(results, systems, base) or (None, None)
    objectives = results.run_summary.objectives
    return Summary(
        run=results.run_summary.run.origins[0].run,
        baseline=systems[base].name,
        level=LEVEL,
        resamples=resamples,
        seed=results.seed,
        reference=Reference(score=REFERENCE_SCORE, octaves=REFERENCE_OCTAVES),
        systems=tuple(
            SystemEntry(name=system.name, arm=system.arm, candidates=system.candidates) for system in systems
        ),
        left_out=results.left_out,
        tasks={
            name: TaskEntry(
                group=facts.group, languages=facts.languages, split=facts.split, limit=facts.limit
            )
            for name, facts in results.tasks.items()
        },
        unlearnt=results.unlearnt,
        objectives={
            name: _objective(objectives[name], cost, results.run_summary.bases.get(name, ""))
            for name, cost in costs.items()
        },
        seen=_seen(results, systems),
        score_floor=short(score_floor(average, arms)),
        scores=tuple(_scores(scores, table, base, arms)),
        qualities=_qualities(results, table, scores, systems, base),
        costs=_cost_values(results, costs, alone, len(systems)),
        costs_beside=_cost_values(results, costs, beside, len(systems)),
        cost_ratios={
            name: tuple(
                feasible.ratios(cost, objectives[name].sense == "max", at) for at in range(len(systems))
            )
            for name, cost in costs.items()
        },
        frontiers=frontiers,
        fairness=tuple(_fairness(of_system) for of_system in fair),
        slope_languages=fair[0].slope_languages,
        languages={
            code: (LANGUAGES[code].script, LANGUAGES[code].resources)
            for code in table.languages
            if code in LANGUAGES
        },
        cells=cells(table, results, systems, base),
        flips=flips,
        flips_by_task=flips_by_task,
        drift=drift_entries(results, systems, base, resamples),
        attainment={name: attained(results, systems, objectives[name]) for name in costs},
        answer=answer(feasible, table),
    )


def _seen(results: RunResults, systems: Sequence[System]) -> dict[str, SeenEntry]:
    told = {}
    for system in systems:
        seen = seen_languages(results.run_summary.run.candidate(next(iter(system.candidates.values()))))
        if seen:
            told[system.name] = SeenEntry(labels=seen.labels, text=seen.text, whole_texts=seen.whole_texts)
    return told


def _costs(results: RunResults, systems: Sequence[System]) -> dict[str, Cost]:
    costs = {}
    for name in results.run_summary.costs:
        cost = results.cost(results.run_summary.objectives[name], systems)
        if cost is not None:
            costs[name] = cost
    return costs


def _objective(objective: Objective, cost: Cost, basis: str) -> CostEntry:
    noise = cost.noise
    return CostEntry(
        title=objective.title,
        unit=objective.unit,
        sense=objective.sense,
        basis=basis,
        noise=NoiseEntry(
            basis=noise.basis,
            floor=None if noise.floor is None else short(100 * math.expm1(noise.floor)),
            sd=None if noise.sd is None else short(100 * math.expm1(noise.sd)),
            blocks=noise.blocks,
            df=noise.df,
            twin=None if cost.twin is None else short(100 * math.expm1(cost.twin)),
        ),
    )


def _scores(scores: Uncertain, table: ScoreTable, base: int, arms: Sequence[str]) -> list[ScoreEntry]:
    gains = scores.less(base)
    half = spread_over_pairs(scores, base, arms).half_width(LEVEL)
    half[base] = 0.0
    return [
        ScoreEntry(
            average=short(float(scores.points[at, AVERAGE])),
            change=around(gains.points[at, AVERAGE], half[at, AVERAGE]),
            tasks={
                name: around(gains.points[at, place], half[at, place])
                for name, place in zip(table.tasks, table.task_places, strict=True)
            },
        )
        for at in range(len(scores.points))
    ]


def _qualities(
    results: RunResults, table: ScoreTable, scores: Uncertain, systems: Sequence[System], base: int
) -> dict[str, QualityEntry]:
    """Return by quality other than the score what every system has of it, and its change from the baseline."""
    return {
        name: QualityEntry(
            title=results.run_summary.objectives[name].title,
            values=tuple(short(value) for value in scores.points[:, table.quality_places[name]]),
            changes=tuple(Estimate(*map(short, change)) for change in changes),
        )
        for name, changes in results.quality_changes(table, systems, base).items()
    }


def _cost_values(
    results: RunResults, costs: Mapping[str, Cost], spreads: Mapping[str, Spread], count: int
) -> dict[str, tuple[CostEstimate | None, ...]]:
    """Return by cost every system's value with the ends of its interval, where its noise is known."""
    told = {}
    for name, cost in costs.items():
        values: list[CostEstimate | None] = [None] * count
        rate = results.run_summary.objectives[name].sense == "max"
        halves = spreads[name].half_width(LEVEL)
        for place, value, half in zip(cost.systems, cost.values.points[:, 0], halves, strict=True):
            values[place] = ratio(value, half if cost.known else None, rate)
        told[name] = tuple(values)
    return told


def _frontiers(
    average: Uncertain,
    costs: Mapping[str, Cost],
    base: int,
    arms: Sequence[str],
    seed: int,
    resamples: int,
) -> dict[str, FrontierEntry]:
    """Return the frontier of the score against every cost, and against all of them at once.

    A cost whose noise is not known has none: nobody could tell who is on it.
    """
    known = {name: cost for name, cost in costs.items() if cost.known}
    if not known:
        return {}
    single = single_level(average, list(known.values()), arms, generator(seed, "frontiers"), resamples)
    frontiers = {}
    together = [(ALL, list(costs))] if len(costs) > 1 and len(known) == len(costs) else []
    for name, chosen in [(name, [name]) for name in known] + together:
        rng = generator(seed, "frontier", name)
        frontier = uncertain_frontier(
            average, [costs[cost_name] for cost_name in chosen], base, arms, single, rng, resamples
        )
        if frontier is not None:
            frontiers[name] = _frontier(frontier)
    return frontiers


def _frontier(frontier: UncertainFrontier) -> FrontierEntry:
    places = frontier.systems
    return FrontierEntry(
        systems=places,
        on=tuple(place for place, on in zip(places, frontier.on, strict=True) if on),
        membership=percents(frontier.membership),
        beyond_noise=percents(frontier.beyond_noise),
        dominance=tuple(percents(row) for row in frontier.probability),
        confidence_set=_kept(frontier.confidence, places),
        dominated_by={
            place: tuple(places[dominator] for dominator in proof)
            for place, proof in zip(places, frontier.confidence.dominators, strict=True)
            if proof
        },
        within_floors=_kept(frontier.within_floors, places),
        single_level=round(frontier.confidence.single, 6),
        knee=None if frontier.knee is None else places[frontier.knee],
        knee_shares=None if frontier.knee_shares is None else percents(frontier.knee_shares),
        knee_none=None if frontier.knee_none is None else round(100 * frontier.knee_none),
        hypervolume=None if frontier.volume is None else _volume(frontier.volume),
        hypervolumes={arm: _volume(volume) for arm, volume in frontier.volumes.items()},
    )


def _kept(confidence: ConfidenceSet, places: Sequence[int]) -> tuple[int, ...]:
    return tuple(place for place, inside in zip(places, confidence.kept, strict=True) if inside)


def _volume(volume: Volume) -> VolumeEntry:
    return VolumeEntry(
        value=short(volume.value), low=short(volume.low), high=short(volume.high), bias=short(volume.bias)
    )


def _fairness(fair: Fairness) -> FairnessEntry:
    return FairnessEntry(
        worst_language=fair.worst_language,
        worst=_interval(fair.worst),
        drops={code: _interval(drop) for code, drop in fair.drops.items()},
        spread=short(fair.spread),
        spread_beyond_noise=short(fair.spread_beyond_noise),
        by_script={name: _interval(drop) for name, drop in fair.by_script.items()},
        by_resources={name: _interval(drop) for name, drop in fair.by_resources.items()},
        slope=None if fair.slope is None else _interval(fair.slope),
        single_level=round(fair.single, 6),
    )


def _interval(interval: Interval) -> Estimate:
    return Estimate(short(interval.value), short(interval.low), short(interval.high))
