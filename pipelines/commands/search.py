"""Search the space of a recipe."""

from __future__ import annotations

import typer

from xpareto.pipelines.commands.options import (
    RUNS,
    STORE,
    BaseNames,
    DataName,
    LockFile,
    Processes,
    RayAddress,
    RecipeName,
    RunsFolder,
    SaveEvery,
    Sets,
    StorePlace,
    Workers,
    command_line,
)


def search(
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
) -> None:
    """Try settings of a recipe's `search` within its budget, screen them, then run the finalists and write the report.

    A search that was killed goes on where it stopped when the same command is given again; its study, in the run's
    folder, can be read with optuna-dashboard. Exit code 1 when a finalist, or a probe of one, failed.
    """
    from xpareto.pipelines import search as search_recipe
    from xpareto.pipelines.display import Terminal
    from xpareto.pipelines.planning import base_of_options

    with Terminal() as terminal:
        result = search_recipe(
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
    if result.failed:
        raise typer.Exit(1)
