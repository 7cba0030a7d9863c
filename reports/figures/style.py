"""How figures for print look: the width of a column, marks that differ in form and colour, ticks that fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from xpareto.reports.text import visible

COLUMN_INCHES = 3.3  # one column of the common two-column styles
SMALL, TINY = 6.0, 5.0  # sizes of text in points; the rest has 7
# Okabe and Ito 2008, told apart with any colour vision; without yellow, which is lost on white paper.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", "p", ">")
STYLE: Mapping[Any, Any] = {
    "svg.hashsalt": "xpareto",
    "svg.fonttype": "path",  # outlines: the same letters everywhere, whatever fonts the reader has
    "pdf.fonttype": 42,  # TrueType, embedded; journals refuse Type 3
    "font.size": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
}
_STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
_LEAST_TICKS, _MOST_TICKS = 3, 6
_APART = 0.1  # of the axis: ticks that are nearer would print over each other


def look(place: int) -> tuple[str, str]:
    """Return the colour and the mark of the arm at a place; the first 77 all differ.

    >>> look(0), look(7), len({look(place) for place in range(77)})
    (('#0072B2', 'o'), ('#0072B2', '*'), 77)
    """
    return COLOURS[place % len(COLOURS)], MARKS[place % len(MARKS)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers for a logarithmic axis from `low` to `high` (both above 0), few and apart.

    >>> log_ticks(0.7, 60.0), log_ticks(0.78, 1.05)
    ([1.0, 3.0, 10.0, 30.0], [0.8, 0.9, 1.0])
    """
    for steps in _STEPS:
        ticks = [
            factor * 10.0**power
            for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            for factor in steps
            if low <= factor * 10.0**power <= high
        ]
        if len(ticks) >= _LEAST_TICKS:
            return _thinned(ticks, low, high)
    return _thinned(_even_ticks(low, high), low, high)


def _even_ticks(low: float, high: float) -> list[float]:
    """Return multiples of the roundest step that gives enough of them."""
    power = math.floor(math.log10(max(high - low, 1e-12 * high)))
    steps = [factor * 10.0**p for p in (power, power - 1) for factor in (5.0, 2.5, 2.0, 1.0)]
    for step in steps:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 >= _LEAST_TICKS:
            return [float(f"{step * count:.10g}") for count in range(first, last + 1)]
    return [low, high]


def _thinned(ticks: Sequence[float], low: float, high: float) -> list[float]:
    """Return the ticks without those that follow another too closely; of many, every second or so."""
    every = math.ceil(len(ticks) / _MOST_TICKS)
    kept: list[float] = []
    for tick in ticks[::every]:
        if not kept or math.log(tick / kept[-1]) >= _APART * math.log(high / low):
            kept.append(tick)
    return kept


def set_log_ticks(axis: Any, low: float, high: float, text: Any = None) -> None:
    """Give a logarithmic axis of matplotlib its ticks, and no small ones between them."""
    ticks = log_ticks(low, high)
    axis.set_major_locator(_fixed(ticks))
    axis.set_minor_locator(_fixed([]))
    axis.set_major_formatter(lambda value, _: (text or plain)(value))


def _fixed(ticks: Sequence[float]) -> Any:
    from matplotlib.ticker import FixedLocator

    return FixedLocator(list(ticks))


def plain(value: float) -> str:
    """Return a tick's number without needless digits or an exponent.

    >>> plain(0.90), plain(1500.0), plain(0.00025)
    ('0.9', '1500', '0.00025')
    """
    return f"{value:.10f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:.0f}"


def written(text: str, most: int = 34) -> str:
    """Return a name as a figure can print it: every character seen, no mathematics, not too long.

    >>> written("a$b$"), written("x" * 50, 10)
    ('a\\\\$b\\\\$', 'xxxxxxxxx…')
    """
    seen = " ".join(visible(text).split())
    cut = seen if len(seen) <= most else seen[: most - 1] + "…"
    return cut.replace("$", r"\$")
