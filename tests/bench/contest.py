"""Contestants woken in turn: one process each, all others stopped by the kernel while one is timed.

A process that merely waits may still spin (threads of onnxruntime and OpenMP look for work for a while), so
the waiting ones get SIGSTOP: they use no core at all.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

import numpy as np

from xpareto.eval.hardware.interference import STAT, busy_seconds
from xpareto.eval.probing.probe import threading_variables

WORKER = Path(__file__).resolve().parent / "contestant.py"
MAX_FOREIGN = 0.1  # share of the cores' time; more, and the turn is thrown away


@dataclass(frozen=True)
class Entrant:
    """A contestant: its name in the table, what runs it, on which model, in which python."""

    name: str
    engine: str
    model: Path
    precision: str
    python: Path = field(default_factory=lambda: Path(sys.executable))


class Contestant:
    """The process of an entrant, stopped unless it is asked something."""

    def __init__(self, entrant: Entrant, inputs: Path, threads: int) -> None:
        command = [
            entrant.python,
            "-P",
            "-W",
            "ignore",
            WORKER,
            entrant.engine,
            entrant.model,
            inputs,
            threads,
        ]
        environment = os.environ | threading_variables(threads) | {"PYTHONHASHSEED": "0"}
        environment.pop("PYTHONPATH", None)
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment,
        )  # fmt: skip
        self._read()
        self._process.send_signal(signal.SIGSTOP)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Wake the process, let it answer one request (this one blocks meanwhile), and stop it again."""
        assert self._process.stdin is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        found = self._read()
        self._process.send_signal(signal.SIGSTOP)
        return found

    def close(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args}: ended with exit code {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found


@dataclass
class Turns:
    """Medians in ms by (entrant, workload), one per round, and how many turns were thrown away."""

    medians: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    thrown: int = 0
    disturbed: int = 0  # kept although disturbed, since no turn was calm

    def median(self, name: str, workload: str) -> float:
        return statistics.median(self.medians[name, workload])

    def ratios(self, name: str, other: str, workload: str) -> list[float]:
        """Return one ratio of times per round, both taken in that round."""
        pairs = zip(self.medians[name, workload], self.medians[other, workload], strict=True)
        return [mine / theirs for mine, theirs in pairs]


def hold(
    contestants: Mapping[str, Contestant], calls: Mapping[str, int], rounds: int, threads: int, seed: int,
    retries: int,
) -> Turns:  # fmt: skip
    """Time every contestant on every workload, `rounds` times: random orders, every second one back.

    A turn in which other processes or the hypervisor took over a tenth of the cores is made again, at
    most `retries` times; the calmest is kept.
    """
    found, generator = Turns(), random.Random(seed)
    orders: dict[str, list[str]] = {}
    for number in range(rounds):
        for workload in calls:
            order = (
                orders.get(workload, [])[::-1]
                if number % 2
                else generator.sample([*contestants], len(contestants))
            )
            orders[workload] = order
            for name in order:
                best: tuple[float, float] | None = None
                for attempt in range(1 + retries):
                    load, told = _watched(contestants[name], workload, calls[workload], threads)
                    median = statistics.median(told["ns"]) / 1e6
                    found.thrown += attempt > 0
                    best = min(best or (load, median), (load, median))
                    if load <= MAX_FOREIGN:
                        break
                assert best is not None
                found.disturbed += best[0] > MAX_FOREIGN
                found.medians.setdefault((name, workload), []).append(best[1])
        print(f"round {number + 1} of {rounds} done", file=sys.stderr, flush=True)
    return found


def _watched(contestant: Contestant, workload: str, calls: int, threads: int) -> tuple[float, dict[str, Any]]:
    """Return the share of the cores' time that was not the contestant's, and what it tells."""
    cores = sorted(os.sched_getaffinity(0))[:threads] if hasattr(os, "sched_getaffinity") else []
    before, start = _busy(cores), time.monotonic()
    told = contestant.ask(workload=workload, calls=calls)
    if before is None:
        return 0.0, told
    after, whole = _busy(cores), (time.monotonic() - start) * len(cores)
    assert after is not None
    foreign = max(0.0, after[0] - before[0] - told["cpu_seconds"] - 0.02 * len(cores))
    return (foreign + after[1] - before[1]) / whole, told


def _busy(cores: Sequence[int]) -> tuple[float, float] | None:
    try:
        return busy_seconds(STAT.read_text(encoding="ascii").splitlines(), cores)
    except (OSError, ValueError):
        return None


def drift(found: np.ndarray, exact: np.ndarray) -> float:
    """Return the mean absolute difference of logits, over the mean absolute logit."""
    return float(np.abs(found - exact).mean() / np.abs(exact).mean())
