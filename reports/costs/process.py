"""What a fresh process tells besides the costs: how long loading takes, and at which clock it was timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from xpareto.eval.objectives import OBJECTIVES
from xpareto.eval.records import LOAD
from xpareto.eval.results import RunSummary

LOAD_NOTE = (
    "Load time is that of a fresh process until the largest of a candidate’s models can answer: libraries "
    "and weights, files perhaps still in the page cache; the geometric mean of the blocks, as of every cost and "
    "as xpareto choose --load-ms takes it, with the least and the most."
)


@dataclass(frozen=True)
class LoadTime:
    """Milliseconds until a fresh process can answer: the objective load_ms, and the ends of its blocks."""

    mean_ms: float
    least_ms: float
    most_ms: float


def load_times(run_summary: RunSummary) -> Mapping[str, LoadTime]:
    """Return the load time of each candidate that has one."""
    objective = OBJECTIVES.load("load_ms")
    times = {}
    for candidate in run_summary.run.candidates:
        rows = run_summary.run.rows[candidate.name]
        mean, blocks = objective.reduce(rows), objective.blocks(rows).values()
        if mean is not None:
            times[candidate.name] = LoadTime(mean, min(blocks), max(blocks))
    return times


def block_clocks(run_summary: RunSummary) -> Mapping[int, float]:
    """Return the CPU's frequency in MHz by block: the median over all that was timed in it."""
    frequencies: dict[int, list[float]] = {}
    for rows in run_summary.run.rows.values():
        for row in rows:
            if row.statistic == LOAD and row.component == "frequency" and row.value is not None:
                frequencies.setdefault(row.repeat, []).append(row.value)
    return {block: median(values) for block, values in sorted(frequencies.items())}


def clock_drift(run_summary: RunSummary) -> float:
    """Return by what share the fastest block's clock is above the slowest's; 0 where nothing is known."""
    clocks = block_clocks(run_summary).values()
    return max(clocks) / min(clocks) - 1 if clocks and min(clocks) > 0 else 0.0


def clock_words(run_summary: RunSummary) -> str:
    """Return the clocks in a sentence; "" where no machine told any."""
    clocks = block_clocks(run_summary)
    if not clocks:
        return ""
    listed = ", ".join(f"{value:.0f}" for value in clocks.values())
    if len(set(listed.split(", "))) == 1:
        return (
            f"The CPU’s clock was told as {listed.split(',')[0]} MHz throughout; a virtual machine often "
            "tells the nominal one."
        )
    return f"The CPU’s clock by block: {listed} MHz."
