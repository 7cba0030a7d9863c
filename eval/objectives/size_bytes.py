"""Size of one deployed model: mean over the candidate's artifacts of the model's files."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from xpareto.eval.objectives._limits import MEGABYTE
from xpareto.eval.objectives._objective import Limit, Objective
from xpareto.eval.records import Measurement


def size_bytes(rows: Sequence[Measurement]) -> float | None:
    """Return the mean bytes of the model files, tokenizer not counted."""
    sizes = _sizes(rows).values()
    return fmean(sizes) if sizes else None


def largest_mb(rows: Sequence[Measurement]) -> float | None:
    """Return the megabytes of the largest model's files."""
    sizes = _sizes(rows).values()
    return max(sizes) / MEGABYTE if sizes else None


def _sizes(rows: Sequence[Measurement]) -> dict[str, float]:
    return {
        row.artifact: row.value
        for row in rows
        if row.statistic == "size"
        and row.component == "model"
        and row.status == "ok"
        and row.value is not None
    }


LIMIT = Limit(
    "size_mb",
    "size of the largest model",
    "MB",
    "Files of the largest model.",
    measure=Objective("size_mb", "Size", "MB", "min", largest_mb, log=True),
)
OBJECTIVE = Objective(
    "size_bytes", "Size on disk", "bytes", "min", size_bytes, log=True,
    alias="size", best="the smallest size", limits=(LIMIT,), place=3, told=True,
    note="Size is the mean of a variant's models, one for each training set, without tokenizer.",
)  # fmt: skip
