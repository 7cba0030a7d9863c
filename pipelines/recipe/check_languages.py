"""Check the languages that a recipe names against those of its tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xpareto.compress.core import hint
from xpareto.eval.tasks import TASKS, Task
from xpareto.pipelines.recipe.located_yaml import Located, Where


def known_languages() -> set[str]:
    """Return the languages (ISO 639-1) of all XTREME tasks."""
    return {language for name in TASKS.names for language in TASKS.load(name).languages}


def unknown_language(name: str, known: set[str]) -> str | None:
    """Return what is wrong with a language code, with a near miss and what is known, or None."""
    if name in known:
        return None
    return (
        f'unknown language "{name}" (ISO 639-1 codes as in XTREME).{hint(name, known)} '
        f"Known: {', '.join(sorted(known))}."
    )


def foreign_languages(names: Sequence[str], task: Task, source: Located, where: Where) -> Iterator[str]:
    """Yield what is wrong with the languages that a recipe names for one task, each where it stands."""
    known = known_languages()
    for index, name in enumerate(names):
        wrong = unknown_language(name, known)
        if wrong is None and name not in task.languages:
            wrong = f"{task.name} has no {name}. It has: {', '.join(task.languages)}."
        if wrong is not None:
            yield f"{source.at((*where, index))}: {wrong}"


def shared_languages(names: Sequence[str], tasks: Sequence[Task], source: Located) -> Iterator[str]:
    """Yield what is wrong with the languages that a recipe names for all tasks without ones of their own.

    A task need not have all of them, but one; and each must be of some task.
    """
    known, whole = known_languages(), {language for task in tasks for language in task.languages}
    for index, name in enumerate(names):
        wrong = unknown_language(name, known)
        if wrong is None and name not in whole and tasks:
            wrong = f"none of the tasks that it is for ({', '.join(task.name for task in tasks)}) has {name}."
            wrong += f" They have: {', '.join(sorted(whole))}."
        if wrong is not None:
            yield f"{source.at(('languages', index))}: {wrong}"
    if not set(names) <= whole:
        return  # each that is wrong is told already
    for task in tasks:
        if not set(names) & set(task.languages):
            yield (
                f"{source.at(('languages',))}: {task.name} has none of {', '.join(names)}. It has: "
                f"{', '.join(task.languages)}. Name one of these, or leave the task out."
            )
