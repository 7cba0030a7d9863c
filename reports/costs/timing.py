"""Latency by part, task, language and shape, and energy by part, as far as the rows hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import TypeVar

from xpareto.eval.objectives import over_blocks, whole_blocks
from xpareto.eval.probing import TOKEN_BUDGET
from xpareto.eval.records import Measurement
from xpareto.eval.results import RunSummary, basis_of

MODEL, TOKENIZATION = "model", "tokenization"
BATCH_NOTE = (
    "It takes the scale of its activations from a whole batch, so what it answers depends on its neighbours. Scores "
    f"are of batches of up to {TOKEN_BUDGET} tokens, latency is of one example at a time, whose score may differ (it "
    "is mostly better). Static int8 does not depend on the batch."
)
_Key = TypeVar("_Key")
_PARTS = ("cpu", "gpu", "ram")  # of energy; together, or less what is not the model's, they are "total"


@dataclass(frozen=True)
class Timing:
    """One candidate's times in ms at batch 1; every mapping is empty where nothing was measured.

    `parts` are means over tasks, `tasks` (median, 95th percentile or None) of the model, `languages` the
    model's medians as means over tasks, `shapes` medians by batch x length.
    """

    parts: Mapping[str, float]
    tasks: Mapping[str, tuple[float, float | None]]
    languages: Mapping[str, float]
    shapes: Mapping[str, float]

    @property
    def dearest(self) -> tuple[str, float] | None:
        """Return the language that takes longest, with its time."""
        return max(self.languages.items(), key=lambda item: item[1]) if self.languages else None

    @property
    def cheapest(self) -> tuple[str, float] | None:
        """Return the language that takes least, with its time."""
        return min(self.languages.items(), key=lambda item: item[1]) if self.languages else None


def timing(rows: Iterable[Measurement]) -> Timing:
    """Return the times of one candidate, geometric means over blocks as in the objectives."""
    kept = [row for row in rows if row.status == "ok" and row.value is not None]
    medians = [row for row in kept if row.statistic == "latency" and row.component == "p50"]
    p50 = _by(medians, _task)
    p95 = _by([row for row in kept if row.statistic == "latency" and row.component == "p95"], _task)
    tokens = [row for row in kept if row.statistic == TOKENIZATION and row.component == "mean over languages"]
    languages: dict[str, list[float]] = {}
    cells = _by(
        [row for row in kept if row.statistic == "latency_by_language" and row.component == "p50"],
        lambda row: (row.task, row.language),
    )
    for (_, language), value in cells.items():
        languages.setdefault(language, []).append(value)
    times = {MODEL: _mean_over_tasks(medians)}
    if {row.task for row in tokens} == set(p50):  # of fewer tasks it would not compare with the model's mean
        times[TOKENIZATION] = _mean_over_tasks(tokens)
    parts = {part: value for part, value in times.items() if value is not None}
    shapes = _by(
        [row for row in kept if row.statistic == "latency_at_shape" and row.component.endswith(" p50")],
        lambda row: row.component.removesuffix(" p50"),
    )
    return Timing(
        parts,
        {task: (value, p95.get(task)) for task, value in p50.items()},
        {language: fmean(values) for language, values in sorted(languages.items())},
        shapes,
    )


def energies(rows: Iterable[Measurement]) -> dict[str, float]:
    """Return joules per example by part and basis, such as `cpu, measured`; empty where none was had.

    A value is the mean over tasks.
    """
    kept = [
        row
        for row in rows
        if row.status == "ok" and row.value is not None and row.statistic == "energy"
        and row.component in _PARTS
    ]  # fmt: skip
    joules = _by(kept, lambda row: (row.component, basis_of(row.basis, row.instrument), row.task))
    by_part: dict[tuple[str, str], list[float]] = {}
    for (part, basis, _), value in joules.items():
        by_part.setdefault((part, basis), []).append(value)
    return {
        f"{part}, {basis}": fmean(by_part[part, basis])
        for part, basis in sorted(by_part, key=lambda key: (_PARTS.index(key[0]), key[1]))
    }


def _task(row: Measurement) -> str:
    return row.task


def _mean_over_tasks(rows: Iterable[Measurement]) -> float | None:
    return over_blocks(
        {block: fmean(by_task.values()) for block, by_task in whole_blocks(rows, _task).items()}
    )


def _by(rows: Iterable[Measurement], place: Callable[[Measurement], _Key]) -> dict[_Key, float]:
    blocks_by_key: dict[_Key, dict[int, list[float]]] = {}
    for row in rows:
        if row.value is not None and row.value > 0:
            blocks_by_key.setdefault(place(row), {}).setdefault(row.repeat, []).append(row.value)
    means = {
        key: over_blocks({block: median(values) for block, values in blocks.items()})
        for key, blocks in blocks_by_key.items()
    }
    return {key: value for key, value in means.items() if value is not None}


def batch_dependent(run_summary: RunSummary) -> list[str]:
    """Return the candidates whose latency was measured at batch 1 and whose answers depend on the batch."""
    return [
        candidate.name
        for candidate in run_summary.run.candidates
        if run_summary.value(candidate.name, "latency_ms") is not None
        and any(
            step.step == "quantize_dynamic"
            or (step.step == "quantize_mixed" and "dynamic" in (step.fields.get("products") or ()))
            for step in candidate.steps
        )
    ]
