"""Compare arms of a finished run, two or the best per task, and write the comparison beside its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xpareto.compress.core import plain_name, replace_text, writing
from xpareto.eval.analyses import best_arm, compare_arms
from xpareto.eval.analyses.documents import ArmComparison, BestArm, Document
from xpareto.eval.results import read_runs, summarize
from xpareto.pipelines.storage import RunFolder
from xpareto.reports.comparisons import FILE, best_arm_markdown, caveats_of, comparison_markdown


def compare_run(run: RunFolder, a: str, b: str, margin: float, resamples: int, seed: int) -> ArmComparison:
    """Return the comparison of arm B with arm A, with its caveats (see eval.analyses.arm_comparison)."""
    comparison = compare_arms(summarize(read_runs([run.path])), run.path, a, b, margin, resamples, seed)
    return comparison.model_copy(update={"caveats": tuple(caveats_of(comparison))})


def write_comparison(run: RunFolder, comparison: ArmComparison) -> list[Path]:
    """Write compare-A-B.md and .json beside the report; return their paths."""
    a, b = comparison.arms
    return write_beside_report(run, f"compare-{a}-{b}", comparison_markdown(comparison), comparison)


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


def write_beside_report(run: RunFolder, stem: str, page: str, document: Document) -> list[Path]:
    """Write a page as `stem`.md and its document as `stem`.json beside the run's report; return their paths."""
    folder = run.path / "report"
    plain_name(stem, f"{run.path}: {document.what}")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    markdown, data = folder / f"{stem}.md", folder / f"{stem}.json"
    replace_text(markdown, page)
    replace_text(data, document.as_json(indent=1))
    return [markdown, data]
