"""Apply --set path=value to a recipe before it is checked."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from xpareto.compress.core import InputError, hint
from xpareto.pipelines.recipe.located_yaml import Located, Where, parse_yaml
from xpareto.pipelines.recipe.schema import Recipe

_NAMED = ("arms", "sweep")  # keys whose values go by names of the recipe's own


def step_items(recipe: Any) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Yield (path, mapping) of every step in the chain and in the arms of an unchecked recipe."""
    if not isinstance(recipe, dict):
        return
    lists: list[tuple[Where, Any]] = [(("steps",), recipe.get("steps"))]
    arms = recipe.get("arms")
    if isinstance(arms, dict):
        lists += [(("arms", name), steps) for name, steps in arms.items()]
    for where, steps in lists:
        for index, item in enumerate(steps if isinstance(steps, list) else []):
            if isinstance(item, dict):
                yield (*where, index), item


def label_of(item: dict[str, Any]) -> str:
    """Return the name a step goes by: its label, else its step's name."""
    return str(item.get("label") or item.get("step") or "")


def apply_overrides(recipe: Located, overrides: Sequence[str]) -> Located:
    """Return the recipe with each `path=value` set; the value is YAML.

    `label.field` sets the field of every step that goes by that label, `label.per_set.udpos.epochs` a
    value inside it; any other path leads through the recipe's own keys, as in `measure.limit=100` or
    `seeds=[1, 2]`. Set to null, an arm or a key of the sweep is left out: `arms.NAME=null`.
    """
    value, lines, flags = copy.deepcopy(recipe.value), dict(recipe.lines), dict(recipe.flags)
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path.strip():
            raise InputError(f"--set {override}: expected step.field=value or key=value.")
        parsed = parse_yaml(text, f"--set {path}").value
        head, *rest = path.strip().split(".")
        named = [(where, item) for where, item in step_items(value) if label_of(item) == head]
        if named and rest:
            places = [(*where, *rest) for where, _ in named]
            for _, item in named:
                _set_in(item, rest, parsed, override)
        else:  # the keys of a sweep hold a point themselves
            parts = ["sweep", ".".join(rest)] if head == "sweep" and rest else [head, *rest]
            if parsed is None and parts[0] in _NAMED and len(parts) == 2:
                _leave_out(value, parts, override)
            else:
                _set(value, parts, parsed, override)
            places = [tuple(parts)]
        for place in places:
            lines = {where: line for where, line in lines.items() if where[: len(place)] != place}
            flags = {where: flag for where, flag in flags.items() if where[: len(place)] != place}
            flags[place] = f"--set {override}"
    return replace(recipe, value=value, lines=lines, flags=flags)


def _set(recipe: Any, parts: list[str], parsed: Any, override: str) -> None:
    keys = sorted(Recipe.model_fields)
    labels = sorted({label_of(item) for _, item in step_items(recipe)})
    if parts[0] not in keys or not isinstance(recipe, dict):
        raise InputError(
            f"--set {override}: {parts[0]} is neither a step of this recipe ({', '.join(labels)}) "
            f"nor one of its keys ({', '.join(keys)}).{hint(parts[0], [*labels, *keys])}"
        )
    _set_in(recipe, parts, parsed, override)


def _leave_out(recipe: Any, parts: list[str], override: str) -> None:
    """Take one of the recipe's arms, or a key of its sweep, away."""
    group, name = parts
    named = recipe.get(group) if isinstance(recipe, dict) else None
    known = {str(key): key for key in named} if isinstance(named, dict) else {}
    if not isinstance(named, dict) or name not in known:
        raise InputError(
            f"--set {override}: the recipe's {group} hold no {name} to leave out; they are: "
            f"{', '.join(known) or 'none'}.{hint(name, known)}"
        )
    del named[known[name]]


def _set_in(target: dict[str, Any], parts: list[str], parsed: Any, override: str) -> None:
    for part in parts[:-1]:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise InputError(f"--set {override}: {part} holds no keys to set.")
    target[parts[-1]] = parsed
