"""Choose the best arm per task of a finished run, and write it beside the run's report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xpareto.eval.analyses import best_arm
from xpareto.eval.analyses.documents import BestArm
from xpareto.eval.results import read_runs, summarize
from xpareto.pipelines.runs.compare_arms import write_beside_report
from xpareto.pipelines.storage import RunFolder
from xpareto.reports.comparisons import FILE, best_arm_markdown


def best_of_run(
    run: RunFolder,
    reference: str,
    arms: Sequence[str],
    dev_run: RunFolder | None,
    margin: float,
    resamples: int,
    seed: int,
) -> BestArm:
    """Return the contrast of the best of `arms` per task with `reference` (see eval.analyses.best_arms)."""
    dev = (read_runs([dev_run.path]), dev_run.path) if dev_run is not None else None
    run_study = summarize(read_runs([run.path]))
    return best_arm(run_study, run.path, reference, arms, dev, margin, resamples, seed)


def write_best(run: RunFolder, document: BestArm) -> list[Path]:
    """Write best-arm.md and .json beside the report; return their paths."""
    return write_beside_report(run, FILE, best_arm_markdown(document), document)
