"""Tell what recipes can name, and what this machine can measure."""

from __future__ import annotations

from typing import Annotated

import typer

WHAT = ("steps", "tasks", "training", "runtimes", "probes", "objectives", "recipes")


def list_entries(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="steps, tasks, training, runtimes, probes, objectives or recipes.",
            show_default=False,
        ),
    ] = "",  # so that its absence is answered with the choices
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show every field.")] = False,
) -> None:
    """List what recipes can name."""
    show(what, verbose)


def show(what: str, verbose: bool) -> None:
    """Print one catalogue, loading no other; InputError with the choices where there is none of that name."""
    if what == "steps":
        from xpareto.pipelines.display import show_steps

        show_steps(verbose)
    elif what == "tasks":
        from xpareto.pipelines.display import show_tasks

        show_tasks(verbose)
    elif what == "training":
        from xpareto.pipelines.display import show_training

        show_training(verbose)
    elif what == "runtimes":
        from xpareto.pipelines.display import show_runtimes

        show_runtimes(verbose)
    elif what == "probes":
        from xpareto.pipelines.display import show_probes

        show_probes(verbose)
    elif what == "objectives":
        from xpareto.pipelines.display import show_objectives

        show_objectives(verbose)
    elif what == "recipes":
        from xpareto.pipelines.display import show_recipes

        show_recipes(verbose)
    else:
        from xpareto.compress.core import InputError, hint

        named = f'"{what}".{hint(what, WHAT)}' if what else "nothing."
        raise InputError(f"Expected one of {', '.join(WHAT)}, found {named}")


def schema(
    of: Annotated[
        str,
        typer.Option(
            "--of",
            metavar="DOCUMENT",
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
