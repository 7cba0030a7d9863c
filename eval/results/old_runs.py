"""The 95th percentiles of runs that kept the times of single examples before p95 had rows of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from xpareto.eval.records import Measurement
from xpareto.eval.results.outcomes import OUTCOMES, kept_folder
from xpareto.eval.results.run import Run

_PERCENT = 95


def with_percentiles(run: Run, folder: Path) -> Run:
    """Return the run with rows of p95 from the kept times, for candidates that have none."""
    rows = {
        name: own if any(row.component == "p95" for row in own) else (*own, *_rows(run, folder, name))
        for name, own in run.rows.items()
    }
    return replace(run, rows=rows)


def _rows(run: Run, folder: Path, candidate: str) -> Iterator[Measurement]:
    for file in sorted(kept_folder(folder, OUTCOMES, candidate).glob("*.npz")):
        found = re.fullmatch(r"(?:cost|latency)-(\d+)-(.+)\.npz", file.name)
        if found is None or found[2] not in run.tasks:
            continue
        with np.load(file, allow_pickle=False) as stored:
            if "single_ns" in stored.files:
                value = float(np.percentile(stored["single_ns"], _PERCENT)) / 1e6
                yield Measurement(run.origins[0].run, candidate, "latency", "latency", value, "ms",
                                  task=found[2], component=f"p{_PERCENT}", repeat=int(found[1]),
                                  basis="measured")  # fmt: skip
