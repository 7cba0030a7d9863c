"""What a search did, for the page and the summary: its curve, what mattered, and what became of each setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from xpareto.eval.analyses.documents import SearchReport, Tried
from xpareto.eval.objectives import OBJECTIVES
from xpareto.reports.formats.markdown_table import table
from xpareto.reports.text import code, duration, markdown, number

_WIDTH, _HEIGHT, _MARGIN = 640.0, 180.0, 6.0
NOTE = (
    "Hypervolume is what the settings tried so far dominate, as measured on the examples of the first round: percent "
    "times octaves of each cost, up to one octave above the greatest cost that was tried. It grows with the number of "
    "settings, and noise makes it look larger; the finalists' figures elsewhere on this page come from examples that "
    "chose none of them, where the list below says so."
)


@dataclass(frozen=True)
class SearchCurve:
    """Hypervolume against seconds of making, as the points of an SVG polyline of steps."""

    line: str
    width: float
    height: float
    seconds: float
    volume: float
    text: str


def curve(search: SearchReport) -> SearchCurve | None:
    """Return the curve; None of fewer than two settings that have values."""
    known = [one for one in search.tried if one.values]
    if len(known) < 2:
        return None
    most, top = max(one.spent_seconds for one in known) or 1.0, max(one.hypervolume for one in known) or 1.0
    points: list[tuple[float, float]] = []
    for one in known:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * one.spent_seconds / most
        y = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * one.hypervolume / top
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    reached = next(one for one in known if one.hypervolume >= 0.95 * top)
    text = (
        f"{len(known)} settings in {duration(most)} of making; 95 % of the hypervolume after "
        f"{duration(reached.spent_seconds)}, with {reached.name}"
    )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return SearchCurve(line, _WIDTH, _HEIGHT, most, top, text)


def fate(one: Tried) -> str:
    """Return what became of a setting, in words."""
    if not one.values:
        return f"failed: {one.why}" if one.why else "failed"
    return "finalist" if one.dropped_after is None else f"dropped after round {one.dropped_after}: {one.why}"


def setting_words(settings: Mapping[str, object]) -> str:
    """Return a setting in one line.

    >>> setting_words({"arm": "whole", "narrow.keep": 0.5, "trim.enabled": False})
    'arm=whole, narrow.keep=0.5, trim.enabled=false'
    """
    words = {True: "true", False: "false"}
    shown = ((path, words[value] if isinstance(value, bool) else value) for path, value in settings.items())
    return ", ".join(f"{path}={value}" for path, value in shown)


def values_of(one: Tried, search: SearchReport) -> list[str]:
    """Return the value of each objective as it is shown."""
    return [number(one.values.get(name), OBJECTIVES.load(name).unit) for name in search.objectives]


def shares(search: SearchReport) -> list[tuple[str, list[float | None]]]:
    """Return by field its importance for each objective, in percent, the greatest first."""
    paths = dict.fromkeys(path for of_one in search.importance.values() for path in of_one)
    rows = [
        (path, [_percent(search.importance.get(name, {}).get(path)) for name in search.objectives])
        for path in paths
    ]
    return sorted(rows, key=lambda row: -sum(share or 0.0 for share in row[1]))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def titles(search: SearchReport) -> list[str]:
    """Return the titles of the objectives."""
    return [OBJECTIVES.load(name).title for name in search.objectives]


def search_words(search: SearchReport) -> Sequence[str]:
    """Return sentences: what was tried, within what, on which examples, and how screening went."""
    budget = ", ".join(f"{most:g} {name}" for name, most in search.budget.items())
    told = [
        f"{len(search.tried)} settings were tried within a budget of {budget}, in "
        f"{duration(search.making_seconds)} of making and {duration(search.screening_seconds)} of screening: "
        f"{search.ended}."
    ]
    told += [f"{task} is {how}." for task, how in search.examples.items()]
    told += [
        f"Round {one.number}: {one.settings} settings on at most {one.examples} examples of each language, of which "
        f"{one.left} went on."
        for one in search.rounds
    ]
    return told


def search_lines(search: SearchReport | None) -> Iterator[str]:
    """Yield the section of the summary; nothing for a run that was not searched."""
    if search is None:
        return
    yield from ("## Search", "")
    for sentence in search_words(search):
        yield f"- {markdown(sentence)}"
    drawn = curve(search)
    if drawn is not None:
        yield f"- {markdown(drawn.text)}."
    yield ""
    if search.importance:
        yield f"Share of each field in what settings differ by, in percent ({search.importance_by}):"
        yield ""
        yield from table(
            ["field", *titles(search)],
            (
                [code(path), *("–" if one is None else f"{one:.0f}" for one in row)]
                for path, row in shares(search)
            ),
        )
    yield markdown(NOTE)
    yield ""
    rows = (
        [code(one.name), markdown(setting_words(one.settings)), *values_of(one, search), duration(one.seconds),
         markdown(fate(one))]
        for one in search.tried
    )  # fmt: skip
    yield from table(["setting", "", *titles(search), "making", "what became of it"], rows, numeric_from=2)


def search_section(search: SearchReport | None) -> dict[str, Any]:
    """Return what the page's section takes; `search` is None for a run that was not searched."""
    if search is None:
        return {"search": None}
    return {
        "search": search,
        "search_words": search_words(search),
        "search_curve": curve(search),
        "search_note": NOTE,
        "search_titles": titles(search),
        "search_shares": shares(search),
        "search_values": partial(values_of, search=search),
        "search_fate": fate,
        "setting_words": setting_words,
    }
