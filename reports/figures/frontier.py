"""The frontier of score against one cost, with the uncertainty of both, one column wide."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xpareto.eval.analyses.documents import Analysis
from xpareto.eval.objectives import Objective
from xpareto.eval.results import SCORE, RunSummary
from xpareto.reports.figures.labels import Anchor, Box, leader, placed
from xpareto.reports.figures.style import COLUMN_INCHES, TINY, look, set_log_ticks, written
from xpareto.reports.findings import Point, on_frontier, points
from xpareto.reports.text import prefix

_AXES_INCHES, _LEGEND_ROW_INCHES = 2.45, 0.115
_BESIDES = 0.30  # inches of a legend's column that its text does not use
_LETTER = 0.048  # inches of a letter of the legend, on average
_POINT_BOX, _LINE_BOX = 3.5, 0.6  # half of what a mark and a line cover, in points of print
_LINE_LETTERS = 92  # of the smallest text in one line of a column


@dataclass(frozen=True)
class Plotted:
    """One point in the units of the axes; `wide` and `tall` are its intervals, None where unknown."""

    point: Point
    x: float
    y: float
    wide: tuple[float, float] | None
    tall: tuple[float, float] | None
    on: bool


def plotted(run_summary: RunSummary, analysis: Analysis, cost: Objective) -> tuple[tuple[Plotted, ...], str]:
    """Return the points that have both a score and this cost, and the unit that the cost is in."""
    front = on_frontier(run_summary, analysis, cost.name)
    measured = [
        (point, x, y)
        for point in points(run_summary, analysis)
        if (x := point.values[cost.name]) is not None
        and (y := point.values[SCORE]) is not None
        and (x > 0 or not cost.log)
    ]
    if not measured:
        return (), cost.unit
    scale, unit = prefix(sorted(x for _, x, _ in measured)[len(measured) // 2], cost.unit)
    return (
        tuple(
            Plotted(
                point, x / scale, y,
                _pair(point, cost.name, scale), _pair(point, SCORE, 1.0), point.name in front,
            )
            for point, x, y in measured
        ),
        unit,
    )  # fmt: skip


def _pair(point: Point, key: str, scale: float) -> tuple[float, float] | None:
    bar = point.bars.get(key)
    return None if bar is None else (bar[0] / scale, bar[1] / scale)


_COST_BARS = {
    "blocks": "the cost, from its repeats",
    "unknown": "none, the cost was measured once, so its noise is not known",
    "exact": "none, the cost is counted",
}


def note(analysis: Analysis, cost: str) -> str:
    """Return what the bars of the figure are."""
    if not analysis:
        return "Bars: binomial 95 % interval of the score alone, languages and tasks taken as independent."
    paired = "paired by test example" + (", with the spread of training seeds" if analysis.seeded else "")
    known = analysis.objectives.get(cost)
    across = _COST_BARS[known.noise.basis] if known else "none"
    return (
        f"Bars: {analysis.percent} intervals. Across: {across}. Upright: the change of the "
        f"score from the baseline’s, {paired}."
    )


def draw_frontier(figure: Any, run_summary: RunSummary, analysis: Analysis, cost: Objective) -> bool:
    """Draw on an empty figure and give it its size; False where there is nothing to draw."""
    dots, unit = plotted(run_summary, analysis, cost)
    if not dots:
        return False
    arms = list(dict.fromkeys(candidate.arm for candidate in run_summary.run.candidates))
    names = [written(arm) for arm in arms if any(dot.point.arm == arm for dot in dots)]
    columns = max(1, min(4, int(COLUMN_INCHES / (_BESIDES + _LETTER * max(map(len, names))))))
    rows = -(-len(names) // columns)
    figure.set_size_inches(COLUMN_INCHES, _AXES_INCHES + _LEGEND_ROW_INCHES * (rows + 3))
    axes = figure.subplots()
    for dot in dots:
        _mark(axes, dot, arms.index(dot.point.arm))
    line = sorted((dot.x, dot.y) for dot in dots if dot.on)
    if len(line) > 1:
        where = "post" if cost.sense == "min" else "pre"
        axes.step(*zip(*line, strict=True), where=where, color="0.5", linewidth=0.8, zorder=1)
    if cost.log:
        axes.set_xscale("log")
    axes.margins(x=0.08, y=0.1)
    if cost.log:
        set_log_ticks(axes.xaxis, *axes.get_xlim())
    axes.set_xlabel(f"{cost.title} ({unit}), {'less' if cost.sense == 'min' else 'more'} is better")
    axes.set_ylabel("Score (%)" + (", synthetic data" if run_summary.run.synthetic else ""))
    axes.grid(linewidth=0.3, alpha=0.5)
    for arm in arms:
        if any(dot.point.arm == arm for dot in dots):
            colour, mark = look(arms.index(arm))
            axes.plot([], [], mark, linestyle="", markersize=4, color=colour, label=written(arm))
    told = "\n".join(textwrap.wrap(note(analysis, cost.name), _LINE_LETTERS))
    figure.legend(
        loc="outside lower center", ncols=columns, handletextpad=0.2, columnspacing=1.0, labelspacing=0.25,
        title=f"{told}\nArms; filled: on the frontier, as measured", title_fontsize=TINY,
        borderpad=0.1,
    )  # fmt: skip
    _label(figure, axes, dots, line if len(line) > 1 else [], cost.sense)
    return True


def _mark(axes: Any, dot: Plotted, place: int) -> None:
    colour, mark = look(place)
    bars: dict[str, Any] = {}
    if dot.wide is not None:
        bars["xerr"] = [[dot.x - dot.wide[0]], [dot.wide[1] - dot.x]]
    if dot.tall is not None:
        bars["yerr"] = [[dot.y - dot.tall[0]], [dot.tall[1] - dot.y]]
    if bars:
        axes.errorbar(dot.x, dot.y, **bars, fmt="none", linewidth=0.6, alpha=0.45, ecolor=colour, zorder=2)
    axes.plot(
        dot.x, dot.y, mark, markersize=5 if dot.on else 4, markeredgewidth=0.7, color=colour,
        markerfacecolor=colour if dot.on else "white", zorder=4 if dot.on else 3,
    )  # fmt: skip


def short_names(shown_points: Sequence[Point]) -> list[str]:
    """Return the shortest names that still tell the points apart: arm, arm and stage, or in full."""
    arms = [point.arm for point in shown_points]
    stages = [(point.arm, point.stage) for point in shown_points]
    return [
        point.arm if arms.count(point.arm) == 1
        else f"{point.arm} {point.stage}" if stages.count((point.arm, point.stage)) == 1
        else point.name
        for point in shown_points
    ]  # fmt: skip


def _label(
    figure: Any, axes: Any, dots: Sequence[Plotted], line: Sequence[tuple[float, float]], sense: str
) -> None:
    """Write the names of points beside them: all on the frontier, others where there is room."""
    from matplotlib.patheffects import withStroke

    figure.draw_without_rendering()  # the layout decides where the axes lie
    figure.set_layout_engine("none")  # and labels must not move them again
    scale = 72.0 / figure.dpi

    def at_print(x: float, y: float) -> tuple[float, float]:
        across, up = axes.transData.transform((x, y)) * scale
        return float(across), float(up)

    def in_data(x: float, y: float) -> Any:
        return axes.transData.inverted().transform((x / scale, y / scale))

    order = sorted(range(len(dots)), key=lambda at: not dots[at].on)
    names = short_names([dot.point for dot in dots])
    anchors = []
    for at in order:
        weight = "bold" if dots[at].on else "normal"
        text = axes.text(0, 0, written(names[at]), fontsize=TINY, fontweight=weight)
        box = text.get_window_extent()
        text.remove()
        spot = at_print(dots[at].x, dots[at].y)
        anchors.append(Anchor(*spot, box.width * scale + 2, box.height * scale, dots[at].on))
    area = axes.get_window_extent()
    frame = Box(*(edge * scale for edge in (area.x0, area.y0, area.x1, area.y1)))
    marks = [_around(*at_print(dot.x, dot.y)) for dot in dots]
    lines = [box for dot in dots for box in _intervals(dot, at_print)]
    lines += [_strip(at_print(*a), at_print(*b)) for a, b in _stairs(line, sense)]
    for at, anchor, where in zip(order, anchors, placed(anchors, frame, marks, lines), strict=True):
        if where is None:
            continue
        x, y, edge_x, edge_y = leader(anchor, where)
        ends = zip(in_data(x, y), in_data(edge_x, edge_y), strict=True)
        axes.plot(*ends, color="0.3", linewidth=0.4, zorder=2.5)
        axes.text(
            *in_data((where.left + where.right) / 2, (where.bottom + where.top) / 2), written(names[at]),
            fontsize=TINY, ha="center", va="center", zorder=5,
            fontweight="bold" if dots[at].on else "normal",
            path_effects=[withStroke(linewidth=1.2, foreground="white")],
        )  # fmt: skip


def _around(x: float, y: float) -> Box:
    """Return what a mark covers."""
    return Box(x - _POINT_BOX, y - _POINT_BOX, x + _POINT_BOX, y + _POINT_BOX)


def _intervals(dot: Plotted, at_print: Callable[[float, float], tuple[float, float]]) -> list[Box]:
    """Return what a point's intervals cover."""
    strips = []
    if dot.wide is not None:
        strips.append(_strip(*(at_print(end, dot.y) for end in dot.wide)))
    if dot.tall is not None:
        strips.append(_strip(*(at_print(dot.x, end) for end in dot.tall)))
    return strips


def _stairs(
    line: Sequence[tuple[float, float]], sense: str
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the pieces of the frontier's line.

    >>> _stairs([(1.0, 5.0), (2.0, 7.0)], "min")
    [((1.0, 5.0), (2.0, 5.0)), ((2.0, 5.0), (2.0, 7.0))]
    """
    pieces = []
    for (x, y), (right, top) in itertools.pairwise(line):
        corner = (right, y) if sense == "min" else (x, top)
        pieces += [((x, y), corner), (corner, (right, top))]
    return pieces


def _strip(one: tuple[float, float], other: tuple[float, float]) -> Box:
    """Return the box of an upright or level line with the room that it needs on either side."""
    (left, right), (bottom, top) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    return Box(left - _LINE_BOX, bottom - _LINE_BOX, right + _LINE_BOX, top + _LINE_BOX)
