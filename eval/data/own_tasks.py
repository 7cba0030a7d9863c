"""Tasks that a recipe declares: their examples by language and split, of files or the hub, some cut from train."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from xpareto.compress.core import InputError, json_sha256
from xpareto.eval.data.cut import cut_off
from xpareto.eval.data.hub import Hub, HubFile
from xpareto.eval.tasks import KINDS, Example, Task

TRAIN = "train"


@dataclass(frozen=True)
class Reading:
    """Rows of a file that belong together: those of one language and split, or of all that it has ("")."""

    file: Path | HubFile
    language: str = ""
    split: str = ""

    def overlaps(self, other: Reading) -> bool:
        """Tell whether a row may be in both."""
        pairs = ((self.language, other.language), (self.split, other.split))
        return self.file == other.file and all(one == two or not one or not two for one, two in pairs)


class OwnTasks:
    """The tasks of one recipe. What was read stays in memory, since a cut needs the train split of every language."""

    def __init__(self, tasks: Iterable[Task], hub: Callable[[], Hub]) -> None:
        self.tasks = {task.name: task for task in tasks}
        self._hub = hub
        self._read: dict[tuple[str, str, str, bool], list[Example]] = {}
        self._cut: dict[str, dict[str, dict[str, list[Example]]]] = {}

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the languages that have an example of a split, in the task's order."""
        if task.hub is not None:
            return task.languages if self._given(task, split) or self._is_cut(task, split) else ()
        return tuple(
            language
            for language in task.languages
            if all(map(_is_file, self.files(task, language, split))) and self.examples(task, language, split)
        )

    def files(self, task: Task, language: str, split: str) -> tuple[Path | HubFile, ...]:
        """Return what is read for one language of a split; () where the task has none."""
        given = split if self._given(task, split) else TRAIN if self._is_cut(task, split) else ""
        if not given:
            return ()
        if task.hub is not None:
            return (self._hub().task_file(task, language, given),)
        return tuple(Path(name) for name in task.file_names(language, given))

    def examples(self, task: Task, language: str, split: str, labelled: bool = False) -> list[Example]:
        """Return the examples of one language of a split, all of them in the files' order; [] where there are none.

        `labelled` demands the gold of each. InputError names file:line where one is malformed.
        """
        if language not in task.languages:
            raise InputError(
                f'Task {task.name} has no language "{language}". It has: {", ".join(task.languages)}.'
            )
        if task.cut is not None and split in (TRAIN, *task.cut.shares):
            if task.name not in self._cut:
                whole = {code: self._examples(task, code, TRAIN, True) for code in task.languages}
                self._cut[task.name] = cut_off(whole, task.cut)
            return self._cut[task.name][split][language]
        return self._examples(task, language, split, labelled) if self._given(task, split) else []

    def training(self, task: Task, split: str, language: str | None) -> list[Example]:
        """Return the labelled examples of train or dev in one language, or (None) in all that are learnt from."""
        return [
            example
            for code in self.learnt(task, language)
            if language is not None or code in self.languages(task, split)
            for example in self.examples(task, code, split, labelled=True)
        ]

    def learnt(self, task: Task, language: str | None = None) -> tuple[str, ...]:
        """Return the languages whose train split is learnt from: the one that is named, else the task's."""
        return (language,) if language is not None else task.train_languages or self.languages(task, TRAIN)

    def readings(self, task: Task, language: str, split: str) -> set[Reading]:
        """Return which rows of which files are read."""
        cut = task.cut is not None and split in (TRAIN, *task.cut.shares)
        apart = cut or "{split}" in task.where.values()
        code = language if "{language}" in task.where.values() else ""
        return {Reading(file, code, split if apart else "") for file in self.files(task, language, split)}

    def digest(self, name: str) -> str:
        """Return what identifies which examples a declaration gives (hex sha256), wherever its files lie.

        Their bytes are not in it, nor how answers are scored.
        """
        fields = asdict(self.tasks[name])
        for scoring in ("metrics", "scored_by", "max_length", "trained_on", "parallel", "prompts"):
            del fields[scoring]
        for added in (
            fields,
            fields["hub"] or {},
        ):  # later than the first keys: where they say nothing, they are left out
            for name in ("label_columns", "separator"):
                if name in added and not added[name]:
                    del added[name]
        files = {split: [Path(file).name for file in names] for split, names in fields.pop("files").items()}
        return json_sha256([fields, files])

    def _given(self, task: Task, split: str) -> bool:
        return split in (task.files if task.hub is None else task.hub.splits)

    def _is_cut(self, task: Task, split: str) -> bool:
        return task.cut is not None and split in task.cut.shares

    def _examples(self, task: Task, language: str, split: str, labelled: bool) -> list[Example]:
        key = (task.name, language, split, labelled)
        if key not in self._read:
            self._read[key] = self._from_files(task, language, split, labelled)
        return self._read[key]

    def _from_files(self, task: Task, language: str, split: str, labelled: bool) -> list[Example]:
        files = self.files(task, language, split)
        if task.hub is not None:
            return [
                row
                for file in files
                if isinstance(file, HubFile)
                for row in self._hub().examples(file, task, None, language)
            ]
        paths = [file for file in files if isinstance(file, Path)]
        if not all(map(_is_file, paths)):
            return []  # a language without a file of this split
        kind, rows = KINDS.load(task.kind), replace(task, where=task.rows(language, split))
        read: list[Example] = [*kind.read(paths, rows, labelled)]
        return read


def _is_file(file: Path | HubFile) -> bool:
    return isinstance(file, HubFile) or file.is_file()
