"""The scores of a leaderboard folder, as XTREME's evaluate.py averages them, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from xpareto.compress.core import InputError, hint
from xpareto.eval.submission.format import FileScore
from xpareto.eval.submission.leaderboard import GROUPS, NINE, RETRIEVAL, file_of, format_of
from xpareto.eval.tasks import Task, task


@dataclass(frozen=True)
class TaskScore:
    """One task: its languages with scores, and the others with the reason why they have none."""

    task: Task
    languages: Mapping[str, FileScore]
    missing: Mapping[str, str]

    @property
    def complete(self) -> bool:
        return not self.missing

    @property
    def metrics(self) -> dict[str, float]:
        """Return the unweighted mean of every metric over the languages that are there, in percent."""
        scores = list(self.languages.values())
        return {name: fmean(score.metrics[name] for score in scores) for name in scores[0].metrics}

    @property
    def score(self) -> float:
        """Return the task's score: the mean of its first metrics, one, or two in question answering."""
        return fmean(self.metrics[name] for name in self.task.metrics[: self.task.scored_by])


@dataclass(frozen=True)
class Scores:
    """All that a folder scores. Only complete tasks make up groups and averages, as on the leaderboard."""

    tasks: Mapping[str, TaskScore]
    absent: Mapping[str, str]  # the other tasks of the nine, with the reason why they have no score
    ignored: tuple[str, ...]  # what lies in the two folders and belongs to no task or language

    @property
    def groups(self) -> dict[str, float]:
        """Return the mean over the tasks of every group whose tasks are all complete."""
        means_by_group = {}
        for group in GROUPS:
            group_tasks = [name for name in NINE if task(name).group == group]
            if self._complete(group_tasks):
                means_by_group[group] = fmean(self.tasks[name].score for name in group_tasks)
        return means_by_group

    @property
    def overall(self) -> float | None:
        """Return the mean of the nine tasks; None unless all nine are complete."""
        return self._mean(NINE) if self._complete(NINE) else None

    @property
    def overall_without_retrieval(self) -> float | None:
        """Return the mean of the seven tasks that are no retrieval; None unless all nine are complete."""
        kept = tuple(name for name in NINE if task(name).group != RETRIEVAL)
        return self._mean(kept) if self._complete(NINE) else None

    def _complete(self, names: tuple[str, ...] | list[str]) -> bool:
        return all(name in self.tasks and self.tasks[name].complete for name in names)

    def _mean(self, names: tuple[str, ...]) -> float:
        return fmean(self.tasks[name].score for name in names)


def score_folder(predictions: Path, labels: Path) -> Scores:
    """Return the scores of a folder of predictions against a folder of gold files, both in XTREME's shape.

    A task or language that only one side has, or neither, is named with the reason. InputError when a
    file is malformed, or when nothing can be scored at all.
    """
    for folder, what in ((predictions, "predictions"), (labels, "labels")):
        if not folder.is_dir():
            actual = "a file" if folder.exists() else "nothing"
            raise InputError(
                f"{folder}: expected a folder of {what} with {{task}}/test-{{language}} files, found {actual}."
            )
    tasks, absent = {}, {}
    for name in NINE:
        scored = _score_task(task(name), predictions, labels)
        if scored.languages:
            tasks[name] = scored
        else:
            sides = [side for side, folder in _sides(predictions, labels) if not (folder / name).is_dir()]
            absent[name] = f"no folder of {' and of '.join(sides)}" if sides else _why(scored)
    if not tasks:
        raise InputError(
            f"{predictions}: nothing to score against {labels}. Expected folders of both named after tasks "
            f"({', '.join(NINE)}), with files such as {file_of(Path(), task(NINE[0]), 'en').as_posix()}."
        )
    return Scores(tasks, absent, tuple(_ignored(predictions, labels)))


def _sides(predictions: Path, labels: Path) -> tuple[tuple[str, Path], tuple[str, Path]]:
    return ("predictions", predictions), ("labels", labels)


def _score_task(scored_task: Task, predictions: Path, labels: Path) -> TaskScore:
    scores, missing = {}, {}
    for language in scored_task.languages:
        files = [
            (side, file_of(folder, scored_task, language)) for side, folder in _sides(predictions, labels)
        ]
        lacking = [side for side, file in files if not file.is_file()]
        if lacking:
            missing[language] = f"no {' and no '.join(lacking)}"
            continue
        scores[language] = format_of(scored_task).score(files[0][1], files[1][1], scored_task, language)
    return TaskScore(scored_task, scores, missing)


def _why(scored: TaskScore) -> str:
    reasons = sorted(set(scored.missing.values()))
    return f"{'; '.join(reasons)} in any of its languages"


def _ignored(predictions: Path, labels: Path) -> Iterator[str]:
    """Yield what would else be passed over in silence: folders and files with a name that nothing has."""
    for _, folder in _sides(predictions, labels):
        for path in sorted(folder.iterdir()):
            if path.is_dir() and path.name not in NINE and not path.name.startswith("."):
                yield f"{path}: not one of the nine tasks.{hint(path.name, NINE)}"
        for name in NINE:
            known_task = task(name)
            wanted = [file_of(folder, known_task, language).name for language in known_task.languages]
            there = sorted((folder / name).iterdir()) if (folder / name).is_dir() else []
            for path in there:
                if path.name not in wanted and not path.name.startswith("."):
                    yield f"{path}: not a file of {name}.{hint(path.name, wanted)}"
