"""Two arms of an experiment compared: in scores, under compression, and along their frontiers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xpareto.eval.comparison.arm_costs import (
    Averages,
    Cost,
    Iso,
    hypervolumes,
    iso_costs,
    joint_hypervolume,
    kept,
)
from xpareto.eval.statistics import Contrast, Spread, TaskScores, contrasts, seed_spread

RETRIEVAL = "retrieval"


@dataclass(frozen=True)
class Design:
    """A full factorial: arms × variants × seeds. The first two arms are compared, A and B.

    The others, if any, only help to estimate how much training seeds matter. The models of every
    TaskScores are in this order, the last axis running fastest; draws are those of A and B.
    """

    arms: tuple[str, ...]
    variants: tuple[str, ...]  # the first is the uncompressed one
    seeds: tuple[int, ...]
    tasks: tuple[TaskScores, ...]
    costs: tuple[Cost, ...] = ()


@dataclass(frozen=True)
class Part:
    """What one task adds to the difference of the averages; the points add up to it, the shares to 100."""

    points: float
    share: float | None  # percent, rounded to a tenth; None where the whole is zero


@dataclass(frozen=True)
class VariantContrasts:
    """B less A in one variant (stage, runtime and swept settings)."""

    variant: str
    average: Contrast
    without_retrieval: Contrast | None  # None where no task retrieves, or all do
    change: Contrast | None  # the difference here less that in the first variant
    tasks: Mapping[str, Contrast]
    languages: Mapping[str, Mapping[str, Contrast]]
    attribution: Mapping[str, Part]


@dataclass(frozen=True)
class Compared:
    """Everything that is said of two arms."""

    variants: tuple[VariantContrasts, ...]
    hypervolume: Mapping[str, Contrast]  # by cost
    joint_hypervolume: Contrast | None  # in the score and all costs; None with fewer than two costs
    iso_cost: Mapping[str, Iso]  # by cost


def compare(design: Design, margin: float) -> Compared:
    """Return the contrasts of the first two arms. `margin` is in points of score.

    Every contrast rests on means over seeds; see eval.statistics.intervals for its interval. Holm's adjustment
    is made within: the languages of a task in a variant; the tasks of a variant; the averages of all
    variants but the first; their changes; the hypervolumes; the cost ratios. The average of the
    first variant is the primary contrast and stands alone.
    """
    shape = (len(design.arms), len(design.variants), len(design.seeds))
    per_task = {scores.task: _task_mean(scores, shape) for scores in design.tasks}
    retrieving = {scores.task for scores in design.tasks if scores.group == RETRIEVAL}
    whole = _mean(list(per_task.values()))
    rest = [value for task, value in per_task.items() if task not in retrieving]
    without = _mean(rest) if retrieving and rest else None
    places = range(len(design.variants))
    average = _by_variant(whole, margin, "average")
    lesser = _by_variant(without, margin, "average without retrieval") if without else None
    changes = _changes(whole, margin)
    variant_contrasts = []
    for place in places:
        name = design.variants[place]
        tasks = _tasks(per_task, place, margin, f"tasks, {name}")
        variant_contrasts.append(
            VariantContrasts(
                name,
                average[place],
                lesser[place] if lesser else None,
                changes[place - 1] if place else None,
                tasks,
                {s.task: _languages(s, shape, place, margin, name) for s in design.tasks},
                attribution({task: contrast.difference for task, contrast in tasks.items()}),
            )
        )
    known = [cost for cost in design.costs if kept(cost).any()]
    return Compared(
        tuple(variant_contrasts),
        hypervolumes(whole, known, margin),
        joint_hypervolume(whole, known, margin),
        iso_costs(whole, known),
    )


def undecided(compared: Compared) -> Compared:
    """Return the same without any verdict on scores, for arms that have learnt nothing."""

    def told(contrasts_by_name: Mapping[str, Contrast]) -> dict[str, Contrast]:
        return {name: _undetermined(contrast) for name, contrast in contrasts_by_name.items()}

    variants = tuple(
        replace(
            variant,
            average=_undetermined(variant.average),
            without_retrieval=variant.without_retrieval and _undetermined(variant.without_retrieval),
            change=variant.change and _undetermined(variant.change),
            tasks=told(variant.tasks),
            languages={task: told(languages) for task, languages in variant.languages.items()},
        )
        for variant in compared.variants
    )
    joint = compared.joint_hypervolume and _undetermined(compared.joint_hypervolume)
    return replace(
        compared, variants=variants, hypervolume=told(compared.hypervolume), joint_hypervolume=joint
    )


def _undetermined(contrast: Contrast) -> Contrast:
    return replace(contrast, verdict="undetermined")


def attribution(differences: Mapping[str, float]) -> dict[str, Part]:
    """Return what each task adds to the mean of the differences.

    Shares are rounded to tenths of a percent by largest remainders, so that they add up to 100
    exactly; they may be negative or above 100 where tasks pull apart.

    >>> attribution({"xnli": 1.0, "udpos": 2.0})["xnli"]
    Part(points=0.5, share=33.3)
    """
    count = len(differences)
    points = {task: value / count for task, value in differences.items()}
    total = math.fsum(points.values())
    if abs(total) < 1e-9:
        return {task: Part(value, None) for task, value in points.items()}
    exact = {task: 1000 * value / total for task, value in points.items()}
    tenths = {task: math.floor(value) for task, value in exact.items()}
    left = 1000 - sum(tenths.values())
    by_remainder = sorted(exact, key=lambda task: tenths[task] - exact[task])
    for task in by_remainder[:left]:
        tenths[task] += 1
    return {task: Part(points[task], tenths[task] / 10) for task in differences}


def _task_mean(scores: TaskScores, shape: tuple[int, int, int]) -> Averages:
    points = scores.points.mean(axis=1).reshape(shape)
    draws = scores.draws.mean(axis=1).reshape(2, *shape[1:], -1)
    return Averages(points, draws, _floors(scores, shape).sum(axis=1) / len(scores.languages) ** 2)


def _floors(scores: TaskScores, shape: tuple[int, int, int]) -> np.ndarray:
    """Return what is added to the variance of B less A, (variants, languages), nothing where both answer alike."""
    places = np.arange(math.prod(shape)).reshape(shape)
    return np.stack([scores.floor(a.tolist(), b.tolist()) for a, b in zip(places[0], places[1], strict=True)])


def _mean(parts: Sequence[Averages]) -> Averages:
    """Return the mean over tasks."""
    count = len(parts)
    return Averages(
        sum((part.points for part in parts), np.zeros(1)) / count,
        sum((part.draws for part in parts), np.zeros(1)) / count,
        sum((part.floor for part in parts), np.zeros(1)) / count**2,
    )


def _family(
    points: np.ndarray,
    draws: np.ndarray,
    floor: np.ndarray,
    margin: float | np.ndarray,
    name: str,
) -> list[Contrast]:
    """Return contrasts from points (arms, seeds, members) and draws (2, seeds, members, draws)."""
    means, drawn = points.mean(axis=1), draws.mean(axis=1)
    seeds, df = seed_spread(points)
    variance = (drawn[1] - drawn[0]).var(axis=-1, ddof=1) + floor
    return contrasts(means[0], means[1], Spread(np.sqrt(variance), seeds, df), margin, name)


def _by_variant(values: Averages, margin: float, name: str) -> list[Contrast]:
    points, draws = values.points.swapaxes(1, 2), values.draws.swapaxes(1, 2)
    first = _family(points[:, :, :1], draws[:, :, :1], values.floor[:1], margin, f"{name}, first variant")
    others = _family(points[:, :, 1:], draws[:, :, 1:], values.floor[1:], margin, f"{name}, other variants")
    return first + others


def _changes(values: Averages, margin: float) -> list[Contrast]:
    points, draws = values.points.swapaxes(1, 2), values.draws.swapaxes(1, 2)
    return _family(
        points[:, :, 1:] - points[:, :, :1],
        draws[:, :, 1:] - draws[:, :, :1],
        values.floor[1:] + values.floor[:1],
        margin,
        "changes from the first variant",
    )


def _tasks(per_task: Mapping[str, Averages], place: int, margin: float, name: str) -> dict[str, Contrast]:
    points = np.stack([value.points[:, place] for value in per_task.values()], axis=-1)
    draws = np.stack([value.draws[:, place] for value in per_task.values()], axis=-2)
    floor = np.array([value.floor[place] for value in per_task.values()])
    return dict(zip(per_task, _family(points, draws, floor, margin, name), strict=True))


def _languages(
    scores: TaskScores, shape: tuple[int, int, int], place: int, margin: float, variant: str
) -> dict[str, Contrast]:
    count = len(scores.languages)
    points = scores.points.reshape(*shape, count)[:, place]
    draws = scores.draws.reshape(2, *shape[1:], count, -1)[:, place]
    name = f"languages of {scores.task}, {variant}"
    floor = _floors(scores, shape)[place]
    return dict(zip(scores.languages, _family(points, draws, floor, margin, name), strict=True))
