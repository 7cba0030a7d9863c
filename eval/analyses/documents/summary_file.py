"""Read the statistics that lie beside a report, and tell whether they are those of its run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError
from xpareto.eval.analyses.documents.document import json_object
from xpareto.eval.analyses.documents.summary import NAME, NO_ANALYSIS, Analysis, NoSummary, Summary
from xpareto.eval.results import Run


def read_analysis(report_folder: Path) -> Analysis:
    """Return the analysis beside a report, NO_ANALYSIS where there is none; InputError for a damaged one."""
    file = report_folder / NAME
    if not file.exists():
        return NO_ANALYSIS
    return analysis_from(json_object(file, Summary.what, f"Write them again: {Summary.made_by}"), str(file))


def analysis_from(raw: Mapping[str, Any], source: str = NAME) -> Analysis:
    """Return the analysis that parsed JSON holds; InputError for another version or other fields."""
    return NoSummary.of(raw, source) if "unavailable" in raw else Summary.of(raw, source)


def analysis_of(run: Run, analysis: Analysis) -> Analysis:
    """Return the analysis if it belongs to a run, else why it is not shown.

    InputError where it claims to belong and contradicts the run.
    """
    if not analysis:
        return analysis
    if [analysis.run] != [origin.run for origin in run.origins]:
        why = f"The {NAME} beside this report is of another run. {NO_ANALYSIS.unavailable}"
        return NoSummary(unavailable=why)
    known = {candidate.name for candidate in run.candidates}
    strange = [name for members in analysis.members for name in members if name not in known]
    if strange:
        raise InputError(
            f"{NAME}: expected the statistics of the run, found others ({strange[0]!r} is none of its "
            f"candidates). Write them again: {Summary.made_by}"
        )
    return analysis
