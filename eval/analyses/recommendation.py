"""The variant of a run to deploy under limits, why, and what kept the others out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.compress.core import InputError, hint
from xpareto.eval.analyses.deployable import Deployable, deployable, judged
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
from xpareto.eval.analyses.requirements import Wish, qualities_of, weights_of
from xpareto.eval.comparison import Decision, Interval, Option, Violation, order_of_aims
from xpareto.eval.objectives import preferences
from xpareto.eval.results import Evidence, Part, System
from xpareto.eval.statistics import AVERAGE, LEVEL, ScoreTable, Weights

_FOLD_DRAWS = 500


def recommend(evidence: Evidence, wish: Wish, report_on: Evidence | None = None) -> Recommendation:
    """Return the variant to deploy. `evidence` holds the tasks and languages of the checked wish alone.

    `report_on` is that of a run of the same candidates on other examples: what is chosen here, on dev, is
    scored there, on test. InputError for weights that leave nothing, or a chosen variant that the other run
    has not.
    """
    weights = weights_of(evidence, wish)
    candidates = deployable(evidence, evidence.systems(wish.seed_policy == "each"))
    qualities = qualities_of(wish)
    table = evidence.table(wish.resamples, weights, keep=wish.folds > 0, qualities=qualities)
    options = judged(candidates, table, wish.limits, wish.point_estimates, wish.seed)
    decision = options.decide(wish.limits, wish.prefer, wish.point_estimates)
    changes = evidence.quality_changes(table, candidates.systems, candidates.base)
    told = _Told(candidates, options.options, table, changes)
    return Recommendation(
        run=evidence.study.run.origins[0].run,
        limits=wish.limits,
        prefer=wish.prefer,
        rule=rule(wish.prefer, [options.options[name] for name in decision.ranked]),
        tasks=evidence.languages,
        weights=wish.weights,
        seed_policy=wish.seed_policy,
        point_estimates=wish.point_estimates,
        level=LEVEL,
        single_level=options.single,
        resamples=wish.resamples,
        seed=wish.seed,
        noise_floor={name: math.expm1(value) for name, value in candidates.floors.items()},
        noise_of_limits={name: cost.noise.basis for name, cost in candidates.limits.items()},
        blocks_of_limits={name: cost.noise.blocks for name, cost in candidates.limits.items()},
        tokenization=candidates.tokenization,
        baseline=told.facts(candidates.baseline),
        chosen=told.named(decision.chosen),
        runner_up=told.named(decision.ranked[1] if len(decision.ranked) > 1 else None),
        fits=decision.ranked,
        rejected={name: tuple(map(_broken, own)) for name, own in decision.rejected.items()},
        left_out=evidence.left_out,
        nearest=told.named(decision.nearest),
        unmeasured=decision.unmeasured,
        reported_on=None
        if report_on is None or decision.chosen is None
        else _elsewhere(report_on, candidates, decision.chosen, weights, wish),
        cross_fit=_cross_fit(candidates, weights, wish, decision),
    )


def rule(prefer: str, fitting: Sequence[Option]) -> str:
    """Return by which rule the first of those that fit is the best; what was measured of none tells none."""
    objectives = preferences()
    order = order_of_aims(prefer, objectives[prefer].role == "quality")
    known = [
        aim
        for aim in order
        if objectives[aim].role == "quality" or any(aim in option.aims for option in fitting)
    ]
    best = ", then ".join(objectives[aim].superlative for aim in known)
    absent = [aim for aim in order if aim not in known]
    why = (
        f" The {' and the '.join(absent)} {'was' if len(absent) == 1 else 'were'} not measured."
        if absent
        else ""
    )
    return (
        f"Of the variants that meet every limit: {best}. What noise cannot tell from the best counts as "
        f"equal to it.{why}"
    )


@dataclass(frozen=True)
class _Told:
    """The document's words on one variant."""

    candidates: Deployable
    options: Mapping[str, Option]
    table: ScoreTable
    changes: Mapping[str, Sequence[Sequence[float]]]  # quality -> by system [value, low, high]

    def named(self, name: str | None) -> VariantFacts | None:
        """Return the facts and what they are against the baseline's."""
        if name is None:
            return None
        here, there = self.facts(name), self.facts(self.candidates.baseline)
        ratios = {
            key: value / base[key]
            for own, base in ((here.costs, there.costs), (here.aims, there.aims))
            for key, value in own.items()
            if base.get(key)
        }
        return here.model_copy(update={"against_baseline": {"score": here.score - there.score, **ratios}})

    def facts(self, name: str) -> VariantFacts:
        option = self.options[name]
        place = [system.name for system in self.candidates.systems].index(name)
        system = self.candidates.systems[place]
        return VariantFacts(
            name=name,
            candidate=middle(system, self.candidates.evidence, self.table),
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
            aims={
                # Less is better of what is judged; a rate is told as one.
                aim: 1 / value if preferences()[aim].sense == "max" else value
                for aim, value in option.aims.items()
            },
        )


def middle(system: System, evidence: Evidence, table: ScoreTable) -> str:
    """Return the system's candidate of the middle score; with one seed, itself."""
    by_score = sorted(
        system.candidates.values(), key=lambda own: (table.points[evidence.names.index(own), AVERAGE], own)
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
    evidence: Evidence, candidates: Deployable, chosen: str, weights: Weights, wish: Wish
) -> OtherRun:
    """Return what the chosen variant loses on the examples of another run, each interval by itself."""
    pair = [
        candidates.systems[candidates.base],
        next(own for own in candidates.systems if own.name == chosen),
    ]
    for name in (name for system in pair for name in system.candidates.values()):
        if name not in evidence.names:
            raise InputError(
                f"--report-on: {evidence.folder} has no scores of {name}.{hint(name, evidence.names)} Run the "
                "same recipe with the other split."
            )
    table = evidence.table(wish.resamples, weights)
    gains = table.systems(evidence.members(pair)).less(0).of([1])
    half = gains.spread().half_width(LEVEL) if chosen != pair[0].name else np.zeros(gains.points.shape)
    drops, ends = -gains.points[0], half[0]
    languages = list(table.language_places)
    worst = languages[int(np.argmax(drops[languages]))]
    drop, worst_drop = (
        Interval(float(drops[at]), float(drops[at] - ends[at]), float(drops[at] + ends[at]))
        for at in (AVERAGE, worst)
    )
    return OtherRun(
        run=evidence.study.run.origins[0].run,
        tasks={name: facts.split for name, facts in evidence.tasks.items()},
        drop=drop,
        worst_language_drop=worst_drop,
        worst_language=table.languages[languages.index(worst)],
    )


def _cross_fit(candidates: Deployable, weights: Weights, wish: Wish, decision: Decision) -> CrossFit | None:
    """Choose on all parts of the examples but one and score on that one, each part in turn.

    Whoever chooses and reports on the same examples reports too well (the winner's curse). Here no
    example is used for both. None without folds, or where a language has too few examples for them.
    """
    if not wish.folds:
        return None
    evidence, systems = candidates.evidence, candidates.systems
    fewest = min(own.shape[1] for name in evidence.tasks for own in evidence._held[name].values())
    if fewest < 2 * wish.folds:
        return None
    chosen: list[str | None] = []
    drops: list[float] = []
    by_language: list[np.ndarray] = []
    members = evidence.members(systems)
    qualities = qualities_of(wish)
    for fold in range(wish.folds):
        rest = Part(fold, wish.folds, inside=False)
        table = evidence.table(_FOLD_DRAWS, weights, rest, keep=True, qualities=qualities)
        options = judged(candidates, table, wish.limits, wish.point_estimates, wish.seed)
        choice = options.decide(wish.limits, wish.prefer, wish.point_estimates).chosen
        chosen.append(choice)
        if choice is None:
            continue
        held_out = evidence.table(2, weights, Part(fold, wish.folds, inside=True), keep=True)
        gains = held_out.systems(members).less(candidates.base)
        lost = -gains.points[[system.name for system in systems].index(choice)]
        drops.append(float(lost[AVERAGE]))
        by_language.append(lost[list(held_out.language_places)])
    return CrossFit(
        folds=wish.folds,
        chosen=tuple(chosen),
        same_choice=sum(own == decision.chosen for own in chosen),
        held_out_drop=float(np.mean(drops)) if drops else None,
        held_out_worst_language_drop=float(np.mean(by_language, axis=0).max()) if drops else None,
    )
