"""The best of several arms for each task, chosen on other examples than those that it is scored on.

The source study (Phang et al. 2020) reports the best intermediate task of each target. Chosen and
reported on the same examples, the best of several looks better than it is (the winner's curse). Here an
arm is chosen on a dev set; where there is none, on one half of the test examples and scored on the
other, both ways, and the two are averaged (cross-fitting). The choice is made anew in every bootstrap
draw, of dev and test examples alike, and by every training seed for itself, so that intervals cover it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.statistics import (
    Contrast,
    ModelTuning,
    Spread,
    TaskScores,
    contrasts,
    generator,
    pair_spread,
    task_scores,
)
from xpareto.eval.tasks import Task

Way = Literal["dev", "halves"]


@dataclass(frozen=True)
class Fold:
    """One task's scores on the examples that choose, and on those that are reported."""

    chosen_on: TaskScores
    scored_on: TaskScores


@dataclass(frozen=True)
class Selection:
    """How one task chooses. Models are (arms, seeds), seeds fastest; the first arm is the reference."""

    task: Task
    way: Way
    folds: tuple[Fold, ...]


@dataclass(frozen=True)
class Choice:
    """What one task chose: the contrast of the best arm with the reference, and how sure the choice is.

    `chosen` counts the arms that were chosen, over seeds and folds; `shares` is the share of draws.
    """

    way: Way
    contrast: Contrast
    chosen: Mapping[str, int]
    shares: Mapping[str, float]


@dataclass(frozen=True)
class BestArms:
    """The best arm per task less the reference: on average, and for each task (Holm over the tasks)."""

    average: Contrast
    tasks: Mapping[str, Choice]


def undecided_best(compared: BestArms) -> BestArms:
    """Return the same without any verdict, for arms that have learnt nothing."""

    def told(contrast: Contrast) -> Contrast:
        return replace(contrast, verdict="undetermined")

    tasks = {name: replace(choice, contrast=told(choice.contrast)) for name, choice in compared.tasks.items()}
    return BestArms(told(compared.average), tasks)


@dataclass(frozen=True)
class _Picked:
    """What one task gives: points (seeds,), draws (seeds, draws) of the reference and of what was chosen."""

    reference: np.ndarray
    best: np.ndarray
    gain_draws: np.ndarray
    floor: float
    chosen: Counter[int]
    draws_chosen: Counter[int]


def cross_fitted(
    task: Task,
    outcomes: Mapping[str, np.ndarray],
    seed: int,
    draws: int,
    tuning: Mapping[str, ModelTuning] | None = None,
) -> Selection:
    """Return the selection on halves of the examples: each half chooses for the other.

    The halves are random but the same for every model; of a parallel task with equally many examples
    an example is in the same half in every language. InputError where a language has one example only.
    """
    counts = {language: language_outcomes.shape[1] for language, language_outcomes in outcomes.items()}
    few = [language for language, count in counts.items() if count < 2]
    if few:
        raise InputError(
            f"{task.name}: expected at least two examples to halve, found one in {', '.join(few)}."
        )
    together = task.parallel and len(set(counts.values())) == 1
    halves = []
    for part in (0, 1):
        rows = {
            language: _half(
                count, part, generator(seed, task.name, "halves", *([] if together else [language]))
            )
            for language, count in counts.items()
        }
        halved_tuning = None
        if tuning is not None:
            halved_tuning = {
                language: ModelTuning(model_tuning.own[:, rows[language]], model_tuning.calibration)
                for language, model_tuning in tuning.items()
            }
        halved_outcomes = {
            language: language_outcomes[:, rows[language]] for language, language_outcomes in outcomes.items()
        }
        halves.append(
            task_scores(task, halved_outcomes, seed, draws, None, halved_tuning, part=f"half {part}")
        )
    first, second = halves
    return Selection(task, "halves", (Fold(first, second), Fold(second, first)))


def _half(count: int, part: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.permutation(count)[part::2])


def best_arms(selections: Sequence[Selection], arms: Sequence[str], seeds: int, margin: float) -> BestArms:
    """Return the contrast of the best arm per task with the first of `arms`, the reference.

    Of equally good arms the first is chosen. The spread of seeds is that of the gains of whole
    replicates: each seed trains all arms, chooses, and reports.
    """
    picked = {selection.task.name: _picked(selection, (len(arms), seeds)) for selection in selections}
    names = list(picked)
    reference = np.stack([picked[name].reference for name in names])  # (tasks, seeds)
    best = np.stack([picked[name].best for name in names])
    draws = np.stack([picked[name].gain_draws.mean(axis=0) for name in names])  # (tasks, draws)
    floors = np.array([picked[name].floor for name in names])
    each = _contrasts(reference, best, draws, floors, margin, "tasks, best arm")
    whole = _contrasts(
        reference.mean(axis=0, keepdims=True),
        best.mean(axis=0, keepdims=True),
        draws.mean(axis=0, keepdims=True),
        floors.sum(keepdims=True) / len(names) ** 2,
        margin,
        "average, best arm",
    )
    tasks = {}
    for selection, contrast in zip(selections, each, strict=True):
        picks = picked[selection.task.name]
        total = picks.draws_chosen.total()
        tasks[selection.task.name] = Choice(
            selection.way,
            contrast,
            {arms[1 + at]: count for at, count in sorted(picks.chosen.items())},
            {arms[1 + at]: count / total for at, count in sorted(picks.draws_chosen.items())},
        )
    return BestArms(whole[0], tasks)


def _picked(selection: Selection, shape: tuple[int, int]) -> _Picked:
    reference, best, gains, floor = [], [], [], 0.0
    chosen: Counter[int] = Counter()
    draws_chosen: Counter[int] = Counter()
    for fold in selection.folds:
        on, scored = (_by_arm(scores, shape) for scores in (fold.chosen_on, fold.scored_on))
        choice = on[0][1:].argmax(axis=0)  # (seeds,)
        choice_draws = on[1][1:].argmax(axis=0)  # (seeds, draws)
        reference.append(scored[0][0])
        best.append(np.take_along_axis(scored[0][1:], choice[None], axis=0)[0])
        gains.append(np.take_along_axis(scored[1][1:], choice_draws[None], axis=0)[0] - scored[1][0])
        best_models = (1 + choice) * shape[1] + np.arange(shape[1])
        floors = fold.scored_on.floor(range(shape[1]), best_models.tolist())
        floor += float(floors.sum()) / len(fold.scored_on.languages) ** 2
        chosen.update(choice.tolist())
        draws_chosen.update(choice_draws.ravel().tolist())
    return _Picked(
        np.mean(reference, axis=0),
        np.mean(best, axis=0),
        np.mean(gains, axis=0),
        floor / len(selection.folds) ** 2,
        chosen,
        draws_chosen,
    )


def _by_arm(scores: TaskScores, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the means over languages: points (arms, seeds) and draws (arms, seeds, draws)."""
    return (
        scores.points.mean(axis=1).reshape(shape),
        scores.draws.mean(axis=1).reshape(*shape, -1),
    )


def _contrasts(
    reference: np.ndarray,
    best: np.ndarray,
    gain_draws: np.ndarray,
    floors: np.ndarray,
    margin: float,
    family: str,
) -> list[Contrast]:
    """Return the contrasts of points (members, seeds), of which gains (members, draws) were drawn."""
    seeds, df = pair_spread((best - reference).T)
    spread = Spread(np.sqrt(gain_draws.var(axis=-1, ddof=1) + floors), seeds, df)
    return contrasts(reference.mean(axis=1), best.mean(axis=1), spread, margin, family)
