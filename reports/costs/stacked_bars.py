"""Stacked bars: of what a total is made, for every candidate on one scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

_FULL = 1000.0  # the width of the widest bar


@dataclass(frozen=True)
class Part:
    """One part of a bar, in a box of width 1000; `place` is its place in the legend."""

    name: str
    place: int
    x: str
    width: str
    text: str


@dataclass(frozen=True)
class Bar:
    """One candidate's bar."""

    name: str
    parts: tuple[Part, ...]
    total: str


@dataclass(frozen=True)
class Bars:
    """Bars that share a scale and a legend; without a legend there is nothing to show."""

    legend: tuple[str, ...]
    rows: tuple[Bar, ...]


def bars(parts_by_candidate: Mapping[str, Mapping[str, float]], text: Callable[[float | None], str]) -> Bars:
    """Return the bars of the parts of each candidate; `text` writes a value.

    >>> made = bars({"a": {"x": 1.0, "y": 3.0}, "b": {"x": 2.0}}, lambda value: f"{value:g}")
    >>> made.legend, [(bar.total, [part.width for part in bar.parts]) for bar in made.rows]
    (('x', 'y'), [('4', ['250.00', '750.00']), ('2', ['500.00'])])
    """
    widest = max((sum(parts.values()) for parts in parts_by_candidate.values()), default=0.0)
    legend = tuple(dict.fromkeys(part for parts in parts_by_candidate.values() for part in parts))
    rows = []
    for name, parts in parts_by_candidate.items():
        start, drawn = 0.0, []
        for part, value in parts.items():
            width = _FULL * value / widest if widest else 0.0
            drawn.append(Part(part, legend.index(part), f"{start:.2f}", f"{width:.2f}", text(value)))
            start += width
        rows.append(Bar(name, tuple(drawn), text(sum(parts.values()) or None)))
    return Bars(legend, tuple(rows) if legend else ())
