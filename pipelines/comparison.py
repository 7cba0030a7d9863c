"""Compare two arms of a finished run, and write the comparison beside its report."""

from __future__ import annotations

from pathlib import Path

from compress.core.atomic import replace_text, writing
from eval.analyses.compare_arms import compare_arms
from eval.analyses.documents.arm_comparison import ArmComparison
from eval.analyses.documents.base import Document
from pipelines.runfolder import RunFolder
from reports.compared import markdown_of
from reports.compared_caveats import caveats_of
from reports.run import read_runs
from reports.study import study


def compare_run(run: RunFolder, a: str, b: str, margin: float, resamples: int, seed: int) -> ArmComparison:
    """Return the comparison of arm B with arm A, with its caveats (see eval.analyses.compare_arms)."""
    comparison = compare_arms(study(read_runs([run.path])), run.path, a, b, margin, resamples, seed)
    return comparison.model_copy(update={"caveats": tuple(caveats_of(comparison))})


def write_comparison(run: RunFolder, comparison: ArmComparison) -> list[Path]:
    """Write compare-A-B.md and .json beside the report; return their paths."""
    a, b = comparison.arms
    return write_beside_report(run, f"compare-{a}-{b}", markdown_of(comparison), comparison)


def write_beside_report(run: RunFolder, stem: str, page: str, document: Document) -> list[Path]:
    """Write a page as `stem`.md and its document as `stem`.json beside the run's report; return their paths."""
    folder = run.path / "report"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    markdown, data = folder / f"{stem}.md", folder / f"{stem}.json"
    replace_text(markdown, page)
    replace_text(data, document.as_json(indent=1))
    return [markdown, data]
