"""Tell what recipes can name, and what this machine can measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from xpareto.pipelines.commands import completion

WHAT = ("steps", "tasks", "training", "runtimes", "probes", "objectives", "recipes")


def list_entries(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WHAT]",
            help="steps, tasks, training, runtimes, probes, objectives or recipes; or the name of one of them, for "
            "all about it; or a recipe's file, for its tasks; default: the names of all.",
            show_default=False,
            autocompletion=completion.listed,
        ),
    ] = "",
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show every field.")] = False,
) -> None:
    """List what recipes can name, or tell all about one of them."""
    show(what, verbose)


def show(what: str, verbose: bool) -> None:
    """Print one catalogue, all about one entry, or the names of all; InputError where nothing is called so."""
    if not what:
        from xpareto.pipelines.display import show_names

        show_names()
    elif Path(what).suffix in (".yaml", ".yml"):
        from xpareto.pipelines.display import show_recipe_tasks

        show_recipe_tasks(Path(what), verbose)
    elif what in WHAT:
        _shower(what)(verbose)
    else:
        from xpareto.pipelines.display import catalogue_names

        names = catalogue_names()
        homes = [kind for kind in WHAT if what in names[kind]]
        for kind in homes:
            _shower(kind)(True, what)
        if not homes:
            from xpareto.compress.core import InputError, hint

            every = [*WHAT, *(name for kind in WHAT for name in names[kind])]
            raise InputError(
                f'Nothing is called "{what}".{hint(what, every)} Give one of {", ".join(WHAT)}, or a name: xpareto '
                "list"
            )


def _shower(kind: str) -> Callable[..., None]:
    """Return what prints a catalogue; the others are not loaded."""
    if kind == "steps":
        from xpareto.pipelines.display import show_steps as shower
    elif kind == "tasks":
        from xpareto.pipelines.display import show_tasks as shower
    elif kind == "training":
        from xpareto.pipelines.display import show_training as shower
    elif kind == "runtimes":
        from xpareto.pipelines.display import show_runtimes as shower
    elif kind == "probes":
        from xpareto.pipelines.display import show_probes as shower
    elif kind == "objectives":
        from xpareto.pipelines.display import show_objectives as shower
    else:
        from xpareto.pipelines.display import show_recipes as shower
    return shower


def schema(
    of: Annotated[
        str,
        typer.Option(
            "--of",
            metavar="DOCUMENT",
            autocompletion=completion.documents,
            help="recipe; of a run's files: run or measurement; what an analysis gives: summary, "
            "recommendation, difference, comparison, best-arm or claims.",
        ),
    ] = "recipe",
) -> None:
    """Print the JSON Schema of recipes, or of a document that a run or an analysis leaves."""
    import json

    from xpareto.eval.analyses.documents import document_schema
    from xpareto.pipelines.recipe import recipe_schema

    shown = recipe_schema() if of == "recipe" else document_schema(of)
    typer.echo(json.dumps(shown, indent=1))


def doctor() -> None:
    """Tell what this machine can measure, and what to mind."""
    from xpareto.pipelines.display import show_doctor

    show_doctor()
