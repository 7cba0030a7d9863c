"""XTREME's folder layout: which files belong to what, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import KINDS, TASKS, Example, Task, TrainingSet

_XTREME = "xtreme/"


@dataclass(frozen=True)
class Folder:
    """A data folder: `root` as the user named it, `xtreme` the part in XTREME's layout."""

    root: Path
    xtreme: Path

    @staticmethod
    def open(root: Path, any_layout: bool = False) -> Folder:
        """Return the folder; InputError unless it is XTREME's download/ or holds xtreme/, or has `any_layout`."""
        if not root.is_dir():
            actual = "a file" if root.exists() else "nothing"
            raise InputError(f"{root}: expected a data folder, found {actual}. Check --data.")
        if (root / _XTREME).is_dir():
            return Folder(root, root / _XTREME)
        if any_layout or any((root / name).is_dir() for name in TASKS.names):
            return Folder(root, root)
        there = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
        raise InputError(
            f"{root}: expected XTREME's download folder (with {', '.join(TASKS.names)} …) or a folder that "
            f"holds xtreme/, found {there}. Point --data at one of these."
        )

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the task's languages whose files all exist, in the task's order."""
        return tuple(
            language
            for language in task.languages
            if (files := self._expected(task, language, split)) and all(map(Path.is_file, files))
        )

    def task_files(self, task: Task, language: str, split: str) -> tuple[Path, ...]:
        """Return the files of one language; InputError that names the missing one and what is there."""
        if language not in task.languages:
            raise InputError(
                f'Task {task.name} has no language "{language}". It has: {", ".join(task.languages)}.'
            )
        files = self._expected(task, language, split)
        if not files:
            raise InputError(f"Task {task.name} has no {split} split. It has: {', '.join(task.files)}.")
        for file in files:
            if not file.is_file():
                there = self.languages(task, split)
                raise InputError(
                    f"{file}: no such file. {task.name} {split} in {language} is read from "
                    f"{' and '.join(expected.name for expected in files)} in {file.parent}; "
                    f"languages there: {', '.join(there) or 'none'}."
                )
        gold = [files[0].parent / name for name in task.gold_names(language, split)]
        return (*files, *(file for file in gold if file.is_file()))

    def _expected(self, task: Task, language: str, split: str) -> tuple[Path, ...]:
        return tuple(self.xtreme / task.name / name for name in task.file_names(language, split))

    def examples(self, task: Task, language: str, split: str, limit: int | None = None) -> list[Example]:
        """Return the examples of one language, at least the first `limit`; withheld gold labels are None."""
        files = self.task_files(task, language, split)
        examples: list[Example] = KINDS.load(task.kind).read(files, task, labelled=False, limit=limit)
        return examples

    def training_files(self, wanted: TrainingSet, split: str, language: str = "en") -> tuple[Path, ...]:
        """Return the files of the first candidate that exists.

        Without any: () for dev, and for train an InputError that names the candidates. A file that
        train falls back on is never dev, too.
        """
        candidates = wanted.candidates(split, language)
        files = self._first(candidates)
        if split == "dev" and wanted.held_out:
            return self._first(wanted.candidates("train"))
        if split == "dev":
            taken = self._first(wanted.candidates("train", language))
            return () if set(files) & set(taken) else files
        if files:
            return files
        if not candidates:
            raise InputError(f"Training set {wanted.name} has no {split} data in {language}, only in en.")
        which = wanted.name if language == "en" else f"{wanted.name} in {language}"
        raise InputError(
            f"{self.root}: no {split} data of {which}; expected one of: {'; '.join(candidates)}."
        )

    def absent_parts(self, wanted: TrainingSet, language: str = "en") -> tuple[str, ...]:
        """Return the names of the set's parts of which no file is read; () of a translation, a set of its own."""
        if language != "en":
            return ()
        read = set(self._first(wanted.candidates("train")))
        return tuple(name for name, part in wanted.parts.items() if not read & set(self._alternative(part)))

    def _first(self, candidates: Sequence[str]) -> tuple[Path, ...]:
        for candidate in candidates:
            first, *others = [self._alternative(part) for part in candidate.split(" + ")]
            if first:
                return tuple(dict.fromkeys([*first, *(file for more in others for file in more)]))
        return ()

    def _alternative(self, part: str) -> list[Path]:
        return next((files for pattern in part.split(" | ") if (files := self._match(pattern))), [])

    def _match(self, pattern: str) -> list[Path]:
        if pattern.startswith(_XTREME):
            folder, pattern = self.xtreme, pattern.removeprefix(_XTREME)
        else:
            folder = self.root
        return sorted(file for file in folder.glob(pattern) if file.is_file())

    def training(self, wanted: TrainingSet, split: str, language: str = "en") -> list[Example]:
        """Return the examples of a training set's split, file after file, all with their labels.

        A set with a held-out share gives all its examples for either split.
        """
        files = self.training_files(wanted, split, language)
        kind, translated = KINDS.load(wanted.kind), language != "en" and split == "train"
        return [example for file in files for example in kind.read((file,), wanted, True, translated)]

    def text_files(self, name: str) -> tuple[Path, ...]:
        """Return text/<name>/*.txt by name; InputError when there is none."""
        folder = self.root / "text" / name
        files = tuple(sorted(folder.glob("*.txt"))) if folder.is_dir() else ()
        if not files:
            above = folder.parent
            there = sorted(path.name for path in above.iterdir()) if above.is_dir() else []
            raise InputError(
                f"{folder}: expected text as <language>.txt, found no such file. "
                f"Texts there: {', '.join(there) or 'none'}."
            )
        return files

    def text(self, name: str) -> dict[str, list[str]]:
        """Return the lines of every language; names longer than a language code are side files."""
        return {file.stem: rows.lines(file) for file in self.text_files(name) if len(file.stem) in (2, 3)}
