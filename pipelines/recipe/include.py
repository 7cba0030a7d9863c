"""Tasks that a recipe takes from other files: `include: [tasks.yaml]`, each a mapping with the key `tasks`.

They stand behind the recipe's own as if they were written there: checked, hashed and shown with it. Names of files in
them begin in the folder of the file that names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, shortened
from xpareto.pipelines.recipe.located_yaml import Located, Where, read_yaml

INCLUDE = "include"


def with_included(source: Located, folder: Path) -> Located:
    """Return a recipe with the tasks of what it includes in place of `include`; `folder` is where its names begin.

    InputError, with file:line, where that is no list of files, or a file has other keys than `tasks`.
    """
    if not isinstance(source.value, dict) or INCLUDE not in source.value:
        return source
    names, tasks = source.value[INCLUDE], source.value.get("tasks", [])
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(
            f"{source.at((INCLUDE,))}: expected a list of files such as [tasks.yaml], found {shortened(names)}."
        )
    if not isinstance(tasks, list):
        return source  # the recipe's own check tells
    gone = INCLUDE if "tasks" in source.value else ""
    value = {"tasks" if key == INCLUDE else key: part for key, part in source.value.items() if key != gone}
    value["tasks"] = [*tasks]
    lines = {where: line for where, line in source.lines.items() if where[:1] != (INCLUDE,)}
    files: dict[Where, str] = {}
    for index, name in enumerate(names):
        if names.index(name) < index:
            raise InputError(f"{source.at((INCLUDE, index))}: {name} is included twice. Keep one of them.")
        path = folder / Path(name).expanduser()
        if not path.is_file():
            raise InputError(
                f"{source.at((INCLUDE, index))}: expected a file with tasks, found none at {path}."
            )
        other = read_yaml(path)
        for at, task in enumerate(_tasks(other)):
            place: Where = ("tasks", len(value["tasks"]))
            value["tasks"].append(_from(task, Path(name).expanduser().parent))
            files[place] = str(path)
            lines |= {
                (*place, *where[2:]): line
                for where, line in other.lines.items()
                if where[:2] == ("tasks", at)
            }
    return replace(source, value=value, lines=lines, files=files)


def _tasks(source: Located) -> Sequence[Any]:
    """Return the tasks of an included file."""
    if not isinstance(source.value, dict):
        raise InputError(f"{source.file}:1: expected the key tasks, found {shortened(source.value)}.")
    for key in source.value:
        if key != "tasks":
            more = " What is included includes nothing itself." if key == INCLUDE else ""
            raise InputError(
                f"{source.at((key,))}: expected tasks alone in an included file, found {key}.{more}"
            )
    tasks = source.value.get("tasks")
    if not isinstance(tasks, list) or not tasks:
        raise InputError(f"{source.file}:1: expected a list of tasks, found {shortened(tasks)}.")
    return tasks


def _from(task: Any, folder: Path) -> Any:
    """Return a task whose relative files begin in a folder; unchanged where it has none."""
    if not isinstance(task, dict) or "files" not in task:
        return task
    given = task["files"]

    def placed(name: Any) -> Any:
        return str(folder / Path(name).expanduser()) if isinstance(name, str) and name else name

    named = {key: placed(one) for key, one in given.items()} if isinstance(given, dict) else placed(given)
    return {**task, "files": named}
