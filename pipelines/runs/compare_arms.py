"""Compare two arms of a finished run, and write the comparison beside its report."""

from __future__ import annotations

from pathlib import Path

from xpareto.compress.core import plain_name, replace_text, writing
from xpareto.eval.analyses import compare_arms
from xpareto.eval.analyses.documents import ArmComparison, Document
from xpareto.eval.results import read_runs, summarize
from xpareto.pipelines.storage import RunFolder
from xpareto.reports.comparisons import caveats_of, comparison_markdown


def compare_run(run: RunFolder, a: str, b: str, margin: float, resamples: int, seed: int) -> ArmComparison:
    """Return the comparison of arm B with arm A, with its caveats (see eval.analyses.arm_comparison)."""
    comparison = compare_arms(summarize(read_runs([run.path])), run.path, a, b, margin, resamples, seed)
    return comparison.model_copy(update={"caveats": tuple(caveats_of(comparison))})


def write_comparison(run: RunFolder, comparison: ArmComparison) -> list[Path]:
    """Write compare-A-B.md and .json beside the report; return their paths."""
    a, b = comparison.arms
    return write_beside_report(run, f"compare-{a}-{b}", comparison_markdown(comparison), comparison)


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
