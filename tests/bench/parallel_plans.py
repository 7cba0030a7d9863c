"""What running a plan's ready nodes together gives, and what its scheduling costs.

    python tests/bench/parallel_plans.py trainings [--workers 2] [--updates 1500]
    python tests/bench/parallel_plans.py nodes [--count 10000] [--ray ADDRESS]

`trainings`: a plan of equal trainings that do not hang on each other, each in one thread, first with one worker and
then with several; digests must be equal before a ratio is printed, and the load of the machine stands beside it. On
two quiet cores two workers should take at most 0.65 of the time, in which all but the first of them start.

`nodes`: nodes with nothing to do, in chains of ten: as calls of a function, which is what the scheduler takes, and as
jobs whose artifacts are in the store, in two worker processes or with --ray as tasks of a Ray cluster; with how much
this process grew, and with the processor time of all processes: where others use the machine, half of that on two
cores is what it would take by itself.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from xpareto.compress.core import Manifest
from xpareto.eval.data import DataSpec
from xpareto.eval.hardware import peak_bytes, reset_peak, resident_bytes
from xpareto.pipelines import plan
from xpareto.pipelines.execution import Job, LocalExecutor, LocalWorkers, RayCluster, RayExecutor, Schedule
from xpareto.pipelines.planning import Node, Prepared
from xpareto.pipelines.storage import Store

MEBI = 2**20
KEYS = 64  # of jobs; two that are at work never share one, whose lock they would wait for


def recipe(trainings: int, updates: int) -> dict[str, Any]:
    """Return a recipe whose work is one base and equal trainings on it."""
    return {
        "xpareto": 1, "name": "trainings", "tasks": ["udpos"], "languages": ["en"], "seeds": list(range(trainings)),
        "steps": [{"step": "train", "label": "fp32", "on": "each", "steps": updates, "patience": 0, "dev_limit": 20}],
        "runtimes": ["torch"], "measure": {"limit": 10, "threads": 1},
    }  # fmt: skip


def made(ready: Prepared, executor: LocalExecutor | LocalWorkers) -> tuple[dict[str, str], float]:
    """Return the digest of every training, and the seconds that all took; base and one worker are there before."""
    nodes = ready.plan.nodes
    digests: dict[str, str] = {}

    def work(key: str) -> None:
        job = Job.of(nodes[key], ready.store, ready.start.spec, 1, ready.start.base, 0)
        digests[key] = executor.do(job, lambda *_: None)

    for key, node in nodes.items():
        if node.step == "base":
            work(key)
    trainings = {key: () for key, node in nodes.items() if node.step != "base"}
    began = time.perf_counter()
    Schedule(executor.at_once).run(trainings, work)
    return digests, time.perf_counter() - began


def trainings(workers: int, count: int, updates: int) -> None:
    """Print what several workers take of the time of one, where digests are equal."""
    found: dict[int, tuple[dict[str, str], float]] = {}
    with TemporaryDirectory() as temporary:
        for at_once in (1, workers):
            folder = Path(temporary) / str(at_once)
            ready = plan(recipe(count, updates), base="embedded", data="embedded", store=folder / "store")
            log = folder / "worker.log"
            executor = LocalExecutor(log, 1, 1) if at_once == 1 else LocalWorkers(log, at_once, 1)
            found[at_once] = made(ready, executor)
            executor.close()
            load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
            print(f"{at_once} workers: {found[at_once][1]:.1f} s for {count} trainings (load {load})")
    assert found[1][0] == found[workers][0], "digests differ"
    print(f"digests equal; {found[workers][1] / found[1][1]:.2f} of the time with {workers} workers")


def nodes(count: int, address: str | None) -> None:
    """Print what nodes that have nothing to do take, and by how much this process grows."""
    needs = {str(number): [str(number - 1)] if number % 10 else [] for number in range(count)}
    with TemporaryDirectory() as temporary:
        store, log = Store(Path(temporary) / "store"), Path(temporary) / "log"
        jobs = [stored(store, number) for number in range(KEYS)]
        executor = LocalWorkers(log, 2, 1) if address is None else RayExecutor(RayCluster(address, 1), log, 1)
        ways = {"calls of a function": lambda key: None}
        ways["jobs on Ray" if address else "jobs of worker processes"] = lambda key: executor.do(
            jobs[int(key) % KEYS], lambda *_: None, lambda where: None
        )
        for what, work in ways.items():
            together = executor.at_once + executor.ahead
            timed(
                {str(number): [] for number in range(2 * together)}, together, work
            )  # starts what it runs in
            took = timed(needs, together, work)
            load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
            print(
                f"{count} nodes as {what}: {took.seconds:.1f} s, {took.cpu_seconds:.1f} s of CPUs, "
                f"{took.grown / MEBI:.1f} MiB more at the peak (load {load})"
            )
        executor.close()


def stored(store: Store, number: int) -> Job:
    """Return a job whose artifact, of no file, is in the store."""
    key = f"{number:064x}"
    store.put(key, {}, lambda target: Manifest({}, "torch", "encoder", key=key))
    node = Node(key, "base", "base", 1, {}, None, None, {}, {}, "bench")
    return Job(node, str(store.root), DataSpec(None), 1)


@dataclass(frozen=True)
class Took:
    """What a graph of nodes took: time, processor time of this process and all that it started, memory of this one."""

    seconds: float
    cpu_seconds: float
    grown: int


def timed(needs: dict[str, list[str]], at_once: int, work: Any) -> Took:
    reset_peak()
    before, used, began = resident_bytes(), cpu_seconds(), time.perf_counter()
    Schedule(at_once).run(needs, work)
    return Took(time.perf_counter() - began, cpu_seconds() - used, peak_bytes() - before)


def cpu_seconds() -> float:
    """Return the processor time of this process and of all that it started and that live."""
    total = 0.0
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    of_trainings, of_nodes = kinds.add_parser("trainings"), kinds.add_parser("nodes")
    of_trainings.add_argument("--workers", type=int, default=2)
    of_trainings.add_argument("--count", type=int, default=4)
    of_trainings.add_argument("--updates", type=int, default=1500)
    of_nodes.add_argument("--count", type=int, default=10_000)
    of_nodes.add_argument("--ray")
    given = parser.parse_args()
    if given.kind == "trainings":
        trainings(given.workers, given.count, given.updates)
    else:
        nodes(given.count, given.ray)


if __name__ == "__main__":
    main()
