"""What is wrong with a value that a recipe's types refuse, in words: where, what was expected, what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from xpareto.compress.core import hint, refused
from xpareto.pipelines.recipe.located_yaml import Located, Where
from xpareto.pipelines.recipe.schema import PATTERNS
from xpareto.pipelines.recipe.task_choice import TaskChoice

MOST_PROBLEMS = 1000
"""What is wrong with one part of a recipe and worth the words; the command line shows fewer."""


def explain(error: ValidationError, source: Located, prefix: Where, model: type[BaseModel]) -> list[str]:
    """Return one line per place that is wrong: ``file:line: field: what was expected, found, fix``.

    Where a value may be of several types, what each of them takes is told in one line; what is wrong inside
    a value goes before that the value is of no other type.
    """
    value = source.under(prefix)
    found: dict[Where, list[Mapping[str, Any]]] = {}
    for problem in error.errors(include_url=False)[:MOST_PROBLEMS]:
        found.setdefault(_path(problem["loc"], value, problem["type"]), []).append(problem)
    return [
        f"{source.at((*prefix, *where))}: {refusal(problems, model)}"
        for where, problems in found.items()
        if not any(other[: len(where)] == where != other for other in found)
    ]


def refusal(problems: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> str:
    """Return what is wrong with one value that may be of several types, as a sentence."""
    for problem in problems:
        if problem["type"] == "extra_forbidden":
            known = _fields_at(model, problem["loc"][:-1])
            return f"unknown key.{hint(str(problem['loc'][-1]), known)} Known: {', '.join(sorted(known))}."
    return sentence(refused(*problems, patterns=PATTERNS))


def sentence(text: str) -> str:
    """Return a text with a full stop, unless it ends already.

    >>> sentence("found 3"), sentence('found 3. Did you mean "4"?')
    ('found 3.', 'found 3. Did you mean "4"?')
    """
    return text if text.endswith((".", "?")) else f"{text}."


def _path(location: tuple[int | str, ...], value: Any, kind: str) -> Where:
    """Return where in the data a location of pydantic leads: parts that name a member of a union are no data."""
    path: list[int | str] = []
    for index, part in enumerate(location):
        inside = isinstance(value, dict) and part in value
        if inside or (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            value = value[part]
            path.append(part)
        elif kind == "missing" and index == len(location) - 1:
            path.append(part)
    return tuple(path)


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are known where a location leads."""
    if location[:1] == ("tasks",):
        return list(TaskChoice.model_fields)
    for part in location:
        field = model.model_fields.get(str(part))
        if (
            field is not None
            and isinstance(field.annotation, type)
            and issubclass(field.annotation, BaseModel)
        ):
            model = field.annotation
    return [field.alias or name for name, field in model.model_fields.items()]
