"""The tables of a report as LaTeX, for a paper (package booktabs)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xpareto.eval.analyses.documents import NO_ANALYSIS, Analysis, Summary
from xpareto.eval.results import SCORE, RunSummary, Score
from xpareto.reports.findings import change_tasks, change_words, changes, languages_counted, panels
from xpareto.reports.text import number, one_line, points, ratio

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "\u2212": "$-$", "\u00d7": r"$\times$", "\u2013": "--",
    "\u00b1": r"$\pm$", "\u00b5": r"\textmu{}", "\u2020": r"$\dagger$", '"': r"\textquotedbl{}",
}  # fmt: skip
_PATTERN = re.compile("|".join(map(re.escape, _SPECIAL)))


def latex(run_summary: RunSummary, analysis: Analysis = NO_ANALYSIS) -> dict[str, str]:
    """Return the LaTeX text of every table by its file name; with an analysis changes and frontiers, too."""
    tables = {"candidates.tex": _candidates(run_summary), "scores.tex": _scores(run_summary)}
    if analysis and changes(run_summary, analysis):
        tables["changes.tex"] = _changes(run_summary, analysis)
    if analysis and panels(run_summary, analysis):
        tables["membership.tex"] = _membership(run_summary, analysis)
    return tables


def escaped(text: str) -> str:
    """Return text that LaTeX prints as it stands; control and direction marks are made visible.

    >>> escaped("none/int8 & 50 % of x_1")
    'none/int8 \\\\& 50 \\\\% of x\\\\_1'
    """
    return _PATTERN.sub(lambda matched: _SPECIAL[matched[0]], one_line(text))


def _candidates(run_summary: RunSummary) -> str:
    head = [
        "candidate",
        "score (%)",
        *(f"{run_summary.objectives[key].title} (%)" for key in run_summary.qualities),
    ]
    for cost in run_summary.costs:
        head += [run_summary.objectives[cost].title, "ratio to baseline"]
    rows = []
    for candidate in run_summary.run.candidates:
        row = [candidate.name]
        for quality in (SCORE, *run_summary.qualities):
            row.append(f"{number(run_summary.value(candidate.name, quality), 'percent')}")
            if candidate.name != run_summary.run.baseline:
                row[-1] += f" ({points(run_summary.gain(candidate.name, quality))})"
        for cost in run_summary.costs:
            row.append(number(run_summary.value(candidate.name, cost), run_summary.objectives[cost].unit))
            row.append(ratio(run_summary.ratio(candidate.name, cost)))
        rows.append(row)
    return _tabular(run_summary, head, rows)


def _scores(run_summary: RunSummary) -> str:
    tasks = [task for task in run_summary.run.tasks.values() if task.languages]
    head = [
        "candidate",
        *(f"{task.name} ({languages_counted(task, run_summary.counted)})" for task in tasks),
        "average",
    ]
    rows = [
        [
            candidate.name,
            *(_interval(run_summary.task_score(candidate.name, task.name)) for task in tasks),
            _interval(run_summary.average(candidate.name)),
        ]
        for candidate in run_summary.run.candidates
    ]
    return _tabular(run_summary, head, rows, "\u00b1: binomial 95 percent interval of the score by itself")


def _changes(run_summary: RunSummary, analysis: Summary) -> str:
    """Return each system's change from the baseline by task, with the paired interval."""
    rows = [
        [change.name, *(part.text for part in (*change.tasks, change.average))]
        for change in changes(run_summary, analysis)
    ]
    head = ["system", *change_tasks(run_summary, analysis), "average"]
    return _tabular(run_summary, head, rows, change_words(analysis))


def _membership(run_summary: RunSummary, analysis: Summary) -> str:
    """Return in what percent of the draws each system is on each frontier; a dagger: the confidence set."""
    shown_panels = panels(run_summary, analysis)
    cells: dict[str, dict[str, str]] = {}
    for panel in shown_panels:
        for member in panel.members:
            share = "\u2013" if member.membership is None else str(member.membership)
            cells.setdefault(member.name, {})[panel.key] = share + ("\u2020" if member.inside else "")
    rows = [
        [name, *(by_panel.get(panel.key, "\u2013") for panel in shown_panels)]
        for name, by_panel in cells.items()
    ]
    note = (
        f"percent of {analysis.resamples} draws in which nothing dominates the system; dagger: not "
        f"significantly dominated, at {100 * analysis.level:g} percent for all frontiers at once"
    )
    return _tabular(run_summary, ["system", *(panel.title for panel in shown_panels)], rows, note)


def _interval(score: Score | None) -> str:
    if score is None:
        return "\u2013"
    return f"{score.value:.1f}" + ("" if score.half is None else f" \u00b1 {score.half:.1f}")


def _tabular(
    run_summary: RunSummary, head: Sequence[str], rows: Sequence[Sequence[str]], what: str = ""
) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join(map(escaped, cells)) + r" \\"

    note = "synthetic data: evidence for the machinery only; " if run_summary.run.synthetic else ""
    runs = ", ".join(origin.run for origin in run_summary.run.origins)
    return "\n".join(
        [
            f"% {note}made by xpareto from {one_line(runs)}",
            *([f"% {one_line(what)}"] if what else []),
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            line(head),
            r"\midrule",
            *map(line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )
