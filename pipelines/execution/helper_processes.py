"""The helpers of a worker: further processes that train with it, and end with it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from xpareto.eval.probing import own_command, own_environment

_LAST_WORDS = 5.0  # seconds in which a helper that ends can still say why
_NOTICE = 0.5  # seconds in which it shows that one has ended, after the worker noticed


def environments(size: int, threads: int) -> list[dict[str, str]]:
    """Return what each of several processes on this machine needs to find the others, the first's first.

    The variables are those that `accelerate launch` and torchrun set.
    """
    if size == 1:
        return [{}]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": str(max(1, threads // size)),
    }
    return [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]


class HelperProcesses:
    """Helpers of one worker on this machine; when one of them ends by itself, the worker is ended."""

    def __init__(self, environments: Sequence[Mapping[str, str]], log: Path) -> None:
        self._size = len(environments)
        self._ending = False
        self._why: str | None = None
        self._helpers: list[subprocess.Popen[str]] = []
        self._watchers: list[threading.Thread] = []
        with log.open("a", encoding="utf-8") as errors:
            self._helpers = [start_worker(environment, errors) for environment in environments[1:]]

    def watch(self, worker: subprocess.Popen[str]) -> None:
        """End the worker as soon as a helper ends: it would wait for it without end."""
        for rank, helper in enumerate(self._helpers, start=1):
            watcher = threading.Thread(target=self._watch, args=(rank, helper, worker), daemon=True)
            watcher.start()
            self._watchers.append(watcher)

    def why(self) -> str | None:
        """Return which helper ended first and why; None when none did."""
        if self._helpers and self._why is None and self._one_ended():
            for watcher in self._watchers:
                watcher.join(_LAST_WORDS)
                if self._why is not None:
                    break
        return self._why

    def _one_ended(self) -> bool:
        """Has a helper ended? A killed one leaves its connections a moment before the system says so."""
        deadline = time.monotonic() + _NOTICE
        while not any(one.poll() is not None for one in self._helpers):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def end(self) -> None:
        """End all helpers, whatever they are doing, and wait for them."""
        self._ending = True
        for helper in self._helpers:
            helper.kill()
        for watcher in self._watchers:
            watcher.join()
        for helper in self._helpers:
            assert helper.stdin is not None and helper.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                helper.stdin.close()
            helper.stdout.close()
            helper.wait()

    def _watch(self, rank: int, helper: subprocess.Popen[str], worker: subprocess.Popen[str]) -> None:
        assert helper.stdout is not None
        words = [json.loads(line)["failed"] for line in helper.stdout]
        code = helper.wait()
        if self._ending:
            return
        if self._why is None:
            reason = words[-1] if words else how_it_ended(code)
            self._why = f"process {rank + 1} of {self._size}: {reason}"
        worker.kill()


def how_it_ended(code: int) -> str:
    """Return an exit code in words.

    >>> how_it_ended(-9), how_it_ended(1)
    ('out of memory or killed', 'exit code 1')
    """
    return "out of memory or killed" if code == -9 else f"exit code {code}"


def start_worker(environment: Mapping[str, str], errors: IO[str]) -> subprocess.Popen[str]:
    """Start `pipelines.execution.worker` with pipes; it ends when its standard input closes."""
    return subprocess.Popen(
        own_command("xpareto.pipelines.execution.worker"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        env=_worker_environment() | dict(environment),
    )


def _worker_environment() -> dict[str, str]:
    """Return the environment of a worker; what the user has set stays.

    Threads that wait for others sleep and do not spin: on cores that others use too, spinning made
    training several times slower, and on quiet ones sleeping costs next to nothing.
    """
    defaults = {"TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1", "OMP_WAIT_POLICY": "passive"}
    return defaults | own_environment()
