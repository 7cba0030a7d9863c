"""The tasks that a recipe declares as eval.tasks.Task: files found, languages and labels read from them."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.data import LANGUAGES, Data, DataSpec
from xpareto.eval.data.readers import values
from xpareto.eval.tasks import KINDS, UNTRAINED, Cut, HubSource, KindName, Task
from xpareto.pipelines.recipe import Recipe, TaskChoice

SPLITS = ("train", "dev", "test")
UNKNOWN = "und"  # ISO 639-2: undetermined
_GROUPS: dict[KindName, str] = {
    "classify": "classification", "tag": "tagging", "span": "qa", "retrieve": "retrieval",
}  # fmt: skip
_METRICS: dict[KindName, tuple[str, ...]] = {
    "classify": ("accuracy",), "tag": ("f1", "accuracy"), "span": ("f1", "exact_match"), "retrieve": ("accuracy",),
}  # fmt: skip
_LABELLED = ("classify", "tag")


def with_own_tasks(spec: DataSpec, recipe: Recipe, folder: Path, recipe_file: str, lock: str) -> DataSpec:
    """Return the data of a recipe with the tasks that it declares; `lock` is the file of the hub's commits.

    Their files lie below `folder`, that of the recipe, or below the data's root. InputError where one is not there,
    or shows no two labels.
    """
    roots = [folder, *([Path(spec.root)] if spec.root is not None else [])]
    found = [_declared(choice, roots, f"{recipe_file}: tasks.{choice.task}") for choice in recipe.own()]
    if not found:
        return spec
    spec = replace(spec, own=_plain(found), lock=lock if any(task.hub for task in found) else spec.lock)
    data = Data.open(spec)
    return replace(
        spec, own=_plain([_labelled(task, data, f"{recipe_file}: tasks.{task.name}") for task in found])
    )


def cut_notes(tasks: Sequence[Task]) -> Iterator[str]:
    """Yield which splits are cut from train, and how."""
    for task in tasks:
        if task.cut is not None:
            yield (
                f"{task.name} has no file of {' or '.join(task.cut.shares)}: cut is {task.cut_words}, no text on two "
                "sides. A translation of a text may be: give files of each split where rows translate each other."
            )


def language_notes(tasks: Sequence[Task]) -> Iterator[str]:
    """Yield of which tasks the data do not tell the language, and which languages nothing is known of."""
    for task in tasks:
        unknown = [code for code in task.languages if code not in LANGUAGES and code != UNKNOWN]
        if task.languages == (UNKNOWN,):
            yield (
                f"{task.name}: neither a file name nor a column tells its language, so it is called {UNKNOWN}. Say it "
                "by `languages: [CODE]`, {language} in `files`, or `columns: {language: NAME}`."
            )
        elif unknown:
            yield (
                f"{task.name}: of {enumerated(unknown, 9)} neither script nor resources are known: in tables of "
                "fairness they stand under other."
            )


def _plain(tasks: Sequence[Task]) -> tuple[Mapping[str, Any], ...]:
    return tuple(asdict(task) for task in tasks)


def _declared(choice: TaskChoice, roots: Sequence[Path], where: str) -> Task:
    """Return a declared task without labels that its data have to tell."""
    assert choice.kind is not None, "a task of one's own has a kind"
    trains = choice.kind not in UNTRAINED
    columns = {name: str(column) for name, column in choice.columns.items()}
    rows = {columns.pop(mark): f"{{{mark}}}" for mark in ("language", "split") if mark in columns}
    if choice.kind == "classify":
        columns = {"label": "label", **({} if "first" in columns else {"text": "text"}), **columns}
    elif choice.kind == "retrieve":
        columns = {"source": "source", "target": "target", **columns}
    files = _files(choice, roots, where)
    hub = choice.hub
    there = hub.splits if hub is not None else files
    shares = {split: getattr(choice.cut, split) for split in ("test", "dev") if split not in there}
    cut = Cut(shares, choice.cut.seed) if trains and "train" in there and shares else None
    if cut is not None and choice.parallel:
        raise InputError(
            f"{where}: parallel: its {' and '.join(shares)} would be cut from train by text, which parts translations "
            "of each other. Give `files` of each split."
        )
    metrics = tuple(choice.metrics or _METRICS[choice.kind])
    task = Task(
        name=choice.task,
        kind=choice.kind,
        group=_GROUPS[choice.kind],
        languages=(),
        trained_on=choice.training_set,
        metrics=metrics,
        labels=tuple(choice.labels or ()),
        max_length=choice.max_length or (384 if choice.kind == "span" else 128),
        parallel=choice.parallel,
        files={split: (name,) for split, name in files.items()},
        columns=columns,
        language_names=dict(choice.language_names),
        own=True,
        where=rows,
        splits={str(ours): theirs for ours, theirs in choice.splits.items()},
        cut=cut,
        train_languages=tuple(choice.train_languages or ()),
        hub=None
        if hub is None
        else HubSource(
            hub.repo,
            hub.config,
            {str(ours): theirs for ours, theirs in hub.splits.items()},
            columns,
            dict(choice.language_names),
            dict(hub.where),
            dict(hub.label_names),
        ),
    )
    languages = _languages(task, choice, files, where)
    for code in task.train_languages:
        if code not in languages:
            raise InputError(
                f"{where}.train_languages: {choice.task} has no {code}. It has: {', '.join(languages)}."
            )
    return replace(task, languages=languages)


def _files(choice: TaskChoice, roots: Sequence[Path], where: str) -> dict[str, str]:
    """Return split -> absolute path, in which {language} may stand; InputError where a file is not there."""
    if choice.files is None:
        return {}
    if isinstance(choice.files, dict):
        return {split: _found(name, roots, f"{where}.files.{split}") for split, name in choice.files.items()}
    named = {split: choice.splits.get(split, split) for split in SPLITS}  # type: ignore[call-overload]
    if "{split}" in choice.files:
        by_split = {split: choice.files.replace("{split}", spelt) for split, spelt in named.items()}
        there = {split: path for split, name in by_split.items() if (path := _place(name, roots)) is not None}
        if not there:
            raise InputError(_absent(" or ".join(by_split.values()), roots, f"{where}.files"))
        return there
    path = _found(choice.files, roots, f"{where}.files")
    if "split" in choice.columns:
        shown = {value for file, _ in matches(path) for value in values(file, str(choice.columns["split"]))}
        there = {split: path for split, spelt in named.items() if spelt in shown}
        if not there:
            raise InputError(
                f"{where}.columns.split: expected {', '.join(named.values())} in it, found "
                f"{enumerated(sorted(shown), 6)}. Say by `splits` what it calls them."
            )
        return there
    return {"test" if choice.kind in UNTRAINED else "train": path}


def _found(name: str, roots: Sequence[Path], where: str) -> str:
    path = _place(name, roots)
    if path is None:
        raise InputError(_absent(name, roots, where))
    return path


def _absent(name: str, roots: Sequence[Path], where: str) -> str:
    looked = " nor ".join(str(root) for root in roots)
    return (
        f"{where}: expected {name}, found no such file, neither in {looked}."
        if len(roots) > 1
        else (f"{where}: expected {name}, found no such file in {looked}.")
    )


def _place(name: str, roots: Sequence[Path]) -> str | None:
    """Return the absolute path of a file, or pattern, in the first folder that has it; None in none."""
    for root in roots:
        path = str(root.absolute() / Path(name).expanduser())
        if matches(path):
            return path
    return None


def matches(path: str) -> list[tuple[Path, str]]:
    """Return the files of a path in which {language} may stand, each with what stands there ("" where it does not)."""
    if "{language}" not in path:
        return [(Path(path), "")] if Path(path).is_file() else []
    before, *rest = path.split("{language}")
    pattern = re.compile(
        re.escape(before)
        + "(?P<code>[^/]+)"
        + "".join((("(?P=code)" if at else "") + re.escape(part)) for at, part in enumerate(rest))
    )
    anchor = Path(path).anchor
    found = Path(anchor).glob("*".join(map(glob.escape, (before.removeprefix(anchor), *rest))))
    pairs = [
        (file, hit["code"]) for file in sorted(found) if (hit := pattern.fullmatch(str(file))) is not None
    ]
    return [(file, code) for file, code in pairs if file.is_file()]


def _languages(task: Task, choice: TaskChoice, files: Mapping[str, str], where: str) -> tuple[str, ...]:
    """Return the codes of the languages that the files have, sorted."""
    codes = {spelt: code for code, spelt in task.language_names.items()}
    named = choice.languages if isinstance(choice.languages, list) else []
    column = next((name for name, mark in task.where.items() if mark == "{language}"), None)
    if column is not None:
        found = {
            value for path in files.values() for file, _ in matches(path) for value in values(file, column)
        }
    elif any("{language}" in path for path in files.values()):
        found = {code for path in files.values() for _, code in matches(path) if code}
    else:
        return tuple(named) if len(named) == 1 or choice.hub is not None else (UNKNOWN,)
    if "" in found:
        raise InputError(f"{where}.columns.language: a row has nothing in the column {column}.")
    languages = tuple(sorted(codes.get(value, value) for value in found))
    absent = [code for code in named if code not in languages]
    if absent:
        raise InputError(
            f"{where}.languages: {', '.join(absent)}: the files have no such language. They have: "
            f"{enumerated(languages, 40)}."
        )
    return languages


def _labelled(task: Task, data: Data, where: str) -> Task:
    """Return a task with its labels: those of what it trains on, else those that it is tested on."""
    if task.kind not in _LABELLED or task.labels:
        return task
    if (
        task.trained_on.partition("@")[0] != task.name
        and task.trained_on.partition("@")[0] not in data.own.tasks
    ):
        return replace(task, labels=data.labels(task.trained_on))
    source = data.task(task.trained_on.partition("@")[0])
    splits: list[str] = [split for split in ("train", "dev") if split in source.files] or [*source.files]
    examples = [
        row
        for split in splits
        for code in data.languages(source, split)
        for row in data.examples(source, code, split)
    ]
    labels: tuple[str, ...] = KINDS.load(task.kind).labels_of(examples)
    if len(labels) < 2:
        column = f" in the column {task.columns['label']}" if "label" in task.columns else ""
        raise InputError(
            f"{where}: expected two labels or more{column}, found {labels[0] if labels else 'none'}. There is nothing "
            "to tell apart: check `columns`, or name all of them by `labels`."
        )
    return replace(task, labels=labels)
