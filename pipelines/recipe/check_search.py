"""Check what a recipe searches: its paths, the values that each may take, arms and limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from xpareto.compress.core import STEPS, hint, shortened
from xpareto.eval.objectives import declared_limits
from xpareto.pipelines.recipe.explanations import refusal
from xpareto.pipelines.recipe.located_yaml import Located, Where
from xpareto.pipelines.recipe.overrides import label_of, step_items
from xpareto.pipelines.recipe.schema import Recipe, StepKeys
from xpareto.pipelines.recipe.search_block import ARM, ENABLED, Range


def search_problems(recipe: Recipe, source: Located) -> Iterator[str]:
    """Yield what is wrong with a recipe's search, each where it stands."""
    search = recipe.search
    if search is None:
        return
    if recipe.sweep:
        yield (
            f"{source.at(('sweep',))}: expected `search` or `sweep`, found both: a sweep is the grid of all values. "
            "Move its fields to search.space, or leave `search` out."
        )
    items = [item for _, item in step_items(source.value)]
    labels = sorted({label_of(item) for item in items})
    for path, values in search.space.items():
        where: Where = ("search", "space", path)
        yield from _values(path, values, source, where)
        if path == ARM:
            yield from _arms(values, recipe, source, where)
            continue
        label, dot, field = path.partition(".")
        if not dot or not field or label not in labels:
            yield (
                f"{source.at(where)}: expected label.field with a step of this recipe ({', '.join(labels)}), or "
                f"`{ARM}`.{hint(label, [*labels, ARM])}"
            )
            continue
        yield from _fields(path, field, values, [one for one in items if label_of(one) == label], source)
    known = declared_limits()
    for name in search.limits:
        if name not in known:
            yield (
                f'{source.at(("search", "limits", name))}: unknown limit "{name}".{hint(name, known)} '
                f"Known: {', '.join(known)}."
            )
    if {objective for objective in recipe.objectives if objective != "score"} == set():
        yield (
            f"{source.at(('objectives',))}: a search weighs the score against a cost at least, found "
            f"{', '.join(recipe.objectives)}. Name a cost, such as size_bytes."
        )


def _values(path: str, values: list[Any] | Range, source: Located, where: Where) -> Iterator[str]:
    if isinstance(values, Range):
        return
    if not values:
        yield f"{source.at(where)}: expected at least one value, found none."
    seen: list[str] = []
    for index, value in enumerate(values):
        if repr(value) in seen:  # which tells 1 and True apart
            yield f"{source.at((*where, index))}: {shortened(value)} is given twice. Keep one of them."
        seen.append(repr(value))


def _arms(values: list[Any] | Range, recipe: Recipe, source: Located, where: Where) -> Iterator[str]:
    if isinstance(values, Range):
        yield f"{source.at(where)}: expected a list of arms ({', '.join(recipe.arms)}), found a range."
        return
    for index, name in enumerate(values):
        if name not in recipe.arms:
            yield (
                f'{source.at((*where, index))}: unknown arm "{name}".{hint(str(name), recipe.arms)} '
                f"Known: {', '.join(recipe.arms)}."
            )


def _fields(
    path: str, field: str, values: list[Any] | Range, items: list[dict[str, Any]], source: Located
) -> Iterator[str]:
    """Yield which values a step does not take; what it takes with other fields only, each trial tells."""
    where: Where = ("search", "space", path)
    head = field.partition(".")[0]
    if head in StepKeys.model_fields and field != ENABLED:
        yield f"{source.at(where)}: of the common keys only `{ENABLED}` can be searched."
        return
    if field == ENABLED:
        given = [] if isinstance(values, Range) else values
        if not given or any(not isinstance(value, bool) for value in given):
            yield f"{source.at(where)}: expected [true, false], found {shortened(values)}."
        return
    steps = [item for item in items if isinstance(item.get("step"), str) and item["step"] in STEPS.names]
    for item in steps:
        kind = STEPS.load(item["step"])
        if head not in kind.model_fields:
            yield f'{source.at(where)}: {item["step"]} has no field "{head}".{hint(head, list(kind.model_fields))}'
            return
        own = {key: value for key, value in item.items() if key not in StepKeys.model_fields}
        ends = [values.from_, values.to] if isinstance(values, Range) else values
        for index, value in enumerate(ends):
            try:
                kind.model_validate(with_value(own, field, value))
            except ValidationError as error:
                problems = [one for one in error.errors(include_url=False) if one["loc"][:1] == (head,)]
                if problems:
                    at = where if isinstance(values, Range) else (*where, index)
                    yield f"{source.at(at)}: {refusal(problems, kind)}"


def with_value(item: Mapping[str, Any], field: str, value: Any) -> dict[str, Any]:
    """Return a step's keys with one of them, or one inside of it (`calibration.examples`), set.

    >>> with_value({"student": {"layers": 6}}, "student.layers", 3)
    {'student': {'layers': 3}}
    """
    head, dot, rest = field.partition(".")
    inner = item.get(head)
    if dot:
        value = with_value(inner if isinstance(inner, Mapping) else {}, rest, value)
    return {**item, head: value}
