"""Print the names of everything that recipes can name."""

from __future__ import annotations

from collections.abc import Sequence

from xpareto.compress.core import STEPS
from xpareto.eval.objectives import OBJECTIVES
from xpareto.eval.probing import PROBES
from xpareto.eval.runtimes import RUNTIMES
from xpareto.eval.tasks import TASKS, TRAINING_SETS
from xpareto.pipelines.display.table import print_table
from xpareto.pipelines.recipe import shipped_recipes


def catalogue_names() -> dict[str, Sequence[str]]:
    """Return the names of every catalogue's entries; no entry is loaded."""
    catalogues = {
        "steps": STEPS,
        "tasks": TASKS,
        "training": TRAINING_SETS,
        "runtimes": RUNTIMES,
        "probes": PROBES,
        "objectives": OBJECTIVES,
    }
    return {**{kind: one.names for kind, one in catalogues.items()}, "recipes": tuple(shipped_recipes())}


def show_names() -> None:
    """Print the names of every catalogue, and how more is told."""
    print_table([(kind, " ".join(names)) for kind, names in catalogue_names().items()], "list", "names")
    print()
    print("xpareto list steps tells a line of each, xpareto list train all about one.")
