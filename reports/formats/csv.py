"""The tables of a report as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from xpareto.eval.analyses.documents import NO_ANALYSIS, Analysis, Summary
from xpareto.eval.results import RunSummary, seen_languages
from xpareto.eval.statistics import NEAREST
from xpareto.reports.costs import effort_view, energy_rows, load_times
from xpareto.reports.findings import change_tasks, changes, domination_rows
from xpareto.reports.formats.class_recall import recall_rows
from xpareto.reports.text import spreadsheet


def spreadsheets(run_summary: RunSummary, analysis: Analysis = NO_ANALYSIS) -> dict[str, str]:
    """Return the CSV text of every table by its file name; with an analysis the changes, too."""
    tables = {
        "candidates.csv": _csv(*_candidates(run_summary)),
        "scores.csv": _csv(*_scores(run_summary)),
        "making.csv": _csv(*_effort(run_summary)),
        "failures.csv": _csv(*_failures(run_summary)),
        "dominance.csv": _csv(*_dominance(run_summary, analysis)),
    }
    if analysis and changes(run_summary, analysis):
        tables["changes.csv"] = _csv(*_changes(run_summary, analysis))
    if analysis and analysis.drift:
        tables["drift.csv"] = _csv(*_drift(analysis))
    if recalls := [*recall_rows(run_summary)]:
        tables["recall.csv"] = _csv(_RECALL, recalls)
    return tables


_RECALL = (
    "candidate", "task", "language", "class", "recall (percent)", "95% half-width (points), binomial", "examples",
    "change from baseline (points)",
)  # fmt: skip
"""Without a language, of all of them together."""
Table = tuple[Sequence[str], Iterable[Sequence[object]]]


def _candidates(run_summary: RunSummary) -> Table:
    names = list(run_summary.objectives)
    head = ["candidate", "run", "arm", "stage", "runtime", "seed", "baseline", "failed"]
    head += [f"{name} ({run_summary.objectives[name].unit})" for name in names]
    head += [f"{name} ratio to baseline" for name in names] + ["score change (points)", "frontier with score"]
    head += ["load time (ms)", "net energy (J)"]
    head += [f"{run_summary.objectives[name].title} change (points)" for name in run_summary.qualities]
    head += [f"{name} basis" for name in run_summary.bases]
    loads, energies = load_times(run_summary), {energy.name: energy for energy in energy_rows(run_summary)}
    rows = []
    for c in run_summary.run.candidates:
        row: list[object] = [c.name, c.run, c.arm, c.stage, c.runtime, c.seed]
        row += [int(c.name == run_summary.run.baseline), int(run_summary.failed(c.name))]
        row += [run_summary.value(c.name, name) for name in names]
        row += [run_summary.ratio(c.name, name) for name in names]
        row += [run_summary.gain(c.name), " ".join(run_summary.on_frontier(c.name))]
        row.append(loads[c.name].mean_ms if c.name in loads else None)
        row.append(energies[c.name].net if c.name in energies else None)
        row += [run_summary.gain(c.name, name) for name in run_summary.qualities]
        rows.append([*row, *run_summary.bases.values()])
    return head, rows


def _scores(run_summary: RunSummary) -> Table:
    head = [
        "candidate",
        "task",
        "language",
        "metric",
        "status",
        "score (percent)",
        "95% half-width (points), binomial",
    ]
    head += ["examples", "change from baseline (points)", "error", "language seen in training"]
    rows = []
    for candidate in run_summary.run.candidates:
        seen = seen_languages(candidate)
        for (task, language), cell in run_summary.cells[candidate.name].items():
            score = cell.score
            row: list[object] = [
                candidate.name,
                task,
                language,
                run_summary.run.tasks[task].score_name,
                cell.status,
            ]
            row += [score.value, score.half, score.examples] if score else [None, None, None]
            change = run_summary.change(candidate.name, task, language)
            rows.append([*row, change, cell.error, seen.mark(language)])
    return head, rows


def _changes(run_summary: RunSummary, analysis: Summary) -> Table:
    """Return one row per system and task; the average stands as a task without a name."""
    level = f"{100 * analysis.level:g}% interval, paired"
    head = ["system", "task", "change from baseline (points)", f"{level}: low", f"{level}: high"]
    rows: list[list[object]] = []
    for change in changes(run_summary, analysis):
        parts = [*zip(change_tasks(run_summary, analysis), change.tasks, strict=True), ("", change.average)]
        rows += [[change.name, task, part.value, part.low, part.high] for task, part in parts]
    return head, rows


def _drift(analysis: Summary) -> Table:
    """Return one row per system, task, language and statistic, as analysis.json has them."""
    level = f"{100 * analysis.level:g}% interval"
    head = ["system", "task", "language", "statistic", "value", f"{level}: low", f"{level}: high", "texts"]
    return head, [
        [
            name,
            entry.task,
            entry.language,
            statistic,
            *estimate,
            entry.queries if statistic == NEAREST else entry.texts,
        ]
        for entry in analysis.drift
        for statistic, of_systems in entry.values.items()
        for at, (name, estimate) in enumerate(zip(analysis.names, of_systems, strict=True))
        if estimate is not None and at != analysis.base
    ]


def _effort(run_summary: RunSummary) -> Table:
    head = ["candidate", "time (s)", "own time (s)", "processor time (s)", "energy (J)", "own energy (J)"]
    head += ["energy basis", "own energy basis"]
    rows = effort_view(run_summary.run).rows
    return head, [
        [row.name, row.seconds, row.own, row.cpu, row.energy_j, row.own_energy_j, row.basis, row.own_basis]
        for row in rows
    ]


def _failures(run_summary: RunSummary) -> Table:
    head = ["candidate", "probe", "task", "language", "statistic", "error"]
    return head, [
        [f.candidate, f.probe, f.task, f.language, f.statistic, f.error] for f in run_summary.failures
    ]


def _dominance(run_summary: RunSummary, analysis: Analysis) -> Table:
    """Pairs that are absent have 0; there are no rows without an analysis."""
    return ["cost", "dominator", "dominated", "percent"], domination_rows(run_summary, analysis)


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow(
            "" if value is None else spreadsheet(value) if isinstance(value, str) else value for value in row
        )
    return stream.getvalue()
