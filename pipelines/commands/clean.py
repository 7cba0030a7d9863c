"""Free the disk of what no run needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xpareto.pipelines.commands.options import RUNS, STORE, StorePlace


def clean(
    store: StorePlace = STORE,
    runs: Annotated[
        list[Path],
        typer.Option(
            "--runs", metavar="DIR", help="Folders whose runs keep what they need; all of them count."
        ),
    ] = [RUNS],
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; without, it is only told.")] = False,
) -> None:
    """Tell what in a store no run needs: artifacts, remembered scores, what killed runs left; delete it if asked.

    Runs in other folders than those given do not count, and lose what only they need: their rows and reports
    stay, but `export`, `submit` and `measure` have no artifact any more until the recipe is run again.
    """
    from xpareto.compress.core import InputError
    from xpareto.pipelines.display import show_leftovers
    from xpareto.pipelines.storage import Needs, Store, cache_folder, is_url, leftovers
    from xpareto.pipelines.storage import clean as clean_store

    if is_url(store):
        raise InputError(
            f"--store {store}: expected a folder. An object store has runs that are not here, so nothing of it is "
            f"deleted; what this machine keeps of it is a store of its own: --store {cache_folder(store)}"
        )
    if not (Path(store) / "keys").is_dir():
        raise InputError(f"{store}: expected a store, found no folder keys in it. Give it with --store.")
    opened = Store(Path(store))
    needs = Needs.of(opened, runs)
    found = clean_store(opened, runs) if delete else list(leftovers(opened, needs))
    show_leftovers(found, needs, deleted=delete)
