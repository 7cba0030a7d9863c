"""Compare two arms of a finished run: the statistics of eval.contrast on what the run kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from compress.core.atomic import replace_text, writing
from compress.errors import InputError
from eval.contrast import Compared, Design, compare
from eval.contrast_costs import Cost
from eval.contrast_frontier import REFERENCE_OCTAVES, REFERENCE_SCORE
from eval.contrast_scores import TaskScores, task_scores
from eval.cost_noise import COST_MARGIN
from eval.task import task
from pipelines.matching import Matched, match
from pipelines.outcomes import task_clusters, task_outcomes, task_tuning
from pipelines.runfolder import RunFolder
from reports.compared import SCHEMA, markdown_of
from reports.compared_caveats import caveats_of
from reports.run import read_runs
from reports.study import Study, study


def compare_run(run: RunFolder, a: str, b: str, margin: float, resamples: int, seed: int) -> dict[str, Any]:
    """Return the comparison of arm B with arm A as one JSON document (see reports.compared).

    InputError for arms that cannot be compared, or outcomes that were not kept.
    """
    _check_numbers(margin, resamples, seed)
    found = study(read_runs([run.path]))
    matched = match(found, a, b)
    scores = _scores(run.path, found, matched, resamples, seed)
    if not scores:
        raise InputError(f"{run.path}: no task of this run has outcomes in any language.")
    costs = _costs(found, matched)
    compared = compare(Design(matched.arms, matched.variants, matched.seeds, scores, costs), margin)
    document = {
        "schema": SCHEMA,
        "run": found.run.origins[0].run,
        "recipe": found.run.origins[0].recipe,
        "arms": [a, b],
        "labels": list(matched.labels),
        "same_arm": matched.same_arm,
        "scope": "training" if len(matched.seeds) > 1 else "these models",
        "margin": margin,
        "cost_margin": COST_MARGIN,
        "reference": {"score": REFERENCE_SCORE, "octaves": REFERENCE_OCTAVES, "baseline": found.run.baseline},
        "resamples": resamples,
        "seed": seed,
        "rests_on": _rests_on(found, matched, scores),
        **_plain(compared),
    }
    document["caveats"] = caveats_of(document)
    return document


def write_comparison(run: RunFolder, document: Mapping[str, Any]) -> list[Path]:
    """Write compare-A-B.md and .json beside the report; return their paths."""
    a, b = document["arms"]
    return write_beside_report(run, f"compare-{a}-{b}", markdown_of(document), document)


def write_beside_report(run: RunFolder, stem: str, page: str, document: Mapping[str, Any]) -> list[Path]:
    """Write a page as `stem`.md and its document as `stem`.json beside the run's report; return their paths."""
    folder = run.path / "report"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    markdown, data = folder / f"{stem}.md", folder / f"{stem}.json"
    replace_text(markdown, page)
    replace_text(data, as_json(document))
    return [markdown, data]


def as_json(document: Mapping[str, Any]) -> str:
    """Return the document as JSON text; numbers are finite."""
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _check_numbers(margin: float, resamples: int, seed: int) -> None:
    if not 0 < margin < 100:
        raise InputError(f"--margin: expected points above 0 and below 100, found {margin:g}.")
    if not 100 <= resamples <= 100_000:
        raise InputError(f"--resamples: expected 100 to 100000 draws, found {resamples}.")
    if seed < 0:
        raise InputError(f"--seed: expected a whole number from 0 on, found {seed}.")


def _scores(
    folder: Path, found: Study, matched: Matched, resamples: int, seed: int
) -> tuple[TaskScores, ...]:
    names = matched.flat
    drawn = range(2 * len(matched.variants) * len(matched.seeds))
    scores = []
    for facts in found.run.tasks.values():
        if facts.languages:
            outcomes = task_outcomes(folder, found.run, facts, names)
            tuning = task_tuning(folder, facts, names, outcomes)
            clusters = task_clusters(folder, facts, names[0])
            scores.append(
                task_scores(
                    task(facts.name), outcomes, seed, resamples, list(drawn), tuning, clusters=clusters
                )
            )
    return tuple(scores)


def _costs(found: Study, matched: Matched) -> tuple[Cost, ...]:
    shape = (len(matched.arms), len(matched.variants), len(matched.seeds))
    costs = []
    for name in found.costs:
        values = [found.value(candidate, name) for candidate in matched.flat]
        baseline = found.value(found.run.baseline, name)
        if not baseline or baseline <= 0:
            continue  # without the baseline's there is no reference
        array = np.array([value if value and value > 0 else np.nan for value in values]).reshape(shape)
        costs.append(Cost(name, found.objectives[name].sense, array, baseline))
    return tuple(costs)


def _rests_on(found: Study, matched: Matched, scores: tuple[TaskScores, ...]) -> dict[str, Any]:
    by_name = found.run.tasks
    return {
        "pairs": len(matched.variants) * len(matched.seeds),
        "variants": list(matched.variants),
        "seeds": list(matched.seeds),
        "pooled_arms": list(matched.arms[2:]),
        "candidates": {
            label: [name for row in matched.names[side] for name in row]
            for side, label in enumerate(matched.labels)
        },
        "left_out": dict(matched.left_out),
        "tasks": {
            item.task: {
                "group": item.group,
                "examples": dict(zip(item.languages, item.examples, strict=True)),
                "missing": list(by_name[item.task].missing),
                "limit": by_name[item.task].limit,
                "split": by_name[item.task].split,
                "drawn_together": item.clustered,
                "retuned": item.retuned,
                "chance": _chance(item.task),
            }
            for item in scores
        },
        "objectives": {
            name: {"title": objective.title, "sense": objective.sense}
            for name, objective in found.objectives.items()
        },
        "training": {
            label: _training(found, matched.names[side][0][0]) for side, label in enumerate(matched.labels)
        },
        "incomplete": {name: list(parts) for name, parts in found.run.incomplete.items()},
        "synthetic": found.run.synthetic,
        "changed": {name: list(files) for name, files in found.run.changed.items()},
    }


def _chance(name: str) -> float | None:
    """Return the score, in percent, of guessing one class of a task; None where no class is guessed."""
    found = task(name)
    return 100 / len(found.labels) if found.kind == "classify" and found.labels else None


def _training(found: Study, candidate: str) -> list[dict[str, Any]]:
    """Return the training steps of a candidate's chain, with their data and what bounds their length."""
    wanted = ("on", "languages", "steps", "max_steps", "epochs", "batch_size")
    return [
        {"label": step.label or step.step, **{name: step.fields.get(name) for name in wanted}}
        for step in found.run.candidate(candidate).steps
        if step.step == "train"
    ]


def _plain(compared: Compared) -> dict[str, Any]:
    raw = asdict(compared)
    return {
        "variants": list(raw["variants"]),
        "hypervolume": raw["hypervolume"],
        "joint_hypervolume": raw["joint_hypervolume"],
        "iso_cost": raw["iso_cost"],
    }
