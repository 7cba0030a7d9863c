"""What happens to tasks on a Ray cluster of this machine alone, told as JSON; test_ray_executor.py asks.

python -m tests.pipelines.execution.ray_scenario FOLDER BASE
"""

from __future__ import annotations

import json
import platform
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.pipelines.execution.test_executor import work
from xpareto.pipelines.execution.executor import LocalExecutor
from xpareto.pipelines.execution.ray_cluster import RayCluster
from xpareto.pipelines.execution.ray_executor import RayExecutor
from xpareto.pipelines.execution.ray_tasks import place_told

ONE = {"num_cpus": 1}


def sleep(text: str, number: str, board: Any) -> str:
    """Take the seconds that the text says; tell the board where."""
    with place_told(number, board):
        time.sleep(float(text))
    return text


def quiet(done: int, of: int, text: str) -> None:
    return None


def raised(call: Callable[[], object]) -> list[str]:
    """Return the kind of the error that a call ends with, and what it says."""
    try:
        call()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["nothing", ""]


def main(folder: Path, base: Path) -> dict[str, Any]:
    """Return what was found."""
    found: dict[str, Any] = {"machine": platform.node()}
    here, there = folder / "here", folder / "there"
    (there / "store" / "keys").mkdir(parents=True)
    local = LocalExecutor(folder / "log")
    found["made here"] = local.do(work(here, "base", {}, base), quiet)
    local.close()
    cluster = RayCluster("local", 1)
    executor = RayExecutor(cluster, folder / "log", 1)
    places: list[str] = []
    found["made"] = executor.do(work(there, "base", {}, base), quiet, places.append)
    found["made on"] = sorted(set(places))
    missing, bug = work(there, "base", {}, folder / "nothing"), work(there, "train", {"on": "mnli"})
    for name, job, key in (("bad input", missing, "e"), ("bug", bug, "f")):
        node = replace(job.node, key=key * 64)
        found[name] = raised(lambda: executor.do(replace(job, node=node), quiet, places.append))  # noqa: B023
    found["log"] = (folder / "log").read_text(encoding="utf-8")
    found["no label"] = raised(lambda: cluster.labels("loud"))

    told: list[str] = []
    with ThreadPoolExecutor(40) as threads:
        calls = [threads.submit(cluster.call, sleep, "0.01", ONE, quiet, told.append) for _ in range(40)]
        found["many"] = [call.result() for call in calls]
    found["many told"], slow = list(told), []
    cluster.call(sleep, "3", ONE, quiet, slow.append)
    found["slow told"] = slow

    begun = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(cluster.call, sleep, "600", ONE, quiet, lambda _: begun.set())
        assert begun.wait(300)
        executor.close()
        found["stopped"] = raised(waiting.result)
    import ray

    found["connected"] = ray.is_initialized()
    found["again"] = cluster.call(sleep, "0", ONE, quiet, lambda _: None)
    cluster.end()
    return found


if __name__ == "__main__":
    # The functions that tasks call are this module's, which is called __main__ here alone.
    from tests.pipelines.execution import ray_scenario

    print(json.dumps(ray_scenario.main(*map(Path, sys.argv[1:]))))
