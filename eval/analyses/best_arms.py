"""The best arm per task of a run, chosen on a dev run of the same models or by cross-fitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.analyses.documents import THESE_MODELS, BestArm
from xpareto.eval.comparison import Fold, Selection, best_arms, cross_fitted, undecided_best
from xpareto.eval.results import (
    Run,
    RunSummary,
    TaskFacts,
    counted,
    match,
    nothing_learnt,
    task_outcomes,
    task_tuning,
    uncompressed_models,
    unlearnt,
)
from xpareto.eval.statistics import TaskScores, task_scores

DEV = "dev"


def best_arm(
    run_summary: RunSummary,
    folder: Path,
    reference: str,
    arms: Sequence[str],
    dev: tuple[Run, Path] | None,
    margin: float,
    resamples: int,
    seed: int,
) -> BestArm:
    """Return the contrast of the best of `arms` per task with `reference`.

    Tasks and languages that none of these arms has learnt do not count (see eval.results.learnt).
    Outcomes of the run lie in `folder`. `dev` is a run of the same models that scored dev splits (see
    `serves_as_dev`), with its folder. `margin` is in points. InputError when the arms have no common seeds,
    or outcomes were not kept.
    """
    matched = match(run_summary, reference, arms[0])
    missing = [arm for arm in arms if arm not in matched.arms]
    if missing:
        raise InputError(
            f"{folder}: the best arm per task needs every arm in the seeds of {reference} and {arms[0]}; "
            f"without: {', '.join(missing)}. Repeat the run, or see its failures."
        )
    every = (reference, *arms)
    names = [name for arm in every for name in matched.names[matched.arms.index(arm)][0]]
    at_chance = unlearnt(
        run_summary.run, run_summary.cells, uncompressed_models(run_summary.run, every) or names
    )
    tasks = counted(run_summary.run.tasks, at_chance)
    selections = []
    for facts in tasks.values():
        if not facts.languages:
            continue
        on_dev = dev[0].tasks.get(facts.name) if dev is not None else None
        if dev is not None and on_dev is not None and facts.split != DEV:
            scored_on = _scores(folder, run_summary.run, facts, names, seed, resamples)
            counting = [code for code in on_dev.languages if code in facts.languages]
            on_dev = replace(on_dev, languages=tuple(counting) or on_dev.languages)
            chosen_on = _scores(dev[1], dev[0], on_dev, names, seed, resamples, DEV)
            selections.append(Selection(facts.task, "dev", (Fold(chosen_on, scored_on),)))
        else:
            outcomes = task_outcomes(folder, run_summary.run, facts, names)
            tuning = task_tuning(folder, facts, names, outcomes)
            selections.append(cross_fitted(facts.task, outcomes, seed, resamples, tuning))
    compared = best_arms(selections, every, len(matched.seeds), margin)
    if nothing_learnt({name: facts.languages for name, facts in tasks.items()}, at_chance):
        compared = undecided_best(compared)
    return BestArm(
        run=run_summary.run.origins[0].run,
        dev_run=dev[0].origins[0].run if dev is not None else None,
        reference=reference,
        arms=tuple(arms),
        variant=matched.variants[0],
        seeds=matched.seeds,
        scope="training" if len(matched.seeds) > 1 else THESE_MODELS,
        margin=margin,
        resamples=resamples,
        seed=seed,
        synthetic=run_summary.run.synthetic,
        unlearnt=at_chance,
        average=compared.average,
        tasks=compared.tasks,
    )


def serves_as_dev(run: Run, other: Run) -> bool:
    """Did `other` score dev splits, and nothing else, with models of `run`, which scored others?

    It may leave arms and training sets out, but every model that it has must be one of `run`'s.
    """
    models = {candidate.name: candidate.artifacts for candidate in run.candidates}
    same = all(
        digest == models.get(candidate.name, {}).get(training_set)
        for candidate in other.candidates
        for training_set, digest in candidate.artifacts.items()
    )
    all_dev = all(facts.split == DEV for facts in other.tasks.values())
    return same and all_dev and any(facts.split != DEV for facts in run.tasks.values())


def _scores(
    folder: Path,
    run: Run,
    facts: TaskFacts,
    names: Sequence[str],
    seed: int,
    draws: int,
    part: str = "",
) -> TaskScores:
    outcomes = task_outcomes(folder, run, facts, names)
    tuning = task_tuning(folder, facts, names, outcomes)
    return task_scores(facts.task, outcomes, seed, draws, None, tuning, part)
