"""Write a run's analysis and every form of its report into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from xpareto.compress.core import InputError, read_json, replace_text, writing
from xpareto.eval.analyses import RESAMPLES, analyse
from xpareto.eval.analyses.documents import NAME, Analysis, NoSummary, analysis_of, read_analysis
from xpareto.eval.results import read_run_results, read_runs
from xpareto.reports.formats import build


def write_analysis(runs: Sequence[Path], out: Path, resamples: int = RESAMPLES, seed: int = 0) -> Path:
    """Write the analysis of a run beside its report, or why there is none; return the file."""
    document = _analysis(runs, resamples, seed)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        replace_text(out / NAME, document.as_json())
    return out / NAME


def kept_analysis(run: Path) -> Analysis:
    """Return the analysis that lies beside a run's own report; made anew where there is none that can be read."""
    with suppress(InputError):  # written by another version, say
        kept = analysis_of(read_runs([run]), read_analysis(run / "report"))
        if kept:
            return kept
    return _analysis([run], RESAMPLES, 0)


def _analysis(runs: Sequence[Path], resamples: int, seed: int) -> Analysis:
    try:
        if len(runs) != 1:
            raise InputError("Several runs were read together; each has an analysis of its own.")
        return analyse(read_run_results(runs[0], seed=seed), resamples)
    except InputError as error:
        return NoSummary(run=tuple(path.name for path in runs), unavailable=str(error))


def build_report(
    runs: Sequence[Path], out: Path, paper: bool = False, warn: Callable[[str], None] = lambda text: None
) -> list[Path]:
    """Write the analysis of the runs and every form of their report into a folder; return the files.

    The analysis comes first, since the page and the summary show it; where a single run has none, `warn` is
    told why. `paper` adds figures for print (see reports.formats.all_forms).
    """
    analysis = write_analysis(runs, out)
    why = read_json(analysis).get("unavailable")
    if why and len(runs) == 1:
        warn(f"The report has no intervals and no decision: {why}")
    return [*build(runs, out, paper), analysis]
