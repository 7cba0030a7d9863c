"""Most memory that a fresh process held, of the largest artifact."""

from __future__ import annotations

from collections.abc import Sequence

from xpareto.eval.objectives._limits import MEGABYTE, worst
from xpareto.eval.objectives._objective import Limit, measured, whole_blocks
from xpareto.eval.records import Measurement


def peak_rss_bytes(rows: Sequence[Measurement]) -> dict[int, float]:
    """Return the peak in bytes in each block."""
    peak_rows = [row for row in rows if row.statistic == "peak_rss"]
    return {
        block: max(artifacts.values())
        for block, artifacts in whole_blocks(peak_rows, lambda row: row.artifact).items()
    }


LIMIT = Limit(
    "rss_mb",
    "peak memory",
    "MB",
    "Peak memory of the largest model.",
    measure=worst("rss_mb", "Peak memory", "MB", "peak_rss", "", "artifact", MEGABYTE),
    told=True,
)
OBJECTIVE = measured(
    "peak_rss_bytes", "Peak memory", "bytes", "min", peak_rss_bytes,
    alias="memory", best="the least peak memory", limits=(LIMIT,), place=4,
)  # fmt: skip
