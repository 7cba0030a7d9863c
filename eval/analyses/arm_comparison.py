"""Two arms of a run compared: the statistics of eval.comparison.arms on the outcomes and costs of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.analyses.documents import (
    THESE_MODELS,
    ArmComparison,
    ComparedObjective,
    ComparedTask,
    ReferencePoint,
    RestsOn,
    SeenEntry,
    TrainingStep,
)
from xpareto.eval.comparison import Cost, Design, compare, undecided
from xpareto.eval.pareto import REFERENCE_OCTAVES, REFERENCE_SCORE
from xpareto.eval.results import (
    Candidate,
    Matched,
    Provenance,
    RunSummary,
    TaskFacts,
    Unlearnt,
    counted,
    line,
    match,
    nothing_learnt,
    seen_languages,
    task_clusters,
    task_outcomes,
    task_tuning,
    uncompressed_models,
    unlearnt,
)
from xpareto.eval.statistics import COST_MARGIN, TaskScores, task_scores

_NOTHING: Mapping[str, Provenance] = {}
_TRAINING_FIELDS = ("on", "languages", "steps", "max_steps", "epochs", "batch_size")


def compare_arms(
    run_summary: RunSummary, folder: Path, a: str, b: str, margin: float, resamples: int, seed: int
) -> ArmComparison:
    """Return the comparison of arm B with arm A of a run whose outcomes lie in `folder`, without caveats.

    `margin` is in points of score. Tasks and languages that neither arm's uncompressed models have learnt do
    not count (see eval.results.learnt): with no other arms they are those of the run's page. Where that is all
    of them, nothing is decided. InputError for arms that cannot be compared, or outcomes that were not kept.
    """
    _check_numbers(margin, resamples, seed)
    matched = match(run_summary, a, b)
    first = [name for side in matched.names[:2] for name in side[0]]  # of arms whose trainings are swept, say
    models = uncompressed_models(run_summary.run, (a, b)) or first
    at_chance = unlearnt(run_summary.run, run_summary.cells, models)
    tasks = counted(run_summary.run.tasks, at_chance)
    scores = _scores(folder, run_summary, tasks, matched, resamples, seed)
    if not scores:
        raise InputError(f"{folder}: no task of this run has outcomes in any language.")
    design = Design(matched.arms, matched.variants, matched.seeds, scores, _costs(run_summary, matched))
    compared = compare(design, margin)
    if nothing_learnt({name: facts.languages for name, facts in tasks.items()}, at_chance):
        compared = undecided(compared)
    return ArmComparison(
        run=run_summary.run.origins[0].run,
        recipe=run_summary.run.origins[0].recipe,
        arms=(a, b),
        labels=matched.labels,
        same_arm=matched.same_arm,
        scope="training" if len(matched.seeds) > 1 else THESE_MODELS,
        margin=margin,
        cost_margin=COST_MARGIN,
        reference=ReferencePoint(
            score=REFERENCE_SCORE, octaves=REFERENCE_OCTAVES, baseline=run_summary.run.baseline
        ),
        resamples=resamples,
        seed=seed,
        rests_on=_rests_on(run_summary, matched, scores, at_chance),
        variants=compared.variants,
        hypervolume=compared.hypervolume,
        joint_hypervolume=compared.joint_hypervolume,
        iso_cost=compared.iso_cost,
    )


def training_steps(candidate: Candidate, made: Mapping[str, Provenance] = _NOTHING) -> list[TrainingStep]:
    """Return the trainings of a candidate's chain, with their data, what bounds their length, and their tokens.

    A step that trains one model for each training set counts the tokens of all.
    """
    work = dict.fromkeys(piece for key in candidate.keys.values() for piece in line(key, made))
    trained: dict[str, list[int | None]] = {}
    for piece in work:
        if made[piece].step == "train":
            trained.setdefault(made[piece].label, []).append(made[piece].tokens)
    return [
        TrainingStep(
            label=step.label or step.step,
            tokens=_sum(trained.get(step.label, [])),
            until_tokens=step.fields.get("tokens"),
            **{name: step.fields.get(name) for name in _TRAINING_FIELDS},
        )
        for step in candidate.steps
        if step.step == "train"
    ]


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def seen_entry(candidate: Candidate) -> SeenEntry:
    """Return the languages that a candidate's training saw."""
    seen = seen_languages(candidate)
    return SeenEntry(labels=seen.labels, text=seen.text, whole_texts=seen.whole_texts)


def _check_numbers(margin: float, resamples: int, seed: int) -> None:
    if not 0 < margin < 100:
        raise InputError(f"--margin: expected points above 0 and below 100, found {margin:g}.")
    if not 100 <= resamples <= 100_000:
        raise InputError(f"--resamples: expected 100 to 100000 draws, found {resamples}.")
    if seed < 0:
        raise InputError(f"--seed: expected a whole number from 0 on, found {seed}.")


def _scores(
    folder: Path,
    run_summary: RunSummary,
    tasks: Mapping[str, TaskFacts],
    matched: Matched,
    resamples: int,
    seed: int,
) -> tuple[TaskScores, ...]:
    names = matched.flat
    drawn = range(2 * len(matched.variants) * len(matched.seeds))
    scores = []
    for facts in tasks.values():
        if facts.languages:
            outcomes = task_outcomes(folder, run_summary.run, facts, names)
            tuning = task_tuning(folder, facts, names, outcomes)
            clusters = task_clusters(folder, facts, names[0])
            scores.append(
                task_scores(facts.task, outcomes, seed, resamples, list(drawn), tuning, clusters=clusters)
            )
    return tuple(scores)


def _costs(run_summary: RunSummary, matched: Matched) -> tuple[Cost, ...]:
    shape = (len(matched.arms), len(matched.variants), len(matched.seeds))
    costs = []
    for name in run_summary.costs:
        values = [run_summary.value(candidate, name) for candidate in matched.flat]
        baseline = run_summary.value(run_summary.run.baseline, name)
        if not baseline or baseline <= 0:
            continue  # without the baseline's there is no reference
        array = np.array([value if value and value > 0 else np.nan for value in values]).reshape(shape)
        costs.append(Cost(name, run_summary.objectives[name].sense, array, baseline))
    return tuple(costs)


def _rests_on(
    run_summary: RunSummary, matched: Matched, scores: tuple[TaskScores, ...], at_chance: Unlearnt
) -> RestsOn:
    sides = dict(zip(matched.labels, matched.names, strict=False))
    return RestsOn(
        pairs=len(matched.variants) * len(matched.seeds),
        variants=matched.variants,
        seeds=matched.seeds,
        pooled_arms=matched.arms[2:],
        candidates={label: tuple(name for row in names for name in row) for label, names in sides.items()},
        left_out=matched.left_out,
        tasks=_tasks(run_summary, scores),
        unlearnt=at_chance,
        objectives={
            name: ComparedObjective(title=objective.title, sense=objective.sense)
            for name, objective in run_summary.objectives.items()
        },
        training={
            label: tuple(training_steps(run_summary.run.candidate(names[0][0]), run_summary.run.made))
            for label, names in sides.items()
        },
        seen={label: seen_entry(run_summary.run.candidate(names[0][0])) for label, names in sides.items()},
        incomplete=run_summary.run.incomplete,
        synthetic=run_summary.run.synthetic,
        changed=run_summary.run.changed,
    )


def _tasks(run_summary: RunSummary, scores: tuple[TaskScores, ...]) -> Mapping[str, ComparedTask]:
    tasks = {}
    for task_score in scores:
        facts = run_summary.run.tasks[task_score.task]
        tasks[task_score.task] = ComparedTask(
            group=task_score.group,
            examples=dict(zip(task_score.languages, task_score.examples, strict=True)),
            missing=facts.missing,
            limit=facts.limit,
            split=facts.split,
            drawn_together=task_score.clustered,
            retuned=task_score.retuned,
        )
    return tasks
