"""Run nodes on a Ray cluster: one task of Ray's for each; what hangs on times of this machine is done here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xpareto.compress.core import STEPS, DiskError, InputError
from xpareto.eval.probing import Job as Measurable
from xpareto.eval.records import Measurement
from xpareto.pipelines.execution import ray_tasks
from xpareto.pipelines.execution.executor import LocalExecutor, StepError
from xpareto.pipelines.execution.places import absolute, sent, store_named_by
from xpareto.pipelines.execution.ray_cluster import Labelled, RayCluster
from xpareto.pipelines.execution.work import Job, Progress
from xpareto.pipelines.storage import is_url

_MEMORY_STEP = 2**26  # bytes: Ray keeps its workers for tasks that ask for the same


class RayExecutor:
    """Sends nodes and scores to a cluster whose nodes see the data, and a store in a folder, at the same paths.

    A task asks Ray for as many CPUs as it has threads (no more than the largest node has), or for one where its step is
    not quicker with more; for one GPU where it trains and there are some; and for the memory that alike work took. As
    many tasks as the cluster had room for when the run began are at work at a time, and as many more wait in Ray's
    queue, so that no machine waits for us; or `at_once` are given to Ray, as asked for, which lets a cluster grow.
    """

    def __init__(self, cluster: RayCluster, log: Path, threads: int, at_once: int | None = None) -> None:
        self._cluster, self._log = cluster, log
        self._here = LocalExecutor(log, 1, threads)
        self._base_lock = threading.Lock()
        self.at_once = at_once or cluster.room
        self.ahead = 0 if at_once else cluster.room

    def do(self, work: Job, progress: Progress, begins: Callable[[str], None]) -> str:
        if any(name.startswith("machine:") for name in work.node.data):
            return self._here.do(work, progress, begins)
        if work.base_folder is not None and is_url(work.store):  # a folder that others may not see
            with self._base_lock:
                return self._here.do(work, progress, begins)
        work = replace(work, data=sent(work.data, work.store), base_folder=absolute(work.base_folder))
        answer = self._cluster.call(ray_tasks.make, work.to_json(), self._wants(work), progress, begins)
        if "done" in answer:
            begins(answer["where"])
            return str(answer["done"])
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(answer.get("trace", ""))
        if answer["input"]:
            raise DiskError(answer["failed"]) if answer.get("disk") else InputError(answer["failed"])
        raise StepError(answer["failed"])

    def measure(self, job: Measurable, folder: Path, begins: Callable[[str], None]) -> list[Measurement]:
        return self._measured(job, folder, {"num_cpus": self._cluster.cpus(job.threads)}, begins)

    def measure_on(self, labelled: Labelled) -> Callable[..., list[Measurement]]:
        """Return what measures on nodes that carry a label, with all CPUs and GPUs of such a node."""

        def measured(job: Measurable, folder: Path, begins: Callable[[str], None]) -> list[Measurement]:
            return self._measured(job, folder, labelled.wants, begins)

        return measured

    def fits(self, expected_bytes: Sequence[int]) -> bool:
        return True  # Ray is told what a task takes, and waits for it

    def close(self) -> None:
        self._here.interrupt()
        self._here.close()
        self._cluster.end()

    def _wants(self, work: Job) -> Mapping[str, Any]:
        step = None if work.node.step == "base" else STEPS.load(work.node.step)
        threads = work.threads if step is not None and step.threaded else 1
        wants: dict[str, Any] = {"num_cpus": self._cluster.cpus(threads)}
        if step is not None and (step.trains or step.together) and self._cluster.most["GPU"]:
            wants["num_gpus"] = 1
        most = int(self._cluster.most["memory"])
        if work.memory_bytes is not None and most:
            wants["memory"] = min(-(-work.memory_bytes // _MEMORY_STEP) * _MEMORY_STEP, most)
        return wants

    def _measured(
        self, job: Measurable, folder: Path, wants: Mapping[str, Any], begins: Callable[[str], None]
    ) -> list[Measurement]:
        data = sent(job.data, store_named_by(job))
        rows, files, where = self._cluster.call(
            ray_tasks.measure, replace(job, data=data).to_json(), wants, lambda *_: None, begins
        )
        begins(where)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return list(rows)
