"""Show the scores of a leaderboard folder: as text with every missing piece named, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xpareto.eval.submission import GROUPS, NINE, Scores, TaskScore, title

SCHEMA = 1


def scores_text(scores: Scores, predictions: Path, labels: Path) -> str:
    """Return the scores as plain text; scores of tasks and averages have ten decimals."""
    parts = [f"{predictions} against {labels}, in percent\n"]
    parts += _table(["task", "group", "languages", "", "", ""], _task_rows(scores))
    parts.append("")
    parts += _table(["average of", "", ""], _average_rows(scores))
    for scored in scores.tasks.values():
        names = list(scored.metrics)
        header = [scored.task.name, *names, "examples"]
        rows = [
            [language, *(f"{score.metrics[name]:.4f}" for name in names), str(score.examples)]
            for language, score in scored.languages.items()
        ]
        parts += ["", *_table(header, rows)]
    notes = list(_notes(scores))
    if notes:
        parts += ["", "not scored, or left out:", *(f"  {note}" for note in notes)]
    return "\n".join(parts) + "\n"


def scores_json(scores: Scores, predictions: Path, labels: Path) -> str:
    """Return the scores as JSON; averages that cannot be reported are null."""
    document = {
        "schema": SCHEMA,
        "predictions": str(predictions),
        "labels": str(labels),
        "unit": "percent",
        "tasks": {name: _task_json(scored) for name, scored in scores.tasks.items()},
        "groups": scores.groups,
        "overall": scores.overall,
        "overall_without_retrieval": scores.overall_without_retrieval,
        "missing_tasks": dict(scores.absent),
        "ignored": list(scores.ignored),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _task_json(scored: TaskScore) -> dict[str, Any]:
    return {
        "group": scored.task.group,
        "score": scored.score,
        "complete": scored.complete,
        "metrics": scored.metrics,
        "titles": {name: title(scored.task.name, name) for name in scored.metrics},
        "languages": {
            language: {
                "metrics": dict(score.metrics),
                "examples": score.examples,
                "unanswered": score.unanswered,
                "unknown": score.unknown,
            }
            for language, score in scored.languages.items()
        },
        "missing_languages": dict(scored.missing),
    }


def _task_rows(scores: Scores) -> Iterator[list[str]]:
    for name, scored in scores.tasks.items():
        there, all_of_them = len(scored.languages), len(scored.task.languages)
        scoring_metrics = scored.task.metrics[: scored.task.scored_by]
        first = [name, scored.task.group, f"{there} of {all_of_them}"]
        if len(scoring_metrics) > 1:
            yield [*first, "score", _exact(scored.score), f"mean of {' and '.join(scoring_metrics)}"]
            first = ["", "", ""]
        for metric, value in scored.metrics.items():
            yield [*first, metric, _exact(value), title(name, metric)]
            first = ["", "", ""]


def _average_rows(scores: Scores) -> Iterator[list[str]]:
    for group in GROUPS:
        if group in scores.groups:
            yield [group, _exact(scores.groups[group]), ""]
        else:
            yield [group, "-", "only when all its tasks are complete"]
    if scores.overall is None or scores.overall_without_retrieval is None:
        scored = [name for name, item in scores.tasks.items() if item.complete]
        yield ["all nine tasks", "-", f"only when all nine are complete; complete here: {len(scored)}"]
        return
    yield ["all nine tasks", _exact(scores.overall), "the official (legacy) average"]
    yield ["seven tasks", _exact(scores.overall_without_retrieval), "without retrieval"]


def _notes(scores: Scores) -> Iterator[str]:
    for name in NINE:
        if name in scores.absent:
            yield f"{name}: {scores.absent[name]}"
            continue
        scored = scores.tasks[name]
        for reason, languages in _by_reason(scored.missing).items():
            yield f"{name}: {reason}: {', '.join(languages)}; its score is the mean of the others"
        for language, score in scored.languages.items():
            if score.unanswered:
                yield f"{name} {language}: {score.unanswered} of {score.examples} questions unanswered; they score 0"
            if score.unknown:
                yield f"{name} {language}: {score.unknown} predictions for ids that the gold does not have"
    yield from scores.ignored


def _by_reason(missing: Mapping[str, str]) -> dict[str, list[str]]:
    languages_by_reason: dict[str, list[str]] = {}
    for language, reason in missing.items():
        languages_by_reason.setdefault(reason, []).append(language)
    return languages_by_reason


def _exact(value: float) -> str:
    return f"{value:.10f}"


def _table(header: Sequence[str], rows: Iterator[list[str]] | Sequence[list[str]]) -> list[str]:
    """Return aligned lines; plain text, since a table that is folded to a width breaks its numbers."""
    cells = [list(header), *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(
            cell.rjust(width) if _number(cell) else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def _number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdigit()
