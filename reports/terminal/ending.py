"""Show in a terminal, where a run ends, what to deploy, how sure that is, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from xpareto.eval.analyses.documents import read_analysis
from xpareto.eval.results import read_runs, summarize
from xpareto.reports.findings import (
    TOLERANCE,
    as_measured,
    cheapest,
    deploy_words,
    gold_withheld,
    kept_out_words,
    main_cost,
    opening,
    picks,
    sureness,
)
from xpareto.reports.terminal.tables import printer
from xpareto.reports.text import visible


def show_ending(run: Path) -> None:
    """Print the answer of a run that has just been reported on."""
    console = printer()
    for line in answer_lines(run):
        console.print(Text(visible(line)))
    for what, command in next_lines(run):
        console.print(Text(visible(f"{what}:")))
        console.print(Text(visible(f"  {command}")), soft_wrap=True)  # whole, so that it can be copied


def answer_lines(run: Path) -> Iterator[str]:
    """Yield what to deploy and how sure that is, in sentences; where nothing is decided, why."""
    run_summary, analysis = summarize(read_runs([run])), read_analysis(run / "report")
    recommended = deploy_words(run_summary, analysis)
    if recommended:
        yield "".join(recommended)
        if kept_out := kept_out_words(run_summary, analysis):
            yield "".join(kept_out)
        yield from sureness(run_summary, analysis)
        return
    yield "".join(opening(run_summary))
    cost = main_cost(run_summary)
    names = cheapest(run_summary, cost) if cost is not None else ()
    if names:
        yield f"As measured, {names[0]} is the cheapest that loses at most {TOLERANCE:g} point."
    if not gold_withheld(run_summary):
        yield as_measured(run_summary, analysis)


def next_lines(run: Path) -> Iterator[tuple[str, str]]:
    """Yield what can be done next, each with the command that does it, or the file that tells it."""
    run_summary, analysis = summarize(read_runs([run])), read_analysis(run / "report")
    where = shlex.quote(str(run))
    found = picks(run_summary, analysis) if deploy_words(run_summary, analysis) else ()
    for pick in found[:1]:
        yield "Its files, with cards that say how to load them", pick.export
    if gold_withheld(run_summary):
        name = shlex.quote(run_summary.run.baseline)
        yield "Predictions for XTREME's leaderboard", f"xpareto submit {where} {name} DIR"
    else:
        yield "Why, under other limits too", f"xpareto choose {where} --max-drop {TOLERANCE:g}"
    yield "All figures with their uncertainty", str(run / "report" / "index.html")
