"""The variant of a run to deploy under limits, why, and what kept the others out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.compress.core import InputError, hint
from xpareto.eval.analyses.documents import (
    BrokenLimit,
    CrossFit,
    DropEntry,
    Estimate,
    OtherRun,
    QualityFacts,
    Recommendation,
    VariantFacts,
)
from xpareto.eval.analyses.feasible import FeasibleSet, feasible_set, judged
from xpareto.eval.analyses.requirements import Requirements, qualities_of, weights_of
from xpareto.eval.comparison import Decision, Interval, Option, Violation, order_of_aims
from xpareto.eval.objectives import declared_limits, preferences
from xpareto.eval.results import Part, RunResults, System, ranks
from xpareto.eval.statistics import AVERAGE, LEVEL, ScoreTable, Weights

_FOLD_DRAWS = 500


def recommend(
    results: RunResults, requirements: Requirements, report_on: RunResults | None = None
) -> Recommendation:
    """Return the variant to deploy. `results` holds the tasks and languages of the checked requirements alone.

    `report_on` is that of a run of the same candidates on other examples: what is chosen here, on dev, is
    scored there, on test. InputError for weights that leave nothing, or a chosen variant that the other run
    has not.
    """
    weights = weights_of(results, requirements)
    candidates = feasible_set(results, results.systems(requirements.seed_policy == "each"))
    qualities = qualities_of(requirements)
    table = results.table(requirements.resamples, weights, keep=requirements.folds > 0, qualities=qualities)
    options = judged(candidates, table, requirements.limits, requirements.point_estimates)
    decision = options.decide(requirements.limits, requirements.prefer, requirements.point_estimates)
    changes = results.quality_changes(table, candidates.systems, candidates.base)
    told = _Told(candidates, options.options, table, changes, _told_aims(candidates, requirements))
    return Recommendation(
        run=results.run_summary.run.origins[0].run,
        limits=requirements.limits,
        prefer=requirements.prefer,
        rule=rule(requirements.prefer, [options.options[name] for name in decision.ranked], candidates.bases),
        tasks=results.languages,
        unlearnt=results.unlearnt,
        weights=requirements.weights,
        seed_policy=requirements.seed_policy,
        point_estimates=requirements.point_estimates,
        level=LEVEL,
        single_level=options.single,
        power=options.power,
        resamples=requirements.resamples,
        seed=requirements.seed,
        noise_floor={name: math.expm1(value) for name, value in candidates.floors.items()},
        noise_of_limits={name: cost.noise.basis for name, cost in candidates.limits.items()},
        in_one_block=candidates.in_one_block,
        blocks_of_limits={name: cost.noise.blocks for name, cost in candidates.limits.items()},
        bases=candidates.bases,
        tokenization=candidates.tokenization,
        baseline=told.facts(candidates.baseline),
        chosen=told.named(decision.chosen),
        runner_up=told.named(decision.ranked[1] if len(decision.ranked) > 1 else None),
        fits=decision.ranked,
        rejected={name: tuple(map(_broken, violations)) for name, violations in decision.rejected.items()},
        left_out=results.left_out,
        nearest=told.named(decision.nearest),
        unmeasured=decision.unmeasured,
        reported_on=None
        if report_on is None or decision.chosen is None
        else _elsewhere(report_on, candidates, decision.chosen, weights, requirements),
        cross_fit=_cross_fit(candidates, weights, requirements, decision),
    )


def rule(prefer: str, fitting: Sequence[Option], bases: Mapping[str, str]) -> str:
    """Return by which rule the first of those that fit is the best; what was measured of none tells none.

    `bases` are those of what can be preferred, as far as they are not plain.
    """
    objectives = preferences()
    order = order_of_aims(prefer, objectives[prefer].role == "quality")
    known = [
        aim
        for aim in order
        if objectives[aim].role == "quality" or any(aim in option.aims for option in fitting)
    ]
    best = ", then ".join(
        objectives[aim].superlative + (f" ({bases[aim]})" if aim in bases else "") for aim in known
    )
    absent = [aim for aim in order if aim not in known]
    why = (
        f" The {' and the '.join(absent)} {'was' if len(absent) == 1 else 'were'} not measured."
        if absent
        else ""
    )
    return (
        f"Of the variants that meet every limit: {best}. What noise cannot tell from the best counts as "
        f"equal to it.{why}{_passed_over(prefer, order[1:], fitting)}"
    )


def _passed_over(prefer: str, then: Sequence[str], fitting: Sequence[Option]) -> str:
    """Return why the best of a quality as measured is not the first, "" where it is."""
    if preferences()[prefer].role != "quality" or not fitting:
        return ""
    best = max(fitting, key=lambda option: option.quality(prefer))
    more = best.quality(prefer) - fitting[0].quality(prefer)
    if more < 0.05:  # as it is written
        return ""
    return (
        f" {best.name} has {more:.1f} more, which noise may explain, so the {' and the '.join(then)} decided."
    )


def _told_aims(candidates: FeasibleSet, requirements: Requirements) -> frozenset[str]:
    """Return what is told of every variant: what ranks in the run, and what the requirements name."""
    run = candidates.results.run_summary.run
    named = {requirements.prefer, *(declared_limits()[name][0].aim for name in requirements.limits)}
    return frozenset(
        aim
        for aim in candidates.aims
        if aim in named or ranks(preferences()[aim].name, candidates.bases.get(aim, ""), run)
    )


@dataclass(frozen=True)
class _Told:
    """The document's words on one variant."""

    candidates: FeasibleSet
    options: Mapping[str, Option]
    table: ScoreTable
    changes: Mapping[str, Sequence[Sequence[float]]]  # quality -> by system [value, low, high]
    aims: frozenset[str]  # what is told of every variant

    def named(self, name: str | None) -> VariantFacts | None:
        """Return the facts and what they are against the baseline's."""
        if name is None:
            return None
        here, there = self.facts(name), self.facts(self.candidates.baseline)
        ratios = {
            key: value / base[key]
            for numbers, base in ((here.costs, there.costs), (here.aims, there.aims))
            for key, value in numbers.items()
            if base.get(key)
        }
        return here.model_copy(update={"against_baseline": {"score": here.score - there.score, **ratios}})

    def facts(self, name: str) -> VariantFacts:
        option = self.options[name]
        place = [system.name for system in self.candidates.systems].index(name)
        system = self.candidates.systems[place]
        return VariantFacts(
            name=name,
            candidate=middle(system, self.candidates.results, self.table),
            seeds=tuple(sorted(system.candidates)),
            score=option.score,
            drops={
                limit: DropEntry(value=drop.value, upper=drop.upper, language=drop.language or None)
                for limit, drop in option.drops.items()
            },
            costs=option.costs,
            cost_uppers=option.uppers,
            qualities={
                aim: QualityFacts(value=value, change=Estimate(*self.changes[preferences()[aim].name][place]))
                for aim, value in option.qualities.items()
            },
            ratios={
                aim: ratios
                for aim, cost in self.candidates.aims.items()
                if (ratios := self.candidates.ratios(cost, preferences()[aim].sense == "max", place))
            },
            aims={
                # Less is better of what is judged; a rate is told as one.
                aim: 1 / value if preferences()[aim].sense == "max" else value
                for aim, value in option.aims.items()
                if aim in self.aims
            },
        )


def middle(system: System, results: RunResults, table: ScoreTable) -> str:
    """Return the system's candidate of the middle score; with one seed, itself."""
    by_score = sorted(
        system.candidates.values(), key=lambda name: (table.points[results.names.index(name), AVERAGE], name)
    )
    return by_score[(len(by_score) - 1) // 2]


def _broken(violation: Violation) -> BrokenLimit:
    return BrokenLimit(
        limit_name=violation.limit_name,
        limit=violation.limit,
        found=violation.found,
        value=violation.value,
        upper=violation.upper,
        excess=violation.excess if math.isfinite(violation.excess) else None,
        language=violation.language or None,
    )


def _elsewhere(
    results: RunResults, candidates: FeasibleSet, chosen: str, weights: Weights, requirements: Requirements
) -> OtherRun:
    """Return what the chosen variant loses on the examples of another run, each interval by itself."""
    pair = [
        candidates.systems[candidates.base],
        next(variant for variant in candidates.systems if variant.name == chosen),
    ]
    for name in (name for system in pair for name in system.candidates.values()):
        if name not in results.names:
            raise InputError(
                f"--report-on: {results.folder} has no scores of {name}.{hint(name, results.names)} Run the "
                "same recipe with the other split."
            )
    table = results.table(requirements.resamples, weights)
    gains = table.systems(results.members(pair)).less(0).of([1])
    half = gains.spread().half_width(LEVEL) if chosen != pair[0].name else np.zeros(gains.points.shape)
    drops, ends = -gains.points[0], half[0]
    languages = list(table.language_places)
    worst = languages[int(np.argmax(drops[languages]))]
    drop, worst_drop = (
        Interval(float(drops[at]), float(drops[at] - ends[at]), float(drops[at] + ends[at]))
        for at in (AVERAGE, worst)
    )
    return OtherRun(
        run=results.run_summary.run.origins[0].run,
        tasks={name: facts.split for name, facts in results.tasks.items()},
        drop=drop,
        worst_language_drop=worst_drop,
        worst_language=table.languages[languages.index(worst)],
    )


def _cross_fit(
    candidates: FeasibleSet, weights: Weights, requirements: Requirements, decision: Decision
) -> CrossFit | None:
    """Choose on all parts of the examples but one and score on that one, each part in turn.

    Whoever chooses and reports on the same examples reports too well (the winner's curse). Here no
    example is used for both. None without folds, or where a language has too few examples for them.
    """
    if not requirements.folds or candidates.results.nothing_learnt:
        return None
    results, systems = candidates.results, candidates.systems
    fewest = min(array.shape[1] for name in results.tasks for array in results._held[name].values())
    if fewest < 2 * requirements.folds:
        return None
    chosen: list[str | None] = []
    drops: list[float] = []
    by_language: list[np.ndarray] = []
    members = results.members(systems)
    qualities = qualities_of(requirements)
    for fold in range(requirements.folds):
        rest = Part(fold, requirements.folds, inside=False)
        table = results.table(_FOLD_DRAWS, weights, rest, keep=True, qualities=qualities)
        options = judged(candidates, table, requirements.limits, requirements.point_estimates)
        choice = options.decide(requirements.limits, requirements.prefer, requirements.point_estimates).chosen
        chosen.append(choice)
        if choice is None:
            continue
        held_out = results.table(2, weights, Part(fold, requirements.folds, inside=True), keep=True)
        gains = held_out.systems(members).less(candidates.base)
        lost = -gains.points[[system.name for system in systems].index(choice)]
        drops.append(float(lost[AVERAGE]))
        by_language.append(lost[list(held_out.language_places)])
    return CrossFit(
        folds=requirements.folds,
        chosen=tuple(chosen),
        same_choice=sum(fold_choice == decision.chosen for fold_choice in chosen),
        held_out_drop=float(np.mean(drops)) if drops else None,
        held_out_worst_language_drop=float(np.mean(by_language, axis=0).max()) if drops else None,
    )
