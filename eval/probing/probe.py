"""A probe turns one candidate into rows, in a fresh process that nothing else disturbs."""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xpareto.eval.probing.own_process import own_command, own_environment
from xpareto.eval.probing.registry import PROBES, Taken
from xpareto.eval.probing.request import Job, now
from xpareto.eval.records import Measurement, read_rows

if TYPE_CHECKING:
    from xpareto.eval.probing.context import MeasurementContext

ROWS, CURRENT, REFUSAL, STDERR = "rows.jsonl", "current.txt", "refusal.txt", "stderr.txt"
EXIT_REFUSED = 2
_STDERR_LINES = 12


class Probe(ABC):
    """One way to measure an opened candidate. Subclasses are final and stateless.

    What a subclass declares is all that recipes, runs and listings know of it.
    """

    name: ClassVar[str]
    taken: ClassVar[Taken]
    default: ClassVar[bool] = False  # measured where a recipe names no probes
    first: ClassVar[bool] = False  # needs a process in which nothing was loaded yet
    timed: ClassVar[bool] = False  # other work on the cores changes what it finds
    place: ClassVar[int] = (
        100  # in a shared process: after `first`, the lower goes earlier, equal ones by name
    )

    @abstractmethod
    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield rows as they are found, so that a crash keeps the earlier ones."""


def launch(job: Job, folder: Path) -> list[Measurement]:
    """Measure a candidate in fresh processes and return its rows, failures included.

    One process runs the probes in order. A probe that dies (a crash, a kill for memory) becomes a
    row with status "failed" that holds the end of its error output, and the probes after it run in
    another process. The parent sleeps in wait and uses no core. `folder` keeps raw samples and
    per-example outcomes.
    """
    for name in job.probes:
        PROBES.load(name)  # a wrong name is refused before anything runs
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Measurement] = []
    pending = sorted(job.probes, key=lambda name: not PROBES.load(name).first)
    while pending:
        error, at = _run(replace(job, probes=tuple(pending)), folder)
        if (folder / ROWS).is_file():
            rows += read_rows(folder / ROWS)
        if error is None:
            break
        if at not in pending:  # it died before its first probe, so it would die again
            rows += [failed_row(job, name, error) for name in pending]
            break
        rows.append(failed_row(job, at, error))
        pending = pending[pending.index(at) + 1 :]
    return rows


def failed_row(job: Job, probe: str, error: str) -> Measurement:
    """Return the row that says that a probe gave nothing, and why."""
    return Measurement(
        run=job.run,
        candidate=job.candidate,
        probe=probe,
        statistic=probe,
        value=None,
        unit="",
        runtime=job.runtime,
        time=now(),
        basis="unavailable",
        status="failed",
        error=error,
    )


def _run(job: Job, folder: Path) -> tuple[str | None, str]:
    """Run one process; return (error or None, the probe it was in)."""
    for name in (ROWS, CURRENT, REFUSAL):
        (folder / name).unlink(missing_ok=True)
    file = folder / "job.json"
    file.write_text(job.to_json(), encoding="utf-8")
    with (folder / STDERR).open("wb") as stream:
        done = subprocess.run(  # without a timeout this is one blocking wait, not a polling loop
            own_command("xpareto.eval.probing.child", str(file)),
            env=_environment(job.threads),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=False,
        )
    if done.returncode == 0:
        return None, ""
    current = folder / CURRENT
    return _reason(done.returncode, folder), current.read_text("utf-8") if current.is_file() else ""


def _reason(code: int, folder: Path) -> str:
    refusal = folder / REFUSAL
    if code == EXIT_REFUSED and refusal.is_file():
        return refusal.read_text(encoding="utf-8")
    how = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"
    hint = " (often: out of memory)" if code == -9 else ""
    lines = (folder / STDERR).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join([f"the probe process {how}{hint}", *lines[-_STDERR_LINES:]])


def threading_variables(threads: int) -> dict[str, str]:
    """Return the variables that decide how a probe process uses its threads.

    GOMP_SPINCOUNT: threads of torch that wait for others spin for some microseconds, then sleep. The
    default spins for milliseconds, and where another process needs a core, that made a forward pass of a
    small model fifty times slower. A value that the user has set stays.
    """
    pinned = ("OMP", "MKL", "OPENBLAS", "RAYON", "NUMEXPR")
    return {f"{name}_NUM_THREADS": str(threads) for name in pinned} | {
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "1000"),
    }


def _environment(threads: int) -> dict[str, str]:
    return own_environment() | threading_variables(threads) | {"PYTHONHASHSEED": "0"}
