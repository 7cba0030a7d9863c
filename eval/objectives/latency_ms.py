"""Time for one example at batch 1: mean over tasks of the median. Its limit is on the slowest task's p95."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from xpareto.eval.objectives._limits import worst
from xpareto.eval.objectives._objective import Limit, measured, over_blocks, whole_blocks
from xpareto.eval.records import Measurement


def latency_ms(rows: Sequence[Measurement]) -> dict[int, float]:
    """Return, for each block, the mean over tasks of p50 in ms."""
    latency_rows = _latencies(rows, "p50")
    return {
        block: fmean(tasks.values())
        for block, tasks in whole_blocks(latency_rows, lambda row: row.task).items()
    }


def p95_with_tokenization(rows: Sequence[Measurement]) -> dict[int, float]:
    """Return, in each block, the largest over tasks of the model's p95 plus the task's tokenization.

    Tokenization is timed in bulk, so what is added is its mean per sequence, over the languages, in the
    same block (over all blocks where that one has none). No values where a task has none.
    """
    model = whole_blocks(_latencies(rows, "p95"), lambda row: row.task)
    tokens = whole_blocks(
        [row for row in rows if row.statistic == "tokenization" and row.component == "mean over languages"],
        lambda row: row.task,
    )
    tasks = {task for block in tokens.values() for task in block}
    means = {task: over_blocks({at: block[task] for at, block in tokens.items()}) or 0.0 for task in tasks}
    if not all(set(block) <= tasks for block in model.values()):
        return {}
    return {
        at: max(value + tokens.get(at, means)[task] for task, value in block.items())
        for at, block in model.items()
    }


def _latencies(rows: Sequence[Measurement], component: str) -> list[Measurement]:
    return [row for row in rows if row.statistic == "latency" and row.component == component]


P95 = Limit(
    "p95_ms",
    "p95 latency",
    "ms",
    "95th percentile at batch 1, slowest task; with tokenization where that was measured.",
    measure=worst("p95_ms", "p95 latency", "ms", "latency", "p95", "task"),
    fuller=measured("p95_ms", "p95 latency", "ms", "min", p95_with_tokenization),
    told=True,
)
OBJECTIVE = measured(
    "latency_ms", "Latency at batch 1", "ms", "min", latency_ms,
    alias="latency", limits=(P95,), place=1, told=True, timed=True,
)  # fmt: skip
