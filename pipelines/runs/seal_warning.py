"""A run whose files are not those that were sealed is read all the same, and the reader is told."""

from __future__ import annotations

import sys

from xpareto.eval.results import DOCUMENT, SEAL, changed_since_seal, resuming
from xpareto.pipelines.storage import RunFolder
from xpareto.reports.text import visible


def warn_of_changes(*runs: RunFolder) -> None:
    """Write a line to standard error for each run of which what is read differs from its seal."""
    for run in {run.path: run for run in runs}.values():  # one that is given twice is told of once
        if not run.sealed and (run.path / DOCUMENT).is_file():  # without it an error tells the same
            _warn(
                f"{run.path}: no {SEAL}: the run has not finished, or the file is lost, so rows may be missing or "
                f"altered. {resuming(run.path)}"
            )
        changed = changed_since_seal(run.path)
        if changed:
            _warn(
                f"{run.path}: {' and '.join(changed)} differ{'s' * (len(changed) == 1)} from the run's seal, so "
                f"rows may be lost or altered. See: xpareto verify {run.path}"
            )


def _warn(text: str) -> None:
    sys.stderr.write(f"warning: {visible(text)}\n")
