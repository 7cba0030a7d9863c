"""What the nodes of a Ray cluster do for a run: make a node of its plan, measure a candidate, tell how far it is.

Imported on the cluster's nodes; arguments and results are plain values.
"""

from __future__ import annotations

import platform
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xpareto.compress.core import InputError
from xpareto.eval.hardware import machine_facts
from xpareto.eval.probing import Job as Measurable
from xpareto.eval.probing import launch
from xpareto.eval.records import Measurement
from xpareto.pipelines.execution.places import arrived, brought, store_named_by
from xpareto.pipelines.execution.work import Job
from xpareto.pipelines.execution.worker import serve
from xpareto.pipelines.storage import is_url

SECONDS_BETWEEN_NEWS = 1.0


class Board:
    """An actor on which tasks write where they run and how far they are, and the driver reads it."""

    def __init__(self) -> None:
        self._news: dict[str, dict[str, Any]] = {}

    def tell(self, number: str, **facts: Any) -> None:
        self._news.setdefault(number, {}).update(facts)

    def news(self) -> dict[str, dict[str, Any]]:
        """Return what is new since the last call, by task."""
        news, self._news = self._news, {}
        return news


def make(text: str, number: str, board: Any) -> Mapping[str, Any]:
    """Do a job and return its digest as "done", or why it "failed", as a worker process answers, and "where"."""
    work = Job.from_json(text)
    try:
        unseen = _unseen(work.store)
        work = replace(work, data=arrived(work.data, work.store))
    except InputError as error:
        unseen = f"{platform.node()}: {error}"
    if unseen is not None:
        return {"failed": unseen, "input": True}
    told = sys.stdout
    try:
        sys.stdout = sys.stderr  # whatever libraries print belongs to the log of Ray's worker
        with place_told(number, board):
            answer = serve(
                work.to_json(),
                lambda done, of, detail: board.tell.remote(number, progress=(done, of, detail)),
                seconds=SECONDS_BETWEEN_NEWS,
            )
        return {**answer, "where": platform.node()}
    finally:
        sys.stdout = told


def measure(text: str, number: str, board: Any) -> tuple[list[Measurement], dict[str, bytes], str]:
    """Measure a candidate; return its rows, the files that probes left, by name, and where it was."""
    with place_told(number, board), TemporaryDirectory() as temporary:
        folder = Path(temporary) / "probe"
        job = Measurable.from_json(text)
        data = arrived(job.data, store_named_by(job))
        rows = launch(replace(brought(job), data=data), folder)
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    return rows, files, platform.node()


def facts() -> dict[str, Any]:
    """Return what the machine of a node is."""
    return machine_facts()


@contextmanager
def place_told(number: str, board: Any) -> Iterator[None]:
    """Tell where a task is, unless it is done so soon that its result does."""
    telling = threading.Timer(
        SECONDS_BETWEEN_NEWS / 2, lambda: board.tell.remote(number, where=platform.node())
    )
    telling.daemon = True
    telling.start()
    try:
        yield
    finally:
        telling.cancel()


def _unseen(store: str) -> str | None:
    if is_url(store) or (Path(store) / "keys").is_dir():
        return None
    return (
        f"{platform.node()}: expected the store {store}, found no such folder. All nodes of the Ray cluster must see "
        "store and data at the paths of the command: put them on a file system that they share, or the store on s3://."
    )
