"""`xpareto choose`: the variant of a run to deploy under limits, why, and what kept the others out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.errors import InputError, hint
from eval.choice import Decision, Option, Violation, order_of_aims
from eval.objective import preferences
from eval.score_table import AVERAGE, ScoreTable, Weights
from eval.uncertain import LEVEL
from pipelines.deployable import Deployable, deployable, judged
from pipelines.evidence import Evidence, Part, System, read_evidence
from pipelines.runfolder import RunFolder
from pipelines.wish import Wish, check, check_names, qualities_of, weights_of

SCHEMA = 1
_FOLD_DRAWS = 500


def choose_run(run: RunFolder, wish: Wish, report_on: RunFolder | None = None) -> dict[str, Any]:
    """Return the answer as one JSON document; InputError for a wish that the run cannot be asked.

    `report_on` is a run of the same candidates on other examples: what is chosen here, on dev, is scored
    there, on test.
    """
    wish = check(wish)
    qualities = qualities_of(wish)
    known = read_evidence(run.path)
    check_names(known, wish)
    evidence = read_evidence(run.path, wish.tasks, wish.languages, wish.seed)
    weights = weights_of(evidence, wish)
    found = deployable(evidence, evidence.systems(wish.seed_policy == "each"))
    table = evidence.table(wish.resamples, weights, keep=wish.folds > 0, qualities=qualities)
    options = judged(found, table, wish.limits, wish.point_estimates, wish.seed)
    decision = options.decide(wish.limits, wish.prefer, wish.point_estimates)
    changes = evidence.quality_changes(table, found.systems, found.base)
    told = _Told(found, options.options, table, changes)
    document = {
        "schema": SCHEMA,
        "run": evidence.study.run.origins[0].run,
        "limits": dict(wish.limits),
        "prefer": wish.prefer,
        "rule": rule(wish.prefer, [options.options[name] for name in decision.ranked]),
        "tasks": {name: list(codes) for name, codes in evidence.languages.items()},
        "weights": dict(wish.weights),
        "seed_policy": wish.seed_policy,
        "point_estimates": wish.point_estimates,
        "level": LEVEL,
        "single_level": options.single,
        "resamples": wish.resamples,
        "seed": wish.seed,
        "noise_floor": {name: math.expm1(value) for name, value in found.floors.items()},
        "noise_of_limits": {name: cost.noise.basis for name, cost in found.limits.items()},
        "blocks_of_limits": {name: cost.noise.blocks for name, cost in found.limits.items()},
        "tokenization": found.tokenization,
        "baseline": told.facts(found.baseline),
        "chosen": told.named(decision.chosen),
        "runner_up": told.named(decision.ranked[1] if len(decision.ranked) > 1 else None),
        "fits": list(decision.ranked),
        "rejected": {name: [_violation(v) for v in own] for name, own in decision.rejected.items()},
        "left_out": dict(evidence.left_out),
        "nearest": told.named(decision.nearest),
        "unmeasured": list(decision.unmeasured),
        "reported_on": None
        if report_on is None or decision.chosen is None
        else _elsewhere(report_on, found, decision.chosen, weights, wish),
        "cross_fit": _cross_fit(found, weights, wish, decision),
    }  # fmt: skip
    return document


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

    found: Deployable
    options: Mapping[str, Option]
    table: ScoreTable
    changes: Mapping[str, Sequence[Sequence[float]]]  # quality -> by system [value, low, high]

    def place(self, name: str) -> int:
        return [system.name for system in self.found.systems].index(name)

    def named(self, name: str | None) -> dict[str, Any] | None:
        """Return the facts and what they are against the baseline's."""
        if name is None:
            return None
        here, there = self.facts(name), self.facts(self.found.baseline)
        here["against_baseline"] = {
            "score": here["score"] - there["score"],
            **{
                key: value / there[kind][key]
                for kind in ("costs", "aims")
                for key, value in here[kind].items()
                if there[kind].get(key)
            },
        }
        return here

    def facts(self, name: str) -> dict[str, Any]:
        option = self.options[name]
        system = self.found.systems[self.place(name)]
        return {
            "name": name,
            "candidate": middle(system, self.found.evidence, self.table),
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
            "cost_uppers": dict(option.uppers),
            "qualities": {
                aim: {"value": value, "change": self.changes[preferences()[aim].name][self.place(name)]}
                for aim, value in option.qualities.items()
            },
            "aims": {
                # Less is better of what is judged; a rate is told as one.
                aim: 1 / value if preferences()[aim].sense == "max" else value
                for aim, value in option.aims.items()
            },
        }


def middle(system: System, evidence: Evidence, table: ScoreTable) -> str:
    """Return the system's candidate of the middle score; with one seed, itself."""
    by_score = sorted(
        system.candidates.values(), key=lambda own: (table.points[evidence.names.index(own), AVERAGE], own)
    )
    return by_score[(len(by_score) - 1) // 2]


def _violation(found: Violation) -> dict[str, Any]:
    return {
        "limit_name": found.limit_name,
        "limit": found.limit,
        "found": found.found,
        "value": found.value,
        "upper": found.upper,
        "excess": found.excess if math.isfinite(found.excess) else None,
        **({"language": found.language} if found.language else {}),
    }


def _elsewhere(
    run: RunFolder, found: Deployable, chosen: str, weights: Weights, wish: Wish
) -> dict[str, Any]:
    """Return what the chosen variant loses on the examples of another run, each interval by itself."""
    evidence = read_evidence(run.path, wish.tasks, wish.languages, wish.seed)
    pair = [found.systems[found.base], next(own for own in found.systems if own.name == chosen)]
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


def _cross_fit(found: Deployable, weights: Weights, wish: Wish, decision: Decision) -> dict[str, Any] | None:
    """Choose on all parts of the examples but one and score on that one, each part in turn.

    Whoever chooses and reports on the same examples reports too well (the winner's curse). Here no
    example is used for both. None without folds, or where a language has too few examples for them.
    """
    if not wish.folds:
        return None
    evidence, systems = found.evidence, found.systems
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
        options = judged(found, table, wish.limits, wish.point_estimates, wish.seed)
        own = options.decide(wish.limits, wish.prefer, wish.point_estimates).chosen
        chosen.append(own)
        if own is None:
            continue
        held_out = evidence.table(2, weights, Part(fold, wish.folds, inside=True), keep=True)
        lost = -held_out.systems(members).less(found.base).points[[s.name for s in systems].index(own)]
        drops.append(float(lost[AVERAGE]))
        by_language.append(lost[list(held_out.language_places)])
    return {
        "folds": wish.folds,
        "chosen": chosen,
        "same_choice": sum(own == decision.chosen for own in chosen),
        "held_out_drop": float(np.mean(drops)) if drops else None,
        "held_out_worst_language_drop": float(np.mean(by_language, axis=0).max()) if drops else None,
    }
