"""`base: embedded` in a recipe, or --base embedded: the shipped steps that make a tiny XLM-R come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compress.errors import InputError
from pipelines.located_yaml import Located, Where, read_yaml

EMBEDDED = "embedded"
STEPS_FILE = Path(__file__).parent / "bases" / "embedded.yaml"


def with_embedded_base(recipe: Located, base: str | None) -> Located:
    """Return the recipe with the steps of the embedded base before its own, where that is its base.

    `base` is the command line's choice, which goes before the recipe's own: a recipe that says
    `base: embedded` runs without any argument, and on a real model with --base.
    """
    if not isinstance(recipe.value, dict) or (base or recipe.value.get("base")) != EMBEDDED:
        return recipe
    own = recipe.value.get("steps")
    if not isinstance(own, list):
        return recipe  # the check of the recipe tells it better
    if any(isinstance(item, dict) and item.get("step") == "pretrain" for item in own):
        raise InputError(
            f"{recipe.at(('base',))}: the recipe makes its own base (step pretrain), and base: embedded makes "
            "another one. Leave out the one or the other."
        )
    first: list[Any] = read_yaml(STEPS_FILE).value
    value = {key: part for key, part in recipe.value.items() if key != "base"} | {"steps": [*first, *own]}
    return replace(recipe, value=value, lines=_moved(recipe.lines, len(first)))


def _moved(lines: Mapping[Where, int], by: int) -> dict[Where, int]:
    """Return the lines with the steps moved on; the steps of the base stand at its key."""
    moved: dict[Where, int] = {("steps", at): lines.get(("base",), 1) for at in range(by)}
    for where, line in lines.items():
        if len(where) > 1 and where[0] == "steps" and isinstance(where[1], int):
            where = ("steps", where[1] + by, *where[2:])
        moved[where] = line
    return moved
