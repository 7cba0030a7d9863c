"""Where the attainment of two arms differs over training seeds, for every pair, one column wide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from xpareto.eval.analyses.documents import Analysis, ArmAttainment, Attainment, AttainmentDifference
from xpareto.eval.objectives import Objective
from xpareto.eval.results import RunSummary
from xpareto.reports.figures.style import COLOURS, COLUMN_INCHES, SMALL, TINY, plain, set_log_ticks, written
from xpareto.reports.text import midway

_MOST_PANELS = 10
_ROW_INCHES = 1.25
_MORE, _LESS = COLOURS[0], COLOURS[1]  # blue, plain; vermilion, hatched: told apart in grey as well
_HATCH = "/////"
_PADDING = 0.12


def pairs(attainment: Attainment, first: str) -> list[AttainmentDifference]:
    """Return the pairs that the figure shows: all, or of many those with the baseline's arm."""
    listed = [pair for pair in attainment.differences if len(attainment.arms[pair.a].seeds) > 1]
    if len(listed) > _MOST_PANELS:
        listed = [pair for pair in listed if first in (pair.a, pair.b)]
    return listed[:_MOST_PANELS]


def draw_attainment(figure: Any, run_summary: RunSummary, analysis: Analysis, cost: Objective) -> bool:
    """Draw on an empty figure and give it its size; False without several arms of several seeds."""
    attainment = analysis.attainment.get(cost.name) if analysis and analysis.seeded else None
    if attainment is None:
        return False
    shown = pairs(attainment, run_summary.run.candidate(run_summary.run.baseline).arm)
    corners = [(x, y) for arm in attainment.arms.values() for s in arm.surfaces for x, y in s]
    if not shown or not corners:
        return False
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    figure.set_size_inches(COLUMN_INCHES, _ROW_INCHES * rows + 0.75 + 0.5 * (columns == 1))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
    across = _padded([x for x, _ in corners])
    up = _padded([y for _, y in corners])
    for axes, pair in zip(grid, shown, strict=False):
        _panel(axes, pair, attainment.arms, across, up)
    for axes in list(grid)[len(shown) :]:
        axes.set_visible(False)
    for axes in list(grid)[max(0, len(shown) - columns) : len(shown)]:
        axes.xaxis.set_tick_params(labelbottom=True)
    more = (
        f"Baseline’s {midway(cost.title)} over it"
        if cost.sense == "max"
        else f"{cost.title} over the baseline’s"
    )
    figure.supxlabel(f"{more}, less is better", fontsize=7)
    figure.supylabel("Score (%)" + (", synthetic data" if run_summary.run.synthetic else ""), fontsize=7)
    _legend(figure, shown)
    return True


def _panel(
    axes: Any,
    pair: AttainmentDifference,
    arms: Mapping[str, ArmAttainment],
    across: Sequence[float],
    up: Sequence[float],
) -> None:
    from matplotlib.patches import Rectangle

    for cheap, dear, low, high, share in pair.regions:
        if not share:
            continue
        left, right = _inside(cheap, across, 0), _inside(dear, across, 1)
        bottom, top = _inside(low, up, 0), _inside(high, up, 1)
        axes.add_patch(
            Rectangle((2.0**left, bottom), 2.0**right - 2.0**left, top - bottom, linewidth=0, **_fill(share))
        )
    for arm, dashes in ((pair.a, (2.5, 1.5)), (pair.b, (None, None))):
        surfaces = arms[arm].surfaces
        line = _staircase(surfaces[(len(surfaces) - 1) // 2], across, up)
        axes.plot(*line, color="black", linewidth=0.7, dashes=dashes)
    axes.set_xscale("log")
    axes.set_xlim(2.0 ** across[0], 2.0 ** across[1])
    axes.set_ylim(*up)
    set_log_ticks(axes.xaxis, 2.0 ** across[0], 2.0 ** across[1], lambda value: f"{plain(value)}×")
    axes.tick_params(labelsize=SMALL, length=2, pad=1.5)
    axes.set_title(f"{written(pair.b, 18)} against {written(pair.a, 18)}", fontsize=SMALL, pad=2)


def _staircase(
    corners: Sequence[Sequence[float]], across: Sequence[float], up: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Return the line of a surface: from its cheapest corner up, then level until the next."""
    xs: list[float] = []
    ys: list[float] = []
    level = up[0]
    for x, y in corners:
        xs += [2.0**x, 2.0**x]
        ys += [level, y]
        level = y
    return ([*xs, 2.0 ** across[1]], [*ys, level]) if xs else ([], [])


def _fill(share: float) -> dict[str, Any]:
    """Return the colour of a difference: the stronger, the larger; hatched where the first arm leads."""
    strong = 0.15 + 0.7 * abs(share)
    if share > 0:
        return {"facecolor": _MORE, "alpha": strong}
    return {"facecolor": (*_rgb(_LESS), strong), "edgecolor": "0.2", "hatch": _HATCH}


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def _legend(figure: Any, shown: Sequence[AttainmentDifference]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shares = sorted(
        {abs(region.difference) for pair in shown for region in pair.regions if region.difference}
    )
    kept = shares if len(shares) <= 3 else [shares[0], shares[len(shares) // 2], shares[-1]]
    patches: list[Any] = []
    for sign in (1, -1):
        for share in kept:
            name = "more" if sign > 0 else "fewer"
            patches.append(Patch(**_fill(sign * share), linewidth=0, label=f"{100 * share:.0f} % {name}"))
    lines = [
        Line2D([], [], color="black", linewidth=0.7, dashes=dashes, label=label)
        for dashes, label in (
            ((None, None), "by half of the seeds, first arm"),
            ((2.5, 1.5), "by half of the seeds, second"),
        )
    ]
    figure.legend(
        handles=[*patches, *lines], loc="outside upper center", ncols=max(1, len(kept)), fontsize=TINY,
        title="seeds of the first-named arm that reach a trade-off, less those of the second",
        title_fontsize=TINY,
        handlelength=1.6, columnspacing=1.0, labelspacing=0.3, borderpad=0.1,
    )  # fmt: skip


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    more = max((high - low) * _PADDING, 0.05)
    return low - more, high + more


def _inside(value: float | None, side: Sequence[float], end: int) -> float:
    if value is None or not math.isfinite(value):
        return side[end]
    return min(max(value, side[0]), side[1])
