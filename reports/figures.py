"""The frontier as figures for a paper: SVG and PDF, drawn by matplotlib (pip install 'xpareto[figures]')."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from compress.errors import InputError
from eval.objective import Objective
from reports.numbers import three_digits
from reports.study import SCORE, Study
from reports.text import visible

# Okabe and Ito 2008: told apart by readers with any colour vision; each with a mark of its own for print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_FORMATS = ("svg", "pdf")
_INCHES = (5.5, 3.6)  # the width of a text column in common styles
_LEGEND_ROWS = 24


def figures(study: Study) -> Mapping[str, bytes]:
    """Return the bytes of each figure by file name: score against every cost, as SVG and PDF.

    The same run gives the same bytes. InputError where matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "Figures need matplotlib, which is not installed. Run: pip install 'xpareto[figures]'"
        ) from error
    made: dict[str, bytes] = {}
    style: dict[Any, Any] = {
        "svg.hashsalt": "xpareto",
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(style):
        for cost in study.costs:
            points = _points(study, cost)
            if not points:
                continue
            figure = Figure(figsize=_INCHES, layout="constrained")
            _draw(figure.subplots(), study, study.objectives[cost], points)
            for kind in _FORMATS:
                stream = io.BytesIO()
                dates = {"CreationDate": None} if kind == "pdf" else {"Date": None}
                figure.savefig(stream, format=kind, metadata=dates)
                made[f"score-{cost}.{kind}"] = stream.getvalue()
    return made


def _points(study: Study, cost: str) -> list[tuple[str, float, float]]:
    found = []
    for candidate in study.run.candidates:
        x, y = study.value(candidate.name, cost), study.value(candidate.name, SCORE)
        if x is not None and y is not None and (x > 0 or not study.objectives[cost].log):
            found.append((candidate.name, x, y))
    return found


def _draw(axes: Any, study: Study, cost: Objective, points: Sequence[tuple[str, float, float]]) -> None:
    arms = list(dict.fromkeys(candidate.arm for candidate in study.run.candidates))
    front = set(study.frontiers.get((cost.name, SCORE), study.frontiers.get((SCORE, cost.name), ())))
    for place, arm in enumerate(arms):
        own = [point for point in points if study.run.candidate(point[0]).arm == arm]
        if not own:
            continue
        halves = [average.half if (average := study.average(name)) else None for name, _, _ in own]
        look = {"color": _COLOURS[place % len(_COLOURS)], "zorder": 3}
        for (name, x, y), half in zip(own, halves, strict=True):
            if half is not None:
                axes.errorbar(x, y, yerr=half, linewidth=0.6, alpha=0.4, color=look["color"], zorder=2)
            axes.plot(
                x, y, _MARKS[place % len(_MARKS)], markersize=6 if name in front else 4,
                markerfacecolor=look["color"] if name in front else "none", **look,
            )  # fmt: skip
        label = visible(arm).replace("$", r"\$")
        axes.plot([], [], _MARKS[place % len(_MARKS)], linestyle="", label=label, **look)
    line = sorted((x, y) for name, x, y in points if name in front)
    if len(line) > 1:
        where = "post" if cost.sense == "min" else "pre"
        axes.step(*zip(*line, strict=True), where=where, color="0.5", linewidth=0.8, zorder=1)
    if cost.log:
        axes.set_xscale("log")
        for axis in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            axis(lambda value, _: three_digits(value) if value > 0 else "")
        axes.tick_params(axis="x", which="both", rotation=30)
    axes.set_xlabel(f"{cost.title} ({cost.unit}), {'less' if cost.sense == 'min' else 'more'} is better")
    axes.set_ylabel("Score (%)" + (", synthetic data" if study.run.synthetic else ""))
    axes.grid(linewidth=0.3, alpha=0.5)
    axes.legend(
        title="arm; filled: on the frontier", fontsize=7, title_fontsize=7, frameon=False,
        loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=1 + (len(arms) - 1) // _LEGEND_ROWS,
    )  # fmt: skip
