"""The best arm per task of a run, chosen on a dev run of the same models or by cross-fitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from compress.errors import InputError
from eval.best_arm import Fold, Selection, best_arms, cross_fitted
from eval.contrast_scores import TaskScores, task_scores
from eval.results.document import TaskFacts
from eval.task import task
from pipelines.comparison import write_beside_report
from pipelines.matching import match
from pipelines.outcomes import task_outcomes, task_tuning
from pipelines.runfolder import RunFolder
from reports.best_arm import FILE, SCHEMA, markdown_of
from reports.run import Run, read_runs
from reports.study import study

DEV = "dev"


def best_of_run(
    run: RunFolder,
    reference: str,
    arms: Sequence[str],
    dev_run: RunFolder | None,
    margin: float,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Return the contrast of the best of `arms` per task with `reference`, as one JSON document.

    `dev_run` is a run of the same models that scored dev splits (see `serves_as_dev`). InputError when
    the arms have no common seeds, or outcomes were not kept.
    """
    found = study(read_runs([run.path]))
    matched = match(found, reference, arms[0])
    missing = [arm for arm in arms if arm not in matched.arms]
    if missing:
        raise InputError(
            f"{run.path}: the best arm per task needs every arm in the seeds of {reference} and {arms[0]}; "
            f"without: {', '.join(missing)}. Repeat the run, or see its failures."
        )
    every = (reference, *arms)
    names = [name for arm in every for name in matched.names[matched.arms.index(arm)][0]]
    dev = read_runs([dev_run.path]) if dev_run is not None else None
    selections = []
    for facts in found.run.tasks.values():
        if not facts.languages:
            continue
        own = _scores(run.path, found.run, facts, names, seed, resamples)
        other = dev.tasks.get(facts.name) if dev is not None else None
        if dev is not None and dev_run is not None and other is not None and facts.split != DEV:
            chosen_on = _scores(dev_run.path, dev, other, names, seed, resamples, DEV)
            selections.append(Selection(task(facts.name), "dev", (Fold(chosen_on, own),)))
        else:
            outcomes = task_outcomes(run.path, found.run, facts, names)
            tuning = task_tuning(run.path, facts, names, outcomes)
            selections.append(cross_fitted(task(facts.name), outcomes, seed, resamples, tuning))
    compared = best_arms(selections, every, len(matched.seeds), margin)
    return {
        "schema": SCHEMA,
        "run": found.run.origins[0].run,
        "dev_run": dev.origins[0].run if dev is not None else None,
        "reference": reference,
        "arms": list(arms),
        "variant": matched.variants[0],
        "seeds": list(matched.seeds),
        "scope": "training" if len(matched.seeds) > 1 else "these models",
        "margin": margin,
        "resamples": resamples,
        "seed": seed,
        "synthetic": found.run.synthetic,
        **asdict(compared),
    }


def write_best(run: RunFolder, document: dict[str, Any]) -> list[Path]:
    """Write best-arm.md and .json beside the report; return their paths."""
    return write_beside_report(run, FILE, markdown_of(document), document)


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
    return task_scores(task(facts.name), outcomes, seed, draws, None, tuning, part)
