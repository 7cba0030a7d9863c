"""What each variant loses in every task and language, as a heat map one column wide."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from xpareto.eval.analyses.documents import Analysis, Summary
from xpareto.eval.results import RunSummary
from xpareto.reports.figures.frontier import short_names
from xpareto.reports.figures.style import COLUMN_INCHES, SMALL, TINY, written
from xpareto.reports.findings import Point, main_cost, on_frontier, points

_MOST_COLUMNS = 27  # of task x variant, so that a column stays a tenth of an inch
_ROW_INCHES = 0.088
_LINE_LETTERS = 72  # of the caption in one line of a column
_DARK = 0.6  # of the scale: colours from here on are too dark for black marks
_GAIN = 0.5  # points: gains from here on are marked, since in grey they look like losses


def shown_systems(run_summary: RunSummary, analysis: Summary, tasks: int) -> tuple[Point, ...]:
    """Return the variants that fit: those on the main frontier first, in the run's order."""
    cost = main_cost(run_summary)
    front = on_frontier(run_summary, analysis, cost) if cost else frozenset()
    variants = [point for point in points(run_summary, analysis) if point.at not in (None, analysis.base)]
    kept = sorted(variants, key=lambda point: point.name not in front)[: max(1, _MOST_COLUMNS // tasks)]
    return tuple(point for point in variants if point in kept)


def draw_drops(figure: Any, run_summary: RunSummary, analysis: Analysis) -> bool:
    """Draw on an empty figure and give it its size; False without an analysis that holds the drops."""
    import numpy as np

    cells = analysis.cells if analysis else None
    if not analysis or cells is None:
        return False
    tasks = list(dict.fromkeys(task for task, _ in cells.places))
    languages = sorted({code for _, code in cells.places}, key=lambda code: (code != "en", code))
    systems = shown_systems(run_summary, analysis, len(tasks))
    if not systems:
        return False
    columns = len(tasks) * len(systems)
    values = np.full((len(languages), columns), np.nan)
    for block, point in enumerate(systems):
        assert point.at is not None
        for (task, code), drop in zip(cells.places, cells.drops[point.at], strict=True):
            values[languages.index(code), block * len(tasks) + tasks.index(task)] = drop
    every = points(run_summary, analysis)
    short = dict(zip((point.name for point in every), short_names(every), strict=True))
    names = [written(short[point.name], 24) for point in systems]
    tall = max(map(len, names)) * 0.042 + max(map(len, tasks)) * 0.04
    figure.set_size_inches(COLUMN_INCHES, len(languages) * _ROW_INCHES + tall + 0.85)
    _draw(figure, values, tasks, languages, names, _caption(run_summary, analysis, systems))
    return True


def _draw(
    figure: Any,
    values: Any,
    tasks: Sequence[str],
    languages: Sequence[str],
    names: Sequence[str],
    caption: str,
) -> None:
    import numpy as np
    from matplotlib.colors import TwoSlopeNorm

    axes = figure.subplots()
    most = max(1.0, float(np.nanmax(np.abs(values))))
    axes.set_facecolor("white")
    image = axes.imshow(
        values, cmap="PuOr_r", norm=TwoSlopeNorm(0.0, -most, most), aspect="auto", interpolation="none"
    )
    rows, columns = values.shape
    for row, column in zip(*np.nonzero(np.isnan(values)), strict=True):
        axes.plot(column, row, marker=".", markersize=0.6, color="0.6")
    for row, column in zip(*np.nonzero(np.nan_to_num(values) <= -_GAIN), strict=True):
        ink = "white" if -values[row, column] > _DARK * most else "black"
        axes.plot(column, row, marker="+", markersize=2.2, markeredgewidth=0.45, color=ink)
    for block in range(1, len(names)):
        axes.axvline(block * len(tasks) - 0.5, color="white", linewidth=2.0)
    axes.set_yticks(range(rows), languages, fontsize=TINY)
    axes.set_xticks(range(columns), [written(t, 12) for t in tasks] * len(names), rotation=90, fontsize=TINY)
    axes.tick_params(length=0, pad=1.5)
    top = axes.secondary_xaxis("top")
    middles = [(block + 0.5) * len(tasks) - 0.5 for block in range(len(names))]
    top.set_xticks(middles, names, rotation=90 if len(names) > 2 else 0, fontsize=SMALL)
    top.tick_params(length=0, pad=2)
    for side in (*axes.spines.values(), *top.spines.values()):
        side.set_visible(False)
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=40, pad=0.01, shrink=0.9)
    ends = _even(most)
    bar.set_ticks(ends)
    bar.ax.tick_params(labelsize=SMALL, length=2, pad=1)
    bar.outline.set_linewidth(0.4)
    bar.set_label(caption, fontsize=TINY)


def _even(most: float) -> list[float]:
    step = next(
        factor * 10.0**power
        for power in range(-1, 4)
        for factor in (1, 2, 5)
        if most / (factor * 10.0**power) < 4
    )
    count = math.floor(most / step)
    return [step * place for place in range(-count, count + 1)]


def _caption(run_summary: RunSummary, analysis: Summary, systems: Sequence[Point]) -> str:
    others = len(analysis.names) - 1
    which = (
        ""
        if len(systems) == others
        else f" {len(systems)} of {others} variants, taken from the frontier first."
    )
    synthetic = " Synthetic data." if run_summary.run.synthetic else ""
    seeds = ", means over seeds" if analysis.seeded else ""
    told = f"Points lost against the baseline{seeds}; + a gain of {_GAIN:g} and more; dot: no data."
    return "\n".join(textwrap.wrap(told + which + synthetic, _LINE_LETTERS))
