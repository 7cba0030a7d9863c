"""Time for one example at batch 1: mean over tasks of the median."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from eval.objective import measured, whole_blocks
from eval.records import Measurement


def latency_ms(rows: Sequence[Measurement]) -> dict[int, float]:
    """Return, for each block, the mean over tasks of p50 in ms."""
    own = [row for row in rows if row.statistic == "latency" and row.component == "p50"]
    return {block: fmean(tasks.values()) for block, tasks in whole_blocks(own, lambda row: row.task).items()}


OBJECTIVE = measured("latency_ms", "Latency at batch 1", "ms", "min", latency_ms)
