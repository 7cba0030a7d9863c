"""Data sets of the Hugging Face hub, each read at one commit that the run's lock names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, load_json, why
from xpareto.eval.data.readers import misplaced
from xpareto.eval.tasks import KINDS, Example, HubSource, Question, Task, TrainingSet

_LOCK_FORM = "a JSON object {repository: commit}"


@dataclass(frozen=True)
class HubFile:
    """One split of one configuration of a repository at a commit."""

    repo: str
    commit: str
    config: str
    split: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.commit}/{self.config}/{self.split}"


class Hub:
    """Loads splits through `datasets`; resolves "main" to its commit once per repository that is read."""

    def __init__(
        self,
        commits: dict[str, str],
        lock: Path | None,
        frozen: bool,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self._commits = commits
        self._lock = lock
        self._frozen = frozen
        self._ask = ask

    @staticmethod
    def open(lock: str | None, ask: Callable[[str], str] | None = None) -> Hub:
        """Return a hub that obeys the lock file if it exists, else writes it (None: keeps it in memory).

        The lock is a JSON object {repository: commit}. With `ask`, whoever asks keeps the lock: it gives
        the commit of each repository at its first use, and the file is neither read nor written here.
        """
        if ask is not None:
            return Hub({}, None, frozen=False, ask=ask)
        if lock is None:
            return Hub({}, None, frozen=False)
        file = Path(lock)
        if not file.exists():
            return Hub({}, file, frozen=False)
        try:
            commits = load_json(file)
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: expected a lock, {_LOCK_FORM} ({why(error)}).") from error
        if not isinstance(commits, dict) or not all(isinstance(value, str) for value in commits.values()):
            raise InputError(f"{file}: expected a lock, {_LOCK_FORM}.")
        return Hub(commits, file, frozen=True)

    def commit(self, repo: str) -> str:
        """Return the commit at which a repository is read; InputError when a lock has none for it."""
        if repo not in self._commits:
            if self._frozen:
                locked = ", ".join(sorted(self._commits)) or "nothing"
                raise InputError(
                    f"{self._lock}: no commit of {repo}; it locks {locked}. "
                    "Add it, or delete the lock to resolve all of them anew."
                )
            self._commits[repo] = self._ask(repo) if self._ask is not None else resolve(repo)
            if self._lock is not None:
                content = json.dumps(self._commits, indent=1, sort_keys=True) + "\n"
                self._lock.write_text(content, encoding="utf-8")
        return self._commits[repo]

    def task_file(self, task: Task, language: str, split: str) -> HubFile:
        """Return what holds one language of a task."""
        if language not in task.languages:
            raise InputError(
                f'Task {task.name} has no language "{language}". It has: {", ".join(task.languages)}.'
            )
        source = _source(task)
        spelt = source.language_names.get(language, language)
        return self._file(task.name, source, source.config.format(language=spelt), split)

    def training_files(self, wanted: TrainingSet, split: str, language: str = "en") -> tuple[HubFile, ...]:
        """Return what holds a training set's split; () when there is no such dev split.

        Other languages are there where the hub has a configuration or rows of each.
        """
        source, *others = _sources(wanted)
        if language != "en" and not any("{language}" in it for it in (source.config, *source.where.values())):
            raise InputError(
                f"{wanted.name}@{language}: the hub has {wanted.name} in English only; a translation is read "
                "from files. Give --data DIR."
            )
        spoken = "en" if split == "dev" else language  # see TrainingSet
        if source.language_names and spoken not in source.language_names:
            known = ", ".join(source.language_names)
            raise InputError(f"{wanted.name}@{language}: the hub has no such language; it has {known}.")
        spelt = source.language_names.get(spoken, spoken)
        if split == "dev" and wanted.held_out:
            split = "train"
        if split == "dev" and split not in source.splits:
            return ()
        more = [self._file(wanted.name, one, one.config, split) for one in others if split in one.splits]
        return (self._file(wanted.name, source, source.config.format(language=spelt), split), *more)

    def _file(self, name: str, source: HubSource, config: str, split: str) -> HubFile:
        if split not in source.splits:
            raise InputError(f"{name} has no {split} split on the hub; it has {', '.join(source.splits)}.")
        return HubFile(source.repo, self.commit(source.repo), config, source.splits[split])

    def examples(
        self, file: HubFile, wanted: Task | TrainingSet, limit: int | None, language: str = ""
    ) -> list[Example]:
        """Return the examples of a split, equal to those of XTREME's layout.

        `language` fills {language} in the source's `where`, for a configuration that holds them all.
        Rows of a training set that have no label (annotators who did not agree) are left out.
        """
        source = next(source for source in _sources(wanted) if source.repo == file.repo)
        spelt = source.language_names.get(language, language)
        where = {column: value.format(language=spelt) for column, value in source.where.items()}
        rows = _load(file)
        names, kind = _class_names(rows, source), KINDS.load(wanted.kind)
        needed = {part.split(".")[0] for column in source.columns.values() for part in column.split(" + ")}
        missing = sorted({*needed, *where, *source.label_columns} - set(rows.column_names))
        if missing:
            there = ", ".join(rows.column_names)
            raise InputError(f"{file}: no column {', '.join(missing)}; it has {there}.")
        examples: list[Example] = []
        for number, row in enumerate(rows):
            if all(_agrees(row[column], value) for column, value in where.items()):
                at = f"{file}: row {number}"
                label = partial(_name, names=names, labels=wanted.labels, where=at)
                example: Example = kind.from_row(row, source, label, at)
                learnt = example if isinstance(wanted, TrainingSet) else None
                if isinstance(learnt, Question) and (wrong := misplaced(learnt)):
                    raise InputError(f"{at}: question {learnt.id!r}: {wrong}")
                if isinstance(wanted, Task) or example.gold is not None:
                    examples.append(example)
            if len(examples) == limit:
                break
        settled: list[Example] = kind.settled(examples)
        return settled


def resolve(repo: str) -> str:
    """Return the commit that a dataset repository points to now: its main, or a reference after @."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported at run time

    try:
        name, _, reference = repo.partition("@")
        commit = HfApi().dataset_info(name, revision=reference or "main").sha
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise InputError(
            f"{repo}: the hub did not say which commit is current ({error}). "
            "Give --lock FILE with its commit, or --data DIR."
        ) from error
    if not commit:
        raise InputError(f"{repo}: the hub did not say which commit is current.")
    return str(commit)


def _source(wanted: Task | TrainingSet) -> HubSource:
    return _sources(wanted)[0]


def _sources(wanted: Task | TrainingSet) -> tuple[HubSource, ...]:
    if wanted.hub is None:
        raise InputError(f"{wanted.name} is not on the hub. Give --data DIR.")
    return (wanted.hub,) if isinstance(wanted, Task) else (wanted.hub, *wanted.more_hub)


def _load(file: HubFile) -> Any:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported at run time

    try:
        name = file.repo.partition("@")[0]
        return load_dataset(name, file.config, split=file.split, revision=file.commit)
    except (DatasetsError, httpx.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{file}: could not be loaded ({error}).") from error


def _class_names(rows: Any, source: HubSource) -> list[str] | None:
    """Return the names of a class-label column, in the order of its numbers; None for plain text."""
    column = next(
        (source.columns[name] for name in ("label", "labels", "tags") if name in source.columns), None
    )
    feature = rows.features.get(column) if column else None
    while feature is not None and not hasattr(feature, "names"):
        feature = getattr(feature, "feature", None)  # the element of a sequence
    return [source.label_names.get(name, name) for name in feature.names] if feature is not None else None


def _agrees(value: Any, wanted: str) -> bool:
    """Is this the value that is wanted, or does it begin with it (x*)?"""
    return str(value).startswith(wanted[:-1]) if wanted.endswith("*") else bool(value == wanted)


def _name(raw_label: int | str, names: list[str] | None, labels: tuple[str, ...], where: str) -> str | None:
    """Return our label; None where the gold is withheld (-1 by the convention of `datasets`)."""
    if raw_label == -1:
        return None
    name = names[raw_label] if names is not None and isinstance(raw_label, int) else raw_label
    if name not in labels:
        raise InputError(f'{where}: label "{name}" is not one of {", ".join(labels)}.')
    return str(name)
