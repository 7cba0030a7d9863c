"""Print the recipes that ship with xpareto."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xpareto.pipelines.display.table import print_table
from xpareto.pipelines.recipe import read_yaml, shipped_recipes


def show_recipes(verbose: bool, *only: str) -> None:
    """Print every shipped recipe, or `only` these, with its description; what it is made of where that is asked."""
    rows = []
    for name, path in shipped_recipes().items():
        if only and name not in only:
            continue
        value = read_yaml(path).value
        rows.append((name, str(value.get("description", ""))))
        if verbose:
            rows += [("", f"{key}: {told}") for key, told in _parts(value).items() if told]
            rows.append(("", f"file: {path}"))
    print_table(rows, "recipe", "")


def _parts(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return the parts of a recipe that tell recipes apart, each in words."""
    tasks = [str(item["task"] if isinstance(item, dict) else item) for item in recipe.get("tasks", ())]
    steps = [
        f"{item['step']} ({item['label']})" if "label" in item else str(item["step"])
        for item in recipe.get("steps", ())
        if isinstance(item, dict)
    ]
    lists = {
        "tasks": tasks,
        "arms": list(recipe.get("arms") or {}),
        "steps": steps,
        "tried": list(recipe.get("sweep") or {}),
        "runtimes": recipe.get("runtimes") or [],
        "seeds": recipe.get("seeds") or [],
    }
    return {key: ", ".join(map(str, items)) for key, items in lists.items()}
