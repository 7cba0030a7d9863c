"""The results as figures for a paper: SVG and PDF, drawn by matplotlib (an optional part, `.[figures]`)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from xpareto.compress.core import InputError, install
from xpareto.eval.analyses.documents import NO_ANALYSIS, Analysis
from xpareto.eval.results import RunSummary
from xpareto.reports.figures.attainment import draw_attainment
from xpareto.reports.figures.drops import draw_drops
from xpareto.reports.figures.frontier import draw_frontier
from xpareto.reports.figures.style import STYLE

_FORMATS = ("svg", "pdf")


def figures(run_summary: RunSummary, analysis: Analysis = NO_ANALYSIS) -> Mapping[str, bytes]:
    """Return the bytes of each figure by file name, as SVG and PDF, one column wide.

    Score against every cost; with an analysis the drops by task and language too, and with several arms
    and training seeds where their attainment differs. The same run and analysis give the same bytes.
    InputError where matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f"Figures need matplotlib, which is not installed. {install('figures')}") from error
    made: dict[str, bytes] = {}
    with matplotlib.rc_context(dict(STYLE)):

        def empty() -> Any:
            return Figure(layout="constrained", dpi=72)

        for cost in run_summary.costs:
            figure = empty()
            if draw_frontier(figure, run_summary, analysis, run_summary.objectives[cost]):
                made |= _saved(figure, f"score-{cost}")
            figure = empty()
            if draw_attainment(figure, run_summary, analysis, run_summary.objectives[cost]):
                made |= _saved(figure, f"attainment-{cost}")
        figure = empty()
        if draw_drops(figure, run_summary, analysis):
            made |= _saved(figure, "drops")
    return made


def _saved(figure: Any, name: str) -> dict[str, bytes]:
    made = {}
    for kind in _FORMATS:
        stream = io.BytesIO()
        dates = {"CreationDate": None} if kind == "pdf" else {"Date": None}
        figure.savefig(stream, format=kind, metadata=dates)
        made[f"{name}.{kind}"] = stream.getvalue()
    return made
