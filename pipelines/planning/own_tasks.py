"""The tasks that a recipe declares as eval.tasks.Task: files found, languages and labels read from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.data import LANGUAGES, Data, DataSpec
from xpareto.eval.data.readers import values
from xpareto.eval.tasks import KINDS, UNTRAINED, Cut, HubSource, KindName, Task
from xpareto.pipelines.planning.own_files import files_of, matches
from xpareto.pipelines.recipe import Recipe, TaskChoice

UNKNOWN = "und"  # ISO 639-2: undetermined
_GROUPS: dict[KindName, str] = {
    "classify": "classification", "multilabel": "classification", "tag": "tagging", "span": "qa",
    "retrieve": "retrieval", "similarity": "retrieval", "ranking": "retrieval",
}  # fmt: skip
_METRICS: dict[KindName, tuple[str, ...]] = {
    "classify": ("accuracy",), "multilabel": ("micro_f1", "macro_f1", "subset_accuracy"), "tag": ("f1", "accuracy"),
    "span": ("f1", "exact_match"), "retrieve": ("accuracy",), "similarity": ("spearman", "pearson"),
    "ranking": ("ndcg_at_10", "recall_at_10", "recall_at_100"),
}  # fmt: skip
_LABELLED = ("classify", "multilabel", "tag")
_MAX_LENGTH = {"span": 384, "ranking": 512}


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
    named = choice.columns.get("labels")
    label_columns = tuple(named) if isinstance(named, list) else ()
    columns = {name: str(column) for name, column in choice.columns.items() if not isinstance(column, list)}
    rows = {columns.pop(mark): f"{{{mark}}}" for mark in ("language", "split") if mark in columns}
    if choice.kind == "classify":
        columns = {"label": "label", **({} if "first" in columns else {"text": "text"}), **columns}
    elif choice.kind == "multilabel":
        own = {} if label_columns else {"labels": "labels"}
        columns = {**own, **({} if "first" in columns else {"text": "text"}), **columns}
    elif choice.kind == "retrieve":
        columns = {"source": "source", "target": "target", **columns}
    elif choice.kind == "similarity":
        columns = {"first": "first", "second": "second", "score": "score", **columns}
    files = files_of(choice, roots, where)
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
        labels=tuple(choice.labels or label_columns),
        max_length=choice.max_length or _MAX_LENGTH.get(choice.kind, 128),
        parallel=choice.parallel,
        files=files,
        columns=columns,
        language_names=dict(choice.language_names),
        own=True,
        where=rows,
        splits={str(ours): theirs for ours, theirs in choice.splits.items()},
        cut=cut,
        train_languages=tuple(choice.train_languages or ()),
        prompts={str(name): text for name, text in choice.prompts.items()},
        label_columns=label_columns,
        separator=choice.separator or "",
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
            label_columns,
            choice.separator or "",
        ),
    )
    languages = _languages(task, choice, files, where)
    for code in task.train_languages:
        if code not in languages:
            raise InputError(
                f"{where}.train_languages: {choice.task} has no {code}. It has: {', '.join(languages)}."
            )
    return replace(task, languages=languages)


def _languages(
    task: Task, choice: TaskChoice, files: Mapping[str, Sequence[str]], where: str
) -> tuple[str, ...]:
    """Return the codes of the languages that the files have, sorted."""
    codes = {spelt: code for code, spelt in task.language_names.items()}
    named = choice.languages if isinstance(choice.languages, list) else []
    paths = list(dict.fromkeys(path for names in files.values() for path in names))
    column = next((name for name, mark in task.where.items() if mark == "{language}"), None)
    if column is not None:
        found = {value for path in paths for file, _ in matches(path) for value in values(file, column)}
    elif any("{language}" in path for path in paths):
        found = {code for path in paths for _, code in matches(path) if code}
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
        named = next((task.columns[name] for name in ("label", "labels") if name in task.columns), "")
        column = f" in the column {named}" if named else ""
        raise InputError(
            f"{where}: expected two labels or more{column}, found {labels[0] if labels else 'none'}. There is nothing "
            "to tell apart: check `columns`, or name all of them by `labels`."
        )
    return replace(task, labels=labels)
