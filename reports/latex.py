"""The tables of a report as LaTeX, for a paper (package booktabs)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reports.numbers import number, points, ratio
from reports.scores import Score
from reports.study import SCORE, Study
from reports.text import visible

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "\u2212": "$-$", "\u00d7": r"$\times$", "\u2013": "--",
    "\u00b1": r"$\pm$", "\u00b5": r"\textmu{}", '"': r"\textquotedbl{}",
}  # fmt: skip
_PATTERN = re.compile("|".join(map(re.escape, _SPECIAL)))


def latex(study: Study) -> dict[str, str]:
    """Return the LaTeX text of every table by its file name."""
    return {"candidates.tex": _candidates(study), "scores.tex": _scores(study)}


def escaped(text: str) -> str:
    """Return text that LaTeX prints as it stands; control and direction marks are made visible.

    >>> escaped("none/int8 & 50 % of x_1")
    'none/int8 \\\\& 50 \\\\% of x\\\\_1'
    """
    return _PATTERN.sub(lambda found: _SPECIAL[found[0]], " ".join(visible(text).split()))


def _candidates(study: Study) -> str:
    head = ["candidate", "score (%)"]
    for cost in study.costs:
        head += [study.objectives[cost].title, "ratio"]
    rows = []
    for candidate in study.run.candidates:
        row = [candidate.name, f"{number(study.value(candidate.name, SCORE), 'percent')}"]
        if candidate.name != study.run.baseline:
            row[-1] += f" ({points(study.gain(candidate.name))})"
        for cost in study.costs:
            row.append(number(study.value(candidate.name, cost), study.objectives[cost].unit))
            row.append(ratio(study.ratio(candidate.name, cost)))
        rows.append(row)
    return _tabular(study, head, rows)


def _scores(study: Study) -> str:
    tasks = [task for task in study.run.tasks.values() if task.languages]
    head = ["candidate", *(f"{task.name} ({len(task.languages)})" for task in tasks), "average"]
    rows = [
        [
            candidate.name,
            *(_interval(study.task_score(candidate.name, task.name)) for task in tasks),
            _interval(study.average(candidate.name)),
        ]
        for candidate in study.run.candidates
    ]
    return _tabular(study, head, rows)


def _interval(score: Score | None) -> str:
    if score is None:
        return "\u2013"
    return f"{score.value:.1f}" + ("" if score.half is None else f" \u00b1 {score.half:.1f}")


def _tabular(study: Study, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join(map(escaped, cells)) + r" \\"

    note = "synthetic data: evidence for the machinery only; " if study.run.synthetic else ""
    runs = ", ".join(origin.run for origin in study.run.origins)
    return "\n".join(
        [
            f"% {note}made by xpareto from {visible(runs)}",
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
