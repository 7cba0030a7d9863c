"""The tables of a report as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from reports.analysis import NO_ANALYSIS, Analysis
from reports.domination import domination_rows
from reports.study import Study
from reports.text import spreadsheet


def spreadsheets(study: Study, analysis: Analysis = NO_ANALYSIS) -> dict[str, str]:
    """Return the CSV text of every table by its file name."""
    return {
        "candidates.csv": _csv(*_candidates(study)),
        "scores.csv": _csv(*_scores(study)),
        "failures.csv": _csv(*_failures(study)),
        "dominance.csv": _csv(*_dominance(study, analysis)),
    }


Table = tuple[Sequence[str], Iterable[Sequence[object]]]


def _candidates(study: Study) -> Table:
    names = list(study.objectives)
    head = ["candidate", "run", "arm", "stage", "runtime", "seed", "baseline", "failed"]
    head += [f"{name} ({study.objectives[name].unit})" for name in names]
    head += [f"{name} ratio to baseline" for name in names] + ["score change (points)", "frontier with score"]
    rows = []
    for c in study.run.candidates:
        row: list[object] = [c.name, c.run, c.arm, c.stage, c.runtime, c.seed]
        row += [int(c.name == study.run.baseline), int(study.failed(c.name))]
        row += [study.value(c.name, name) for name in names]
        row += [study.ratio(c.name, name) for name in names]
        rows.append([*row, study.gain(c.name), " ".join(study.on_frontier(c.name))])
    return head, rows


def _scores(study: Study) -> Table:
    head = ["candidate", "task", "language", "metric", "status", "score (percent)", "95% half-width (points)"]
    head += ["examples", "change from baseline (points)", "error"]
    rows = []
    for candidate in study.run.candidates:
        for (task, language), cell in study.cells[candidate.name].items():
            score = cell.score
            row: list[object] = [
                candidate.name,
                task,
                language,
                study.run.tasks[task].score_name,
                cell.status,
            ]
            row += [score.value, score.half, score.examples] if score else [None, None, None]
            rows.append([*row, study.change(candidate.name, task, language), cell.error])
    return head, rows


def _failures(study: Study) -> Table:
    head = ["candidate", "probe", "task", "language", "statistic", "error"]
    return head, [[f.candidate, f.probe, f.task, f.language, f.statistic, f.error] for f in study.failures]


def _dominance(study: Study, analysis: Analysis) -> Table:
    """Pairs that are absent have 0; there are no rows without an analysis."""
    return ["cost", "dominator", "dominated", "percent"], domination_rows(study, analysis)


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow(
            "" if value is None else spreadsheet(value) if isinstance(value, str) else value for value in row
        )
    return stream.getvalue()
