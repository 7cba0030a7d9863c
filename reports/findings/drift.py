"""How far each system's outputs lie from the baseline's, by task and language, the worst language first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xpareto.eval.analyses.documents import Analysis, DriftEntry, Estimate, Summary
from xpareto.eval.statistics import COSINE, COSINE_P95, DIVERGENCE, NEAREST, STATES
from xpareto.reports.text import number, three_digits

_LEAST = 1e-6  # of a cosine drift: what vectors in 16 bits can tell
_TITLES = {
    COSINE: "Cosine drift: mean of 1 − cosine with the baseline’s vector",
    COSINE_P95: "Cosine drift, 95th percentile of texts",
    STATES: "Relative drift of states: length of the difference over that of the baseline’s vector",
    NEAREST: "Nearest neighbours kept, %",
    DIVERGENCE: "Divergence of the labels’ distributions: Jensen-Shannon, bits",
}


def drift_words(analysis: Summary) -> str:
    """Return what the figures rest on."""
    return (
        "Vectors are compared on up to 256 texts of a language, spread over its examples and kept in 16 bits, which "
        "hides a cosine drift below about 0.000001 and a drift of states below 0.0003; neighbours on up to 1,024 "
        "queries, each of which searches all that the task searches. English stands for the other side of the task’s "
        f"pairs. Small: {analysis.percent} intervals by bootstrap over the texts ({analysis.resamples} draws), of "
        "shares exact ones (Clopper and Pearson); each holds by itself. Means over seeds. Where a candidate’s vectors "
        "have another width, only neighbours can be compared."
    )


@dataclass(frozen=True)
class DriftRow:
    """One system; of each language an estimate, None where its outputs cannot be compared."""

    name: str
    worst: str  # language
    languages: tuple[Estimate | None, ...]


@dataclass(frozen=True)
class DriftTable:
    """One statistic of one task; `unit` is percent or none."""

    task: str
    statistic: str
    title: str
    unit: str
    languages: tuple[str, ...]
    rows: tuple[DriftRow, ...]


def drift_number(value: float, unit: str) -> str:
    """Return a figure as it is shown: percent with a digit, others with three, and no less than vectors tell.

    >>> drift_number(98.76, "percent"), drift_number(0.0032995, ""), drift_number(1e-10, ""), drift_number(0.0, "")
    ('98.8', '0.00330', '<0.000001', '0')
    """
    if unit == "percent":
        return number(value, unit)
    return f"<{_LEAST:f}" if 0 < value < _LEAST else three_digits(value)


def drift_tables(analysis: Analysis) -> tuple[DriftTable, ...]:
    """Return the tables of all systems but the baseline, by task and statistic; none without an analysis."""
    by_task: dict[str, list[DriftEntry]] = {}
    for entry in analysis.drift if analysis else ():
        by_task.setdefault(entry.task, []).append(entry)
    return tuple(
        table
        for task, entries in by_task.items()
        for statistic in _TITLES
        if (table := _table(analysis, task, statistic, entries)) is not None
    )


def _table(analysis: Analysis, task: str, statistic: str, entries: Sequence[DriftEntry]) -> DriftTable | None:
    values = {entry.language: entry.values[statistic] for entry in entries if statistic in entry.values}
    if not analysis or not values:
        return None
    rows = []
    for at, name in enumerate(analysis.names):
        known: dict[str, Estimate] = {
            language: estimate
            for language, of_systems in values.items()
            if (estimate := of_systems[at]) is not None
        }
        if at != analysis.base and known:
            rows.append(DriftRow(name, _worst(known, statistic), tuple(known.get(code) for code in values)))
    unit = "percent" if statistic == NEAREST else ""
    return DriftTable(task, statistic, _TITLES[statistic], unit, tuple(values), tuple(rows)) if rows else None


def _worst(known: Mapping[str, Estimate], statistic: str) -> str:
    """Return the language that lies farthest off, the first of equals."""
    sign = -1 if statistic == NEAREST else 1
    return max(known, key=lambda language: sign * known[language].value)
