"""Check the tasks that a recipe declares: their names, columns, metrics, and what their files are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from xpareto.compress.core import EACH, ENCODER, hint
from xpareto.eval.tasks import KINDS, TASKS, TRAINING_SETS, UNTRAINED, split_language
from xpareto.pipelines.recipe.located_yaml import Located, Where
from xpareto.pipelines.recipe.task_choice import TaskChoice

COLUMNS = {
    "classify": ("text", "first", "second", "label"),
    "multilabel": ("text", "first", "second", "labels"),
    "tag": ("words", "tags"),
    "span": ("id", "question", "context", "answers"),
    "retrieve": ("source", "target"),
    "similarity": ("first", "second", "score"),
    "ranking": (),
}
PROMPTS = {"similarity": ("text",), "ranking": ("query", "passage")}
"""What of a kind's texts may begin with a prompt."""
PARTS = ("queries", "corpus", "judgements")
_ROWS = ("language", "split")  # columns that say whose a row is
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LABELLED = ("classify", "multilabel", "tag")
_TEXTS = ("classify", "multilabel")  # of which each is a text, or a pair


def own_names(recipe: Any) -> dict[str, str]:
    """Return the names and kinds of the tasks that an unchecked recipe declares."""
    tasks = recipe.get("tasks") if isinstance(recipe, dict) else None
    items = [item for item in tasks if isinstance(item, dict)] if isinstance(tasks, list) else []
    return {str(item.get("task")): str(item["kind"]) for item in items if item.get("kind") is not None}


def own_task_problems(
    choice: TaskChoice, own: Mapping[str, str], source: Located, where: Where
) -> Iterator[str]:
    """Yield what is wrong with a task that a recipe declares, each where it stands; `own` are all of its names."""
    assert choice.kind is not None, "a task of one's own has a kind"
    taken = {*TASKS.names, *TRAINING_SETS.names, EACH, ENCODER}
    if choice.task in taken:
        yield f"{source.at((*where, 'task'))}: {choice.task} is the name of a built-in task or set. Take another."
    elif not _NAME.fullmatch(choice.task):
        yield (
            f"{source.at((*where, 'task'))}: expected a name of lower-case letters, digits, dots, _ and -, a letter or "
            f"digit first, found {choice.task!r}."
        )
    metrics = KINDS.load(choice.kind).units
    for index, name in enumerate(choice.metrics or ()):
        if name not in metrics:
            known_ones = f"{hint(name, metrics)} Known: {', '.join(metrics)}."
            yield f'{source.at((*where, "metrics", index))}: unknown metric "{name}" of {choice.kind}.{known_ones}'
    known = [*COLUMNS[choice.kind], *(() if choice.kind == "ranking" else _ROWS)]
    for name in choice.columns:
        if not known:
            yield f"{source.at((*where, 'columns'))}: {choice.kind} has files with columns of set names. Leave it out."
            break
        if name not in known:
            yield (
                f'{source.at((*where, "columns", name))}: unknown column "{name}" of {choice.kind}.{hint(name, known)} '
                f"Known: {', '.join(known)}."
            )
    if choice.kind in _TEXTS and ("first" in choice.columns) != ("second" in choice.columns):
        yield f"{source.at((*where, 'columns'))}: a pair of texts needs both first and second."
    if choice.kind in _TEXTS and {"text", "first"} <= {*choice.columns}:
        yield f"{source.at((*where, 'columns'))}: expected text, or first and second; found both. Keep one."
    yield from _label_columns(choice, source, where)
    if choice.labels is not None and choice.kind not in _LABELLED:
        yield f"{source.at((*where, 'labels'))}: {choice.kind} has no labels. Leave them out."
    if (unfit := [name for name in choice.prompts if name not in PROMPTS.get(choice.kind, ())]) != []:
        expected = " and ".join(PROMPTS.get(choice.kind, ())) or "no prompts"
        yield f"{source.at((*where, 'prompts', unfit[0]))}: expected {expected} of {choice.kind}, found {unfit[0]}."
    if choice.train_languages is not None and choice.kind in UNTRAINED:
        yield f"{source.at((*where, 'train_languages'))}: {choice.kind} trains nothing. Leave them out."
    if choice.trained_on is not None:
        yield from _trained_on(choice, own, source.at((*where, "trained_on")))
    yield from _files(choice, source, where)
    if choice.hub is not None:
        yield from _hub(choice, source, where)


def _label_columns(choice: TaskChoice, source: Located, where: Where) -> Iterator[str]:
    named = choice.columns.get("labels")
    for name, columns in choice.columns.items():
        place = source.at((*where, "columns", name))
        if isinstance(columns, list) and (choice.kind, name) != ("multilabel", "labels"):
            yield f"{place}: expected the name of one column, found {len(columns)}. Only multilabel has a list, labels."
        elif isinstance(columns, list) and (len({*columns}) < 2 or len({*columns}) < len(columns)):
            yield f"{place}: expected two columns or more, each once, found {', '.join(columns) or 'none'}."
    if choice.separator is not None and choice.kind != "multilabel":
        yield f"{source.at((*where, 'separator'))}: {choice.kind} has one label in a cell. Leave it out."
    elif choice.separator is not None and isinstance(named, list):
        yield f"{source.at((*where, 'separator'))}: each label has a column of its own. Leave it out."
    if isinstance(named, list) and choice.labels is not None and {*choice.labels} != {*named}:
        yield (
            f"{source.at((*where, 'labels'))}: expected the names of the columns, {', '.join(named)}, found "
            f"{', '.join(choice.labels)}. Leave `labels` out."
        )


def _trained_on(choice: TaskChoice, own: Mapping[str, str], where: str) -> Iterator[str]:
    name, _ = split_language(str(choice.trained_on))
    known = [*own, *TRAINING_SETS.names]
    if name not in known:
        yield f'{where}: unknown training set "{name}".{hint(name, known)} Known: {", ".join(known)}.'
        return
    if name in own and "@" in str(choice.trained_on):
        yield f"{where}: which languages {name} learns from is said by its `train_languages`. Leave the @ out."
    kind = own.get(name) or TRAINING_SETS.load(name).kind
    if kind != choice.kind:
        yield f"{where}: {choice.task} needs a training set of kind {choice.kind}, found {name} of kind {kind}."


def _files(choice: TaskChoice, source: Located, where: Where) -> Iterator[str]:
    files = choice.files if isinstance(choice.files, dict) else {"": choice.files} if choice.files else {}
    parts = [name for name in files if name in PARTS]
    if choice.kind == "ranking" and files and [*files] != [""] and {*files} != {*PARTS}:
        yield f"{source.at((*where, 'files'))}: expected a folder, or {', '.join(PARTS)}, found {', '.join(files)}."
    if choice.kind != "ranking" and parts:
        yield f"{source.at((*where, 'files', parts[0]))}: only a ranking has {parts[0]}. Name files by split."
    for split, name in files.items():
        place: Where = (*where, "files", split) if split else (*where, "files")
        both = not split or split == "judgements"
        for mark in re.findall(r"\{[^{}]*\}", name):
            if mark not in ("{language}", "{split}") or (not both and mark == "{split}"):
                yield (
                    f"{source.at(place)}: expected {{language}}{' and {split}' if both else ''} alone in braces, "
                    f"found {mark}."
                )
    names = " ".join(files.values())
    for mark in _ROWS:
        if f"{{{mark}}}" in names and mark in choice.columns:
            yield (
                f"{source.at((*where, 'columns', mark))}: the files have {{{mark}}} in their names, so no column says "
                "it. Leave out the one or the other."
            )
    if "split" in choice.columns and isinstance(choice.files, dict):
        yield f"{source.at((*where, 'columns', 'split'))}: `files` says which is which split. Name one file alone."


def _hub(choice: TaskChoice, source: Located, where: Where) -> Iterator[str]:
    for name in _ROWS:
        if name in choice.columns:
            yield f"{source.at((*where, 'columns', name))}: of the hub, say it in `config`, `splits` and `where`."
    if choice.kind == "ranking":
        yield f"{source.at((*where, 'hub'))}: a ranking is read from files. Download them, and give `files`."
    if not isinstance(choice.languages, list):
        yield f"{source.at(where)}: a task on the hub needs `languages`, a list of the codes that it has."
    if (
        choice.kind in _LABELLED
        and choice.labels is None
        and not isinstance(choice.columns.get("labels"), list)
    ):
        yield f"{source.at(where)}: a task on the hub needs `labels`."
