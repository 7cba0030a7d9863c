"""Write every form of a report into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xpareto.compress.core import replace_bytes
from xpareto.eval.analyses.documents import analysis_of, read_analysis, read_search
from xpareto.eval.results import read_runs, summarize
from xpareto.reports.figures import figures
from xpareto.reports.formats.csv import spreadsheets
from xpareto.reports.formats.latex import latex
from xpareto.reports.formats.markdown import summary
from xpareto.reports.formats.page import page


def build(run_folders: Sequence[Path], out: Path, paper: bool = False) -> list[Path]:
    """Write index.html, summary.md and the tables as CSV and LaTeX; return their paths, the page first.

    Page and summary show the statistics of an analysis.json that already lies in `out`.
    `paper`: figures as SVG and PDF too. InputError when a folder is no run, or `out` cannot be written.
    """
    run_summary = summarize(read_runs(run_folders))
    analysis = analysis_of(run_summary.run, read_analysis(out))
    search = read_search(run_folders[0]) if len(run_folders) == 1 else None
    texts = {
        "index.html": page(run_summary, analysis, search),
        "summary.md": summary(run_summary, analysis, search),
        **spreadsheets(run_summary, analysis),
        **latex(run_summary, analysis),
    }
    drawn = figures(run_summary, analysis) if paper else {}
    contents = {**{name: text.encode("utf-8") for name, text in texts.items()}, **drawn}
    for name, content in contents.items():
        replace_bytes(out / name, content)
    return [out / name for name in contents]
