"""Run nodes on this machine: in one worker process, or in several at a time."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from xpareto.compress.core import DiskError, InputError
from xpareto.compress.training import launched
from xpareto.eval.hardware import core_numbers, free_memory_bytes, gpu_numbers
from xpareto.eval.probing import Job as Measurable
from xpareto.eval.probing import launch, only_on
from xpareto.eval.records import Measurement
from xpareto.pipelines.execution.helper_processes import (
    HelperProcesses,
    environments,
    how_it_ended,
    start_worker,
)
from xpareto.pipelines.execution.places import brought
from xpareto.pipelines.execution.work import Job, Progress


class StepError(Exception):
    """A step did not give its artifact; the message says why, the run's log holds the traceback."""


class WorkerDied(StepError):
    """The process or the machine that did a step is gone: done again, the step may give its artifact."""


class Executor(Protocol):
    """Does the work of nodes whose parents are in the store, and measures what does not hang on the load.

    `do` and `measure` may be called from any number of threads (several plans that run at once share an executor):
    `at_once` are at work at a time, who comes when all is busy waits. It gains by `ahead` that wait. Both tell `begins`
    where the work is done as soon as that is known, such as "worker 2"; "": on the only one.
    """

    at_once: int
    ahead: int

    def do(self, work: Job, progress: Progress, begins: Callable[[str], None]) -> str:
        """Return the digest of the artifact; InputError, StepError or WorkerDied when there is none."""
        ...

    def measure(self, job: Measurable, folder: Path, begins: Callable[[str], None]) -> list[Measurement]:
        """Return the rows of probes, whose outcomes are left in the folder, as eval.probing.launch does."""
        ...

    def fits(self, expected_bytes: Sequence[int]) -> bool:
        """Tell whether pieces of work that are expected to take so much memory have room together."""
        ...

    def close(self) -> None:
        """End what runs and free what is held: nothing of it may run while costs are measured."""
        ...


def _untold(where: str) -> None:
    return None


@dataclass
class LocalExecutor:
    """One worker process on this machine, started at the first node and ended by close().

    With several `processes` the worker has helpers that train with it, each on its share of the rows,
    and sharing `threads`. They all end after a step that failed, since nobody can tell where each is.
    Where a launcher (`accelerate launch`) started this process among others, its worker is the first of them.
    """

    log: Path
    processes: int = 1
    threads: int = 1
    name: str = ""  # tells it from others
    variables: Mapping[str, str] = field(default_factory=dict)  # of its processes
    at_once: int = 1
    ahead: int = 0
    _process: subprocess.Popen[str] | None = None
    _helpers: HelperProcesses | None = None
    _met: bool = False  # has a worker met the processes that a launcher started?
    _busy: bool = False
    _starting: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _interrupted: bool = False

    def do(self, work: Job, progress: Progress, begins: Callable[[str], None] = _untold) -> str:
        begins(self.name)
        with self._starting:
            if self._interrupted:
                raise WorkerDied("it was not begun, since all was stopped")
            process = self._process or self._begin()
        assert process.stdin is not None and process.stdout is not None
        self._busy = True
        try:
            process.stdin.write(work.to_json() + "\n")
            process.stdin.flush()
        except (BrokenPipeError, ValueError):  # ValueError: interrupted
            return self._died(process)
        for line in process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "progress" in answer:
                done, total, text = answer["progress"]
                progress(done, total, text)
            elif "done" in answer:
                self._busy = False
                return str(answer["done"])
            else:
                self._busy = False
                self._note(answer.get("trace", ""))
                self._failed(answer["failed"], answer["input"], answer.get("disk", False))
        return self._died(process)

    def measure(
        self, job: Measurable, folder: Path, begins: Callable[[str], None] = _untold
    ) -> list[Measurement]:
        begins(self.name)
        return launch(brought(job), folder)

    def fits(self, expected_bytes: Sequence[int]) -> bool:
        return True

    def interrupt(self) -> None:
        """End the worker at once, whatever it does: who waits for it in another thread has a StepError."""
        with self._starting:
            self._interrupted = True
            if self._process is not None and self._process.stdin is not None:
                with contextlib.suppress(BrokenPipeError, ValueError):
                    self._process.stdin.close()

    def close(self) -> None:
        if self._process is None and launched() > 1 and not self._met:
            self._begin()  # to tell the others that there is nothing to do for them
        if self._process is not None:
            if self._helpers is not None:
                self._helpers.end()
            if launched() > 1 and not self._busy:
                self._take_leave(self._process)
            _end(self._process)
            self._process = self._helpers = None
        self._interrupted = False

    def _take_leave(self, process: subprocess.Popen[str]) -> None:
        """Let the worker tell the processes that a launcher started that no work is left."""
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("\n")
            process.stdin.flush()
        process.wait()

    def _begin(self) -> subprocess.Popen[str]:
        worker_environments = environments(self.processes, self.threads)
        helpers = HelperProcesses(worker_environments, self.log)
        with self.log.open("a", encoding="utf-8") as errors:
            self._process = start_worker({**worker_environments[0], **self.variables}, errors)
        helpers.watch(self._process)
        self._helpers, self._met = helpers, True
        return self._process

    def _failed(self, reason: str, bad_input: bool, disk: bool) -> None:
        """Raise what a worker's answer says."""
        if self.processes > 1:
            assert self._process is not None and self._helpers is not None
            # The worker notices that a helper is gone, but only the helper knew why.
            why = None if bad_input else self._helpers.why()
            self._process.kill()
            self.close()
            reason = why or reason
        if bad_input:
            raise DiskError(reason) if disk else InputError(reason)
        raise StepError(reason)

    def _died(self, process: subprocess.Popen[str]) -> str:
        code = _end(process)
        why = None
        if self._helpers is not None:
            why = self._helpers.why()
            self._helpers.end()
        self._process = self._helpers = None
        if why is not None:
            raise StepError(f"{why}; see {self.log}")
        raise WorkerDied(f"the worker process ended ({how_it_ended(code)}); see {self.log}")

    def _note(self, trace: str) -> None:
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(trace)


class LocalWorkers:
    """Several worker processes on this machine, each with its own GPU where there are some, and its share of cores.

    Workers that make nodes may run on all cores, in as many threads as their share; what is measured stays on it.
    """

    def __init__(self, log: Path, at_once: int, threads: int) -> None:
        self.at_once, self.ahead = at_once, 0
        self._workers = [
            LocalExecutor(log, 1, threads, f"worker {number + 1}", variables)
            for number, variables in enumerate(_variables(at_once))
        ]
        self._shares = shares(core_numbers(), at_once)
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(at_once):
            self._free.put(number)
        self._closing = False

    def do(self, work: Job, progress: Progress, begins: Callable[[str], None] = _untold) -> str:
        with self._worker() as number:
            return self._workers[number].do(work, progress, begins)

    def measure(
        self, job: Measurable, folder: Path, begins: Callable[[str], None] = _untold
    ) -> list[Measurement]:
        with self._worker() as number, only_on(self._shares[number]):
            self._workers[number].close()  # it would hold memory beside what is scored
            return self._workers[number].measure(job, folder, begins)

    def fits(self, expected_bytes: Sequence[int]) -> bool:
        import psutil

        held = 0
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                held += child.memory_info().rss
        return sum(expected_bytes) <= free_memory_bytes() + held

    def close(self) -> None:
        self._closing = True
        for worker in self._workers:
            worker.interrupt()
        for _ in self._workers:  # when whoever waits for a worker has left it
            self._workers[self._free.get()].close()
        for number in range(self.at_once):
            self._free.put(number)
        self._closing = False

    @contextmanager
    def _worker(self) -> Iterator[int]:
        number = self._free.get()
        try:
            if self._closing:
                raise WorkerDied("it was not begun, since all was stopped")
            yield number
        finally:
            self._free.put(number)


def shares(cores: Sequence[int], parts: int) -> list[list[int]]:
    """Return the cores of each of several parts; they share cores where there are fewer than parts.

    >>> shares([0, 1, 2, 3, 4], 2), shares([0, 1], 3)
    ([[0, 1], [2, 3, 4]], [[0], [1], [0]])
    """
    if len(cores) < parts:
        return [[cores[part % len(cores)]] for part in range(parts)]
    bounds = [part * len(cores) // parts for part in range(parts + 1)]
    return [list(cores[begin:end]) for begin, end in pairwise(bounds)]


def _variables(parts: int) -> list[dict[str, str]]:
    cards = gpu_numbers()
    return [{"CUDA_VISIBLE_DEVICES": cards[part % len(cards)]} if cards else {} for part in range(parts)]


def _end(process: subprocess.Popen[str]) -> int:
    """Close a worker's pipes, which ends it if it lives, and return its exit code."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # what could not be written, to a worker that died
        process.stdin.close()
    process.stdout.close()
    return process.wait()
