"""Run nodes. The local executor keeps one worker process; another may send them to a cluster."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xpareto.compress.core import DiskError, InputError
from xpareto.compress.training import launched
from xpareto.pipelines.execution.helper_processes import (
    HelperProcesses,
    environments,
    how_it_ended,
    start_worker,
)
from xpareto.pipelines.execution.work import Job, Progress


class StepError(Exception):
    """A step did not give its artifact; the message says why, the run's log holds the traceback."""


class Executor(Protocol):
    """Does the work of nodes whose parents are in the store."""

    def do(self, work: Job, progress: Progress) -> str:
        """Return the digest of the artifact; InputError or StepError when there is none."""
        ...

    def close(self) -> None:
        """Free what it holds: nothing of it may run while candidates are measured."""
        ...


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
    _process: subprocess.Popen[str] | None = None
    _helpers: HelperProcesses | None = None
    _met: bool = False  # has a worker met the processes that a launcher started?
    _busy: bool = False

    def do(self, work: Job, progress: Progress) -> str:
        process = self._process or self._begin()
        assert process.stdin is not None and process.stdout is not None
        self._busy = True
        try:
            process.stdin.write(work.to_json() + "\n")
            process.stdin.flush()
        except BrokenPipeError:
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
            self._process = start_worker(worker_environments[0], errors)
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
        raise StepError(f"the worker process ended ({how_it_ended(code)}); see {self.log}")

    def _note(self, trace: str) -> None:
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(trace)


def _end(process: subprocess.Popen[str]) -> int:
    """Close a worker's pipes, which ends it if it lives, and return its exit code."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # what could not be written, to a worker that died
        process.stdin.close()
    process.stdout.close()
    return process.wait()
