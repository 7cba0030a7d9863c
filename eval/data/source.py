"""The data of a run: XTREME's folder layout, the hub, or both (the hub has no unlabelled text)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, sha256_file
from xpareto.eval.data import folder as layout
from xpareto.eval.data.held_out import held_out
from xpareto.eval.data.hub import Hub, HubFile
from xpareto.eval.data.own_tasks import OwnTasks, Reading
from xpareto.eval.tasks import (
    KINDS,
    Example,
    Task,
    TrainingSet,
    own_training_set,
    split_language,
    task_of,
    training_set,
)
from xpareto.eval.tasks import task as built_in

DataFile = Path | HubFile

SYNTHETIC = "SYNTHETIC"  # a file of this name says that the data was generated


@dataclass(frozen=True)
class DataSpec:
    """Where data comes from; plain values, so that it can be written to JSON.

    `root` is XTREME's download/ folder, or a folder that holds xtreme/, intermediate/ and text/.
    With `hub`, tasks and training sets come from the hub, and `lock` names the file that holds the
    commit of every repository: one that exists is obeyed, else it is written at first use. `own` are the tasks that
    the recipe declares, as fields of eval.tasks.Task.
    """

    root: str | None
    hub: bool = False
    lock: str | None = None
    own: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "own", tuple(self.own))  # JSON gives a list


class Data:
    """Reads examples by task and language, training sets by name, and unlabelled text by name."""

    def __init__(
        self,
        folder: layout.Folder | None,
        hub: Hub | None,
        own: Iterable[Task] = (),
        own_hub: Callable[[], Hub] | None = None,
    ) -> None:
        self._folder = folder
        self._hub = hub
        self.own = OwnTasks(own, own_hub or (lambda: hub or Hub({}, None, frozen=False)))
        self._hashes: dict[tuple[Path, int, int], str] = {}

    @staticmethod
    def open(spec: DataSpec, ask: Callable[[str], str] | None = None) -> Data:
        """Return the data that the spec names; InputError when it names none, or no XTREME folder.

        `ask` gives the commit of each hub repository that is read, in place of the spec's lock.
        """
        if spec.root is None and not spec.hub and not spec.own:
            raise InputError("No data is named. Give --data DIR (XTREME's download folder), or use the hub.")
        folder = layout.Folder.open(Path(spec.root), bool(spec.own)) if spec.root is not None else None
        hub = cache(lambda: Hub.open(spec.lock, ask))
        return Data(folder, hub() if spec.hub else None, map(task_of, spec.own), hub)

    def task(self, name: str) -> Task:
        """Return the task of that name, declared by the recipe or built in; InputError for none."""
        return self.own.tasks[name] if name in self.own.tasks else built_in(name)

    def training_set(self, name: str) -> TrainingSet:
        """Return the training set of that name (its language left aside); InputError for none."""
        declared = self.own.tasks.get(split_language(name)[0])
        return training_set(name) if declared is None else own_training_set(declared)

    @property
    def synthetic(self) -> bool:
        """Was the data generated? Then its numbers are evidence for the machinery only."""
        return self._hub is None and self._folder is not None and (self._folder.root / SYNTHETIC).is_file()

    def languages(self, task: Task, split: str = "test") -> tuple[str, ...]:
        """Return the languages that can be evaluated, in the task's order (the hub has them all).

        Where a task's threshold is set on another split, that split must be there too.
        """
        if task.own:
            return self.own.languages(task, split)
        if self._hub is not None:
            return task.languages
        languages, other = self._local().languages(task, split), task.calibrated_on(split)
        if other is None:
            return languages
        labelled = set(self._local().languages(task, other))
        return tuple(language for language in languages if language in labelled)

    def examples(
        self, task: Task, language: str, split: str = "test", limit: int | None = None, skip: int = 0
    ) -> list[Example]:
        """Return the first `limit` examples of one language (all by default) behind `skip`, in the file's order.

        Of a comparable corpus, as many sentences of either side, and none is skipped: see Kind.limited of mine.
        """
        last = None if limit is None else limit + skip
        if task.own:
            return self.own.examples(task, language, split)[skip:last]
        if self._hub is not None:
            file = self._hub.task_file(task, language, split)
            return self._hub.examples(file, task, last, language)[skip:]
        whole = self._local().examples(task, language, split, last)
        limited: list[Example] = KINDS.load(task.kind).limited(whole, last)
        return limited[skip:]

    def training(self, name: str, split: str, limit: int | None = None) -> list[Example]:
        """Return the first `limit` examples of a training set's split; [] when it has no dev split.

        `name` may carry a language: ``mnli@de`` is the German translation of the English set.
        """
        if (declared := self._own_set(name)) is not None:
            return self.own.training(declared[0], split, declared[1])[:limit]
        wanted, language = training_set(name), split_language(name)[1]
        if wanted.held_out:
            whole = self._training(wanted, split, language, None)
            return held_out(whole, wanted.held_out, split)[:limit]
        return self._training(wanted, split, language, limit)[:limit]

    def _training(self, wanted: TrainingSet, split: str, language: str, limit: int | None) -> list[Example]:
        if self._hub is None:
            return self._local().training(wanted, split, language)
        files = self._hub.training_files(wanted, split, language)
        example_language = "en" if split == "dev" else language  # see TrainingSet: dev is English
        return [
            example for file in files for example in self._hub.examples(file, wanted, limit, example_language)
        ]

    def labels(self, name: str) -> tuple[str, ...]:
        """Return the labels of a training set in the order of their indices; () for kinds without any.

        Labels that are not declared are those that the files show, dev included, sorted: a tag that only
        dev has is never predicted, but its words count.
        """
        wanted = self.training_set(name)
        kind = KINDS.load(wanted.kind)
        if wanted.labels or not kind.labels_in_data:
            return wanted.labels
        read = [example for split in ("train", "dev") for example in self.training(name, split)]
        shown: tuple[str, ...] = kind.labels_of(read)
        return shown

    def text(self, name: str) -> dict[str, list[str]]:
        """Return the lines of text/<name>/<language>.txt by language.

        Files of one name are aligned where they have equally many lines ("parallel"): line i says
        the same in every language, and an empty line means none.
        """
        return self._local().text(name)

    def task_files(self, task: Task, language: str, split: str = "test") -> tuple[DataFile, ...]:
        """Return the files that evaluating the split reads, those that set a threshold included."""
        if task.own:
            return self.own.files(task, language, split)
        if self._hub is not None:
            return (self._hub.task_file(task, language, split),)
        files, other = self._local().task_files(task, language, split), task.calibrated_on(split)
        return files if other is None else (*files, *self._local().task_files(task, language, other))

    def training_files(self, name: str, split: str) -> tuple[DataFile, ...]:
        """Return the files that `training` reads; none when there is no dev split."""
        if (declared := self._own_set(name)) is not None:
            codes = self.own.learnt(*declared)
            read = (file for code in codes for file in self.own.files(declared[0], code, split))
            return tuple(dict.fromkeys(read))
        wanted, language = training_set(name), split_language(name)[1]
        if self._hub is not None:
            return self._hub.training_files(wanted, split, language)
        return self._local().training_files(wanted, split, language)

    def absent_parts(self, name: str) -> tuple[str, ...]:
        """Return which parts of a training set, if it is a union, are not there (the hub has them all)."""
        if self._hub is not None or self._own_set(name) is not None:
            return ()
        return self._local().absent_parts(training_set(name), split_language(name)[1])

    def evaluated(self, task: Task, language: str, split: str) -> set[Reading]:
        """Return which rows of which files evaluating a split reads."""
        if task.own:
            return self.own.readings(task, language, split)
        return {Reading(file) for file in self.task_files(task, language, split)}

    def learnt(self, name: str) -> dict[str, set[Reading]]:
        """Return by language which rows of which files a training set's train split reads."""
        if (declared := self._own_set(name)) is not None:
            codes = self.own.learnt(*declared)
            return {code: self.own.readings(declared[0], code, "train") for code in codes}
        return {split_language(name)[1]: {Reading(file) for file in self.training_files(name, "train")}}

    def _own_set(self, name: str) -> tuple[Task, str | None] | None:
        """Return the declared task of a training set's name, and the language that it names."""
        declared = self.own.tasks.get(split_language(name)[0])
        return None if declared is None else (declared, name.partition("@")[2] or None)

    def text_files(self, name: str) -> tuple[Path, ...]:
        """Return the files that `text` reads."""
        return self._local().text_files(name)

    def fingerprint(self, files: Iterable[DataFile]) -> str:
        """Return a sha256 (hex) over the names and bytes of files, in their order.

        A hub file counts by its repository, commit, configuration and split, which fix its bytes.
        """
        digest = hashlib.sha256()
        for file in files:
            line = str(file) if isinstance(file, HubFile) else f"{file.name} {self._sha256(file)}"
            digest.update(f"{line}\n".encode())
        return digest.hexdigest()

    def _sha256(self, file: Path) -> str:
        try:
            stat = file.stat()
        except OSError as error:
            raise InputError(f"{file}: expected a data file, {error.strerror}.") from error
        key = (file, stat.st_size, stat.st_mtime_ns)
        if key not in self._hashes:
            self._hashes[key] = sha256_file(file)
        return self._hashes[key]

    def _local(self) -> layout.Folder:
        if self._folder is None:
            if self._hub is not None:
                raise InputError("Unlabelled text is not on the hub. Give --data DIR with a folder text/.")
            raise InputError(
                "Text and the tasks of XTREME are read from a data folder: expected one, found none. Give --data DIR."
            )
        return self._folder
