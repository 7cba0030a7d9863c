"""Make and measure what a recipe describes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from xpareto.pipelines.commands import completion
from xpareto.pipelines.commands.options import (
    RUNS,
    STORE,
    BaseNames,
    DataName,
    LockFile,
    Processes,
    RayAddress,
    RecipeName,
    RunName,
    RunsFolder,
    RunsLookup,
    SaveEvery,
    Sets,
    StoreLookup,
    StorePlace,
    Text,
    Workers,
    command_line,
)
from xpareto.pipelines.commands.output import tell


def run(
    recipe: RecipeName,
    sets: Sets = [],
    base: BaseNames = [],
    data: DataName = None,
    lock: LockFile = None,
    out: RunsFolder = RUNS,
    store: StorePlace = STORE,
    processes: Processes = 1,
    workers: Workers = None,
    ray: RayAddress = None,
    save_every: SaveEvery = 5.0,
    track: Annotated[
        Text,
        typer.Option(
            "--track",
            metavar="TRACKER",
            help="mlflow or trackio: also tell it of the run, as `xpareto track` does.",
            autocompletion=completion.trackers,
        ),
    ] = None,
) -> None:
    """Make what a recipe describes, measure every candidate, and write the report.

    A run that was killed goes on where it stopped when the same command is given again. Exit code 1 when a
    candidate could not be made, or a probe of one failed.
    """
    from xpareto.pipelines import run as run_recipe
    from xpareto.pipelines.display import Terminal
    from xpareto.pipelines.planning import base_of_options

    if track is not None:
        from xpareto.pipelines.trackers import tracker

        tracker(track)  # what is not installed is told before hours of work
    with Terminal() as terminal:
        result = run_recipe(
            recipe,
            overrides=sets,
            base=base_of_options(base),
            data=data,
            lock=lock,
            store=store,
            runs=out,
            processes=processes,
            workers=workers,
            ray=ray,
            save_minutes=save_every,
            progress=terminal,
            command=command_line(),
        )
    terminal.summary(result.path, result.failed)
    if track is not None:
        tell(result.track(track))
    if result.failed:
        raise typer.Exit(1)


def plan(
    recipe: RecipeName,
    sets: Sets = [],
    base: BaseNames = [],
    data: DataName = None,
    lock: LockFile = None,
    store: StorePlace = STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole plan as JSON.")] = False,
) -> None:
    """Show what would run and what is cached, without running it."""
    from xpareto.pipelines.display import plan_json, show_plan
    from xpareto.pipelines.planning import Options, base_of_options, prepare

    ready = prepare(Options(recipe, tuple(sets), base_of_options(base), data, lock, store))
    if as_json:
        for note in ready.notes:
            tell(f"Note: {note}", error=True)
        sys.stdout.write(plan_json(ready))
    else:
        show_plan(ready)


def measure(
    run: RunName,
    probe: Annotated[
        Text,
        typer.Option(
            "--probe", metavar="NAME", help="One probe only; default: all.", autocompletion=completion.probes
        ),
    ] = None,
    runs: RunsLookup = RUNS,
    store: StoreLookup = None,
) -> None:
    """Measure the existing artifacts of a run once more, as a further repeat; exit code 1 when a probe failed."""
    from xpareto.pipelines.display import Terminal
    from xpareto.pipelines.runs import measure_again, store_of
    from xpareto.pipelines.storage import RunFolder

    run_folder = RunFolder.find(run, runs)
    with Terminal() as terminal:
        result = measure_again(run_folder, store_of(run_folder, store), probe, terminal)
        for name, reason in result.failed.items():
            terminal.say(f"Failed: {name}: {reason}")
    for file in result.report:
        tell(file)
    if result.failed:
        raise typer.Exit(1)
