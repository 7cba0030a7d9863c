"""Which classes a compression costs: the recall of each class, beside the baseline's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xpareto.eval.results import ClassRecalls, Recall, RunSummary, class_recalls

MOST_CLASSES = 20  # that a page shows; recall.csv has them all
WIDE = 10.0  # points of half an interval beyond which a recall tells next to nothing


@dataclass(frozen=True)
class TaskRecall:
    """The recall of one task over its languages, a row for each candidate, the baseline's first."""

    task: str
    classes: tuple[tuple[str, int, bool], ...]  # name, examples, too few to tell
    rows: tuple[tuple[str, tuple[Recall | None, ...]], ...]
    hidden: int  # classes beyond the commonest, which are shown


def task_recalls(run_summary: RunSummary) -> tuple[TaskRecall, ...]:
    """Return what a page shows of each task of one's own; none of runs of earlier versions."""
    run = run_summary.run
    return tuple(_task(task, found, run.baseline) for task, found in class_recalls(run.rows).items())


def recall_rows(run_summary: RunSummary) -> Iterator[list[object]]:
    """Yield candidate, task, language, class, recall, half of its interval, examples and change from the baseline."""
    run = run_summary.run
    for task, found in class_recalls(run.rows).items():
        for candidate in found.counts:
            for language in (None, *run.tasks[task].languages):
                for label in found.classes:
                    recall = found.of(candidate, label, run.baseline, language)
                    if recall is not None:
                        score = recall.score
                        row: list[object] = [candidate, task, language or "", label, score.value, score.half]
                        yield [*row, score.examples, recall.change]


def _task(task: str, found: ClassRecalls, baseline: str) -> TaskRecall:
    names = [name for name in (baseline, *found.counts) if name in found.counts]
    shown = found.classes[:MOST_CLASSES]
    rows = {name: tuple(found.of(name, label, baseline) for label in shown) for name in names}
    classes = tuple(_class(label, first) for label, first in zip(shown, rows[names[0]], strict=True))
    return TaskRecall(task, classes, tuple(rows.items()), len(found.classes) - len(shown))


def _class(label: str, recall: Recall | None) -> tuple[str, int, bool]:
    if recall is None:
        return label, 0, True
    return label, recall.score.examples, recall.score.half is None or recall.score.half > WIDE
