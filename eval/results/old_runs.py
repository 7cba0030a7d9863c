"""The 95th percentiles of runs that kept the times of single examples before p95 had rows of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from xpareto.eval.records import Measurement
from xpareto.eval.results.outcomes import OUTCOMES, kept_folder, stored_arrays
from xpareto.eval.results.run import Run

_PERCENT = 95


def with_percentiles(run: Run, folder: Path) -> Run:
    """Return the run with rows of p95 from the kept times, for candidates that have none."""
    rows = {
        name: candidate_rows
        if any(row.component == "p95" for row in candidate_rows)
        else (*candidate_rows, *_rows(run, folder, name))
        for name, candidate_rows in run.rows.items()
    }
    return replace(run, rows=rows)


def _rows(run: Run, folder: Path, candidate: str) -> Iterator[Measurement]:
    for file in sorted(kept_folder(folder, OUTCOMES, candidate).glob("*.npz")):
        name_match = re.fullmatch(r"(?:cost|latency)-(\d+)-(.+)\.npz", file.name)
        if name_match is None or name_match[2] not in run.tasks:
            continue
        stored = stored_arrays(file)
        if "single_ns" in stored:
            value = float(np.percentile(stored["single_ns"], _PERCENT)) / 1e6
            yield Measurement(run.origins[0].run, candidate, "latency", "latency", value, "ms",
                              task=name_match[2], component=f"p{_PERCENT}", repeat=int(name_match[1]),
                              basis="measured")  # fmt: skip
