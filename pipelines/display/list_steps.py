"""Print the steps that a recipe can name."""

from __future__ import annotations

from xpareto.compress.core import STEPS, example_recipe, field_docs, formats, prose
from xpareto.pipelines.display.table import print_table


def show_steps(verbose: bool, *only: str) -> None:
    """Print every step, or `only` these: a line each, or all that a recipe can say of it."""
    if not verbose:
        print_table(list(STEPS.summaries().items()), "step", "")
        return
    for name in only or STEPS.names:
        kind = STEPS.load(name)
        print(
            f"{name}\n{'=' * len(name)}\n\n{prose(kind)}\n\n{formats(kind)}\n\n{example_recipe(kind)}", end=""
        )
        for rule in kind.rules:
            print(f"\n{rule.told(name)}")
        print()
        print_table(
            [
                (doc.name, doc.takes, doc.default or "required", doc.example or "", doc.description)
                for doc in field_docs(kind)
            ],
            "field", "takes", "default", "example", "meaning",
        )  # fmt: skip
        print()
