"""Examples per second in batches: harmonic mean over tasks, as if each task had equally many examples."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import harmonic_mean

from xpareto.eval.objectives._objective import measured, whole_blocks
from xpareto.eval.records import Measurement


def throughput(rows: Sequence[Measurement]) -> dict[int, float]:
    """Return examples per second in each block."""
    throughput_rows = [row for row in rows if row.statistic == "throughput"]
    return {
        block: harmonic_mean(list(tasks.values()))
        for block, tasks in whole_blocks(throughput_rows, lambda row: row.task).items()
    }


OBJECTIVE = measured(
    "throughput", "Throughput", "examples/s", "max", throughput, alias="throughput", place=2, timed=True
)
