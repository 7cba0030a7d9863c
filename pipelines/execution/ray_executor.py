"""Run nodes on a Ray cluster: one task of Ray's for each; what hangs on times of this machine is done here."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xpareto.compress.core import STEPS, DiskError, InputError
from xpareto.eval.hardware import usable_cores
from xpareto.eval.probing import Job as Measurable
from xpareto.eval.probing import own_environment, threading_variables
from xpareto.eval.records import Measurement
from xpareto.pipelines.execution import ray_tasks
from xpareto.pipelines.execution.executor import LocalExecutor, StepError, WorkerDied
from xpareto.pipelines.execution.work import Job, Progress

_RETRIES = 3  # of a task whose process or machine died, by Ray


class RayExecutor:
    """Sends nodes and scores to a cluster whose nodes see store and data at the same paths.

    A task asks Ray for as many CPUs as it has threads (no more than the largest node has), one GPU where it trains and
    there are some, and the memory that alike work took. `at_once` tasks are given to Ray at a time: as many as the
    cluster has room for when the run begins, or as asked for, which lets a cluster grow.
    """

    def __init__(self, address: str, log: Path, threads: int, at_once: int | None = None) -> None:
        self._address, self._log, self._threads = address, log, threads
        self._here = LocalExecutor(log, 1, threads)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._board: Any = None
        self._tasks: dict[str, Any] = {}  # what runs, by number
        self._told: dict[str, tuple[Progress, Callable[[str], None]]] = {}
        self._ray: Any = None
        self._read = 0.0  # when the board was read
        nodes = self._nodes()
        self._most = {name: max(node.get(name, 0.0) for node in nodes) for name in ("CPU", "GPU", "memory")}
        room = sum(int(node.get("CPU", 0.0) // self._cpus(threads)) for node in nodes)
        self.at_once = at_once or max(1, room)

    def do(self, work: Job, progress: Progress, begins: Callable[[str], None]) -> str:
        if any(name.startswith("machine:") for name in work.node.data):
            return self._here.do(work, progress, begins)
        data = replace(work.data, root=_absolute(work.data.root), lock=_absolute(work.data.lock))
        work = replace(work, data=data, base_folder=_absolute(work.base_folder))
        step = None if work.node.step == "base" else STEPS.load(work.node.step)
        wants: dict[str, Any] = {"num_cpus": self._cpus(work.threads)}
        if step is not None and step.together and self._most["GPU"]:
            wants["num_gpus"] = 1
        if work.memory_bytes is not None and self._most["memory"]:
            wants["memory"] = min(work.memory_bytes, int(self._most["memory"]))
        answer = self._call(ray_tasks.make, work.to_json(), wants, progress, begins)
        if "done" in answer:
            begins(answer["where"])
            return str(answer["done"])
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(answer.get("trace", ""))
        if answer["input"]:
            raise DiskError(answer["failed"]) if answer.get("disk") else InputError(answer["failed"])
        raise StepError(answer["failed"])

    def measure(self, job: Measurable, folder: Path, begins: Callable[[str], None]) -> list[Measurement]:
        return self._measured(job, folder, {"num_cpus": self._cpus(job.threads)}, begins)

    def measure_on(self, label: str) -> Callable[..., list[Measurement]]:
        """Return what measures on the nodes that carry a custom resource, with all CPUs and GPUs of such a node.

        InputError where none carries it, or where they differ.
        """
        carriers = [node for node in self._nodes() if node.get(label)]
        sizes = {(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in carriers}
        if not sizes:
            raise InputError(
                f"measure.on: expected a node of the Ray cluster with the resource {label}, found none among "
                f"{len(self._nodes())}. Start one with: ray start --address=... --resources='{{\"{label}\": 1}}'"
            )
        if len(sizes) > 1:
            raise InputError(
                f"measure.on: expected nodes of one kind with the resource {label}, found some with "
                f"{' and '.join(f'{cpus:g} CPUs and {gpus:g} GPUs' for cpus, gpus in sorted(sizes))}. "
                "Costs of different machines cannot be compared: give it to machines of one kind."
            )
        ((cpus, gpus),) = sizes
        wants = {"num_cpus": cpus, "num_gpus": gpus, "resources": {label: 1}}

        def measured(job: Measurable, folder: Path, begins: Callable[[str], None]) -> list[Measurement]:
            return self._measured(job, folder, wants, begins)

        return measured

    def facts_on(self, label: str) -> dict[str, Any]:
        """Return what the machine that carries a custom resource is."""
        facts: dict[str, Any] = self._started().get(
            self._remote(ray_tasks.facts, {"num_cpus": 0, "resources": {label: 1}}).remote()
        )
        return facts

    def fits(self, expected_bytes: Sequence[int]) -> bool:
        return True  # Ray is told what a task takes, and waits for it

    def close(self) -> None:
        self._here.interrupt()
        self._here.close()
        with self._lock:
            ray, tasks = self._ray, list(self._tasks.values())
            self._ray = self._board = None
        if ray is not None:
            for task in tasks:
                ray.cancel(task, force=True)
            ray.shutdown()

    def _measured(
        self, job: Measurable, folder: Path, wants: Mapping[str, Any], begins: Callable[[str], None]
    ) -> list[Measurement]:
        data = replace(job.data, root=_absolute(job.data.root), lock=_absolute(job.data.lock))
        rows, files, where = self._call(
            ray_tasks.measure, replace(job, data=data).to_json(), wants, lambda *_: None, begins
        )
        begins(where)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return list(rows)

    def _call(
        self,
        function: Callable[..., Any],
        text: str,
        wants: Mapping[str, Any],
        progress: Progress,
        begins: Callable[[str], None],
    ) -> Any:
        """Run a task and return its result; WorkerDied when all of Ray's own attempts were lost."""
        ray, number = self._started(), str(next(self._numbers))
        from ray.exceptions import GetTimeoutError, RayError, RayTaskError

        task = self._remote(function, wants).remote(text, number, self._board)
        with self._lock:
            self._tasks[number], self._told[number] = task, (progress, begins)
        try:
            while True:
                try:
                    return ray.get(task, timeout=ray_tasks.SECONDS_BETWEEN_NEWS)
                except GetTimeoutError:
                    self._tell()
        except RayTaskError as error:
            cause = error.cause
            raise cause if isinstance(cause, InputError) else StepError(f"{error}") from error
        except RayError as error:
            raise WorkerDied(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
        except AttributeError as error:  # closed meanwhile
            raise WorkerDied("it was stopped") from error
        finally:
            with self._lock:
                self._tasks.pop(number, None)
                self._told.pop(number, None)

    def _tell(self) -> None:
        """Hand on what tasks wrote on the board; one thread that waits does so for all."""
        with self._lock:
            board, ray = self._board, self._ray
            if ray is None or time.monotonic() - self._read < ray_tasks.SECONDS_BETWEEN_NEWS / 2:
                return
            self._read = time.monotonic()
        for number, news in ray.get(board.news.remote()).items():
            with self._lock:
                told = self._told.get(number)
            if told is not None:
                if "where" in news:
                    told[1](news["where"])
                if "progress" in news:
                    told[0](*news["progress"])

    def _cpus(self, threads: int) -> int:
        return max(1, min(threads, int(self._most["CPU"])))

    def _nodes(self) -> list[Mapping[str, float]]:
        """Return what each node of the cluster has of every resource."""
        return [node["Resources"] for node in self._started().nodes() if node["Alive"]]

    def _remote(self, function: Callable[..., Any], wants: Mapping[str, Any]) -> Any:
        return self._started().remote(max_retries=_RETRIES, **wants)(function)

    def _started(self) -> Any:
        with self._lock:
            if self._ray is None:
                self._ray = _connect(self._address, self._threads)
                self._board = self._ray.remote(num_cpus=0, max_restarts=-1)(ray_tasks.Board).remote()
            return self._ray


def check_ray() -> None:
    """Refuse --ray where Ray is not installed, before anything is done."""
    _import_ray()


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "--ray: Ray is not installed. Install it with: pip install 'xpareto[ray]'"
        ) from error
    return ray


def _connect(address: str, threads: int) -> Any:
    ray = _import_ray()
    ours = own_environment()
    variables = threading_variables(threads)
    variables |= {name: ours[name] for name in ("PYTHONPATH", "PYTHONSAFEPATH") if name in ours}
    variables |= {"OMP_WAIT_POLICY": "passive", "TOKENIZERS_PARALLELISM": "false"}
    own: dict[str, Any] = (
        {"num_cpus": usable_cores(), "include_dashboard": False} if address == "local" else {}
    )
    if own:  # Ray would let its workers make way for everything else on the machine
        os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        ray.init(
            address=address,
            logging_level="ERROR",
            log_to_driver=False,
            runtime_env={"env_vars": variables},
            **own,
        )
    except (ConnectionError, ValueError, RuntimeError, TimeoutError, OSError) as error:
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"--ray {address}: expected the address of a Ray cluster that runs ({told[0]}). `ray start --head` starts "
            "one here (then --ray auto), and --ray local needs none."
        ) from error
    return ray


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).absolute())
