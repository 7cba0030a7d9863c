"""Print the recipes that ship with xpareto."""

from __future__ import annotations

from xpareto.pipelines.display.table import print_table
from xpareto.pipelines.recipe import read_yaml, shipped_recipes


def show_recipes(verbose: bool) -> None:
    """Print every shipped recipe with its description."""
    rows = []
    for name, path in shipped_recipes().items():
        value = read_yaml(path).value
        rows.append((name, str(value.get("description", ""))))
    print_table(rows, "recipe", "")
