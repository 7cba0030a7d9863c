"""Mean over tasks of the mean over languages of each task's score (see eval.tasks.Task.scored_by)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from xpareto.eval.objectives._objective import Limit, Objective
from xpareto.eval.records import Measurement
from xpareto.eval.tasks import TASKS, task

if TYPE_CHECKING:
    from xpareto.eval.statistics import Quality, ScoreTable


def score(rows: Sequence[Measurement]) -> float | None:
    """Return the mean in percent, English included."""
    by_task: dict[str, list[float]] = defaultdict(list)
    for (name, _), value in language_scores(rows).items():
        by_task[name].append(value)
    return fmean(fmean(languages) for languages in by_task.values()) if by_task else None


def language_scores(rows: Sequence[Measurement]) -> dict[tuple[str, str], float]:
    """Return the score in percent of each task in each language.

    It is the mean of the task's first `scored_by` metrics; a language that lacks an ok row of one of them
    is left out. Of a task that a recipe declares it is the first metric, whose row comes first.
    """
    scored: dict[str, tuple[str, ...]] = {}
    metrics: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.probe == "accuracy" and row.task and row.language:
            if row.task not in scored:
                known = task(row.task) if row.task in TASKS.names else None
                scored[row.task] = (row.statistic,) if known is None else known.metrics[: known.scored_by]
            if row.status == "ok" and row.value is not None and row.statistic in scored[row.task]:
                metrics[row.task, row.language][row.statistic].append(row.value)
    return {
        (name, language): fmean(fmean(repeats) for repeats in values.values())
        for (name, language), values in metrics.items()
        if len(values) == len(scored[name])
    }


def score_draws(table: ScoreTable) -> Quality:
    """Return the average over tasks, as it is and in every draw."""
    return table.quantity(0)


LIMITS = (
    Limit("max_drop", "drop", "points", "Most points to lose on average."),
    Limit(
        "worst_language_drop",
        "worst language's drop",
        "points",
        "Most points to lose in any language.",
        by_language=True,
    ),
)
OBJECTIVE = Objective(
    "score", "Score", "percent", "max", score,
    role="quality", draws=score_draws, alias="score", limits=LIMITS, place=0,
)  # fmt: skip
