"""The child of `eval.probing.probe.launch`: run the probes of one job, write each row as it is found.

Nothing heavy is imported before the process is pinned to its cores, and before a probe that needs a
fresh process has run.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from xpareto.compress.core import InputError
from xpareto.eval.hardware import Counters, load_between
from xpareto.eval.probing.probe import CURRENT, EXIT_REFUSED, REFUSAL, ROWS, Probe, failed_row
from xpareto.eval.probing.registry import PROBES
from xpareto.eval.probing.request import Job
from xpareto.eval.records import LOAD, Measurement, to_json

if TYPE_CHECKING:
    from xpareto.eval.probing.context import MeasurementContext

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(job_file: Path) -> int:
    """Return the exit code: 0 when every probe ran or refused, 2 when the job cannot be opened."""
    folder = job_file.parent
    parent = os.getppid()
    _die_with(parent)
    job = Job.from_json(job_file.read_text(encoding="utf-8"))
    pin(job.threads)
    from xpareto.eval.probing.context import (
        MeasurementContext,  # after pinning: numpy starts its threads at import
    )

    try:
        context = MeasurementContext(job, folder)
    except InputError as error:
        (folder / REFUSAL).write_text(str(error), encoding="utf-8")
        return EXIT_REFUSED
    with (folder / ROWS).open("w", encoding="utf-8") as stream:
        for name in job.probes:
            (folder / CURRENT).write_text(name, encoding="utf-8")
            try:
                for row in _watched(PROBES.load(name), context):
                    stream.write(to_json(row) + "\n")
                    stream.flush()  # a crash of this process loses nothing that was flushed
            except (InputError, ArithmeticError) as error:  # bad input, or a model that gives NaN
                stream.write(to_json(failed_row(job, name, str(error))) + "\n")
                stream.flush()
    context.close()
    return 0


def _watched(probe: Probe, context: MeasurementContext) -> Iterator[Measurement]:
    """Yield the rows of a probe and, where it times something, what else used the cores meanwhile."""
    start = Counters.read()
    yield from probe.measure(context)
    if not probe.timed:
        return
    load = load_between(start, Counters.read())
    facts = {"foreign": (load.foreign, "share"), "steal": (load.steal, "share"),
             "throttled": (load.throttled, "share"),
             "frequency": (load.frequency_mhz, "MHz")}  # fmt: skip
    for component, (value, unit) in facts.items():
        if value is not None:
            yield context.row(
                probe.name, LOAD, value, unit, component=component, basis="measured",
                instrument=f"{load.cores} cores, {load.seconds:.1f} s",
            )  # fmt: skip


def pin(threads: int) -> None:
    """Keep this process on its first `threads` cores, where the system knows affinity."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _die_with(parent: int) -> None:
    """Ask the kernel to end this process with its parent, so that a killed run leaves no orphan."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
