"""Score of the worst language: the lowest over languages of the mean over the tasks that have it.

A quality objective as somebody would add it, in one file; see tests/pipelines/commands/test_added_objective.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from xpareto.eval.objectives._objective import Limit, Objective
from xpareto.eval.objectives.score import language_scores
from xpareto.eval.records.measurement import Measurement
from xpareto.eval.statistics.scores import Quality, ScoreTable


def worst_language(rows: Sequence[Measurement]) -> float | None:
    """Return the score in percent of the language that has the lowest."""
    by_language: dict[str, list[float]] = defaultdict(list)
    for (_, language), value in language_scores(rows).items():
        by_language[language].append(value)
    return min(map(fmean, by_language.values()), default=None)


def draws(table: ScoreTable) -> Quality:
    """Return the lowest language as it is, and in every draw, where it may be another one."""
    places = list(table.language_places)
    points = table.points[:, places]
    drawn = points[..., None] + table.examples[:, places]
    return Quality(points.min(axis=1), drawn.min(axis=1), float(table.floor[places].max()))


LIMIT = Limit("lowest_drop", "loss of the worst language", "points", "Most points off the worst language.")
OBJECTIVE = Objective(
    "worst_language",
    "Score of the worst language",
    "percent",
    "max",
    worst_language,
    role="quality",
    draws=draws,
    limits=(LIMIT,),
)
