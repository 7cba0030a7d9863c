"""How a module of ours is started in a process of its own: the working directory is never code for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def own_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours without the working directory on the module path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def own_environment() -> dict[str, str]:
    """Return this process's environment, with what finds this xpareto, and nothing that means "here".

    An empty part of PYTHONPATH, which `PYTHONPATH=$PYTHONPATH:/x` easily leaves, is the working directory,
    and so may be a folder that came from others. Python that our processes start themselves is as careful.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    root = Path(__file__).parents[3]  # the folder of the package xpareto
    ours = [] if root.name == "site-packages" else [str(root)]  # a working copy that may not be installed
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    environment.pop("PYTHONPATH", None)
    parts = [*ours, *filter(None, given)]
    return environment | ({"PYTHONPATH": os.pathsep.join(parts)} if parts else {})


@contextmanager
def only_on(cores: Sequence[int]) -> Iterator[None]:
    """Keep this thread, and the processes that it starts inside, on some cores, where the system knows affinity."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)  # 0: of this thread alone
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
