"""What the limits of a deployment are set on: costs of the worst task or the largest model.

They are objectives, so that they have blocks and with these noise, but they stand in no recipe and on no
frontier: an average over tasks says what a variant is like, a limit must hold for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.objective import Blocks, Objective, measured, over_blocks, whole_blocks
from eval.records import Measurement

_MEGABYTE = 1e6


def _worst(statistic: str, component: str, by: str, scale: float = 1.0) -> Blocks:
    """Return what takes, in each block, the largest over tasks or artifacts."""

    def blocks(rows: Sequence[Measurement]) -> dict[int, float]:
        own = [row for row in rows if row.statistic == statistic and row.component == component]
        if len({row.basis for row in own if row.status == "ok"}) > 1:
            return {}  # measured and modelled ones compare with neither
        found = whole_blocks(own, lambda row: str(getattr(row, by)))
        return {block: max(values.values()) / scale for block, values in found.items()}

    return blocks


def _p95_with_tokenization(rows: Sequence[Measurement]) -> dict[int, float]:
    """Return, in each block, the largest over tasks of the model's p95 plus the task's tokenization.

    Tokenization is timed in bulk, so what is added is its mean per sequence, over the languages, in the
    same block (over all blocks where that one has none). No values where a task has none.
    """
    model = whole_blocks([row for row in rows if _is(row, "latency", "p95")], lambda row: row.task)
    tokens = whole_blocks(
        [row for row in rows if _is(row, "tokenization", "mean over languages")], lambda row: row.task
    )
    tasks = {task for own in tokens.values() for task in own}
    means = {task: over_blocks({at: own[task] for at, own in tokens.items()}) or 0.0 for task in tasks}
    if not all(set(own) <= tasks for own in model.values()):
        return {}
    return {
        block: max(value + tokens.get(block, means)[task] for task, value in own.items())
        for block, own in model.items()
    }


def _is(row: Measurement, statistic: str, component: str) -> bool:
    return row.statistic == statistic and row.component == component


def _size_mb(rows: Sequence[Measurement]) -> float | None:
    found = [
        row.value
        for row in rows
        if _is(row, "size", "model") and row.status == "ok" and row.value is not None
    ]
    return max(found) / _MEGABYTE if found else None


P95 = measured("p95_ms", "p95 latency", "ms", "min", _worst("latency", "p95", "task"))
P95_WITH_TOKENIZATION = measured("p95_ms", "p95 latency", "ms", "min", _p95_with_tokenization)
LIMITS: Mapping[str, Objective] = {
    "p95_ms": P95,
    "rss_mb": measured("rss_mb", "Peak memory", "MB", "min", _worst("peak_rss", "", "artifact", _MEGABYTE)),
    "load_ms": measured("load_ms", "Load time", "ms", "min", _worst("load_time", "", "artifact")),
    "size_mb": Objective("size_mb", "Size", "MB", "min", _size_mb, log=True),
    "energy_j": measured("energy_j", "Energy per example", "J", "min", _worst("energy", "total", "task")),
}
