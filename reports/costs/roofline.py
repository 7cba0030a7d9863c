"""What each candidate reached of what the machine can do, and where onnxruntime's time goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from xpareto.eval.records import Measurement
from xpareto.eval.results import RunSummary

ROOFLINE_NOTE = (
    "The attainable rate is what the operations at the measured peak of their precision, or the bytes that have "
    "to move at the measured bandwidth, would allow, whichever is less (Williams et al. 2009). Medians over "
    "blocks."
)
TIMES_NOTE = "Shares of one pass under onnxruntime's profiler, which slows small operators."
_TOP = 6  # operators that are named


@dataclass(frozen=True)
class Reached:
    """One candidate at one shape. Rates in operations per second, the share in percent."""

    candidate: str
    shape: str
    operations: float
    intensity: float
    attainable: float
    attained: float
    share: float
    bound: str


@dataclass(frozen=True)
class Spent:
    """Where one candidate's time goes at one shape: part -> percent of the pass, the largest first."""

    candidate: str
    shape: str
    operators: tuple[tuple[str, float], ...]
    components: tuple[tuple[str, float], ...]


def reached(run_summary: RunSummary) -> list[Reached]:
    """Return every candidate's place under the roof, by shape in the order of measuring."""
    places = []
    for candidate in run_summary.run.candidates:
        rows = _ok(run_summary, candidate.name, "roofline")
        for shape in dict.fromkeys(row.component for row in rows if row.statistic == "roofline_share"):
            shape_rows = [row for row in rows if row.component == shape]
            values = [_median(shape_rows, name) for name in (
                "operations", "intensity", "attainable_rate", "attained_rate", "roofline_share"
            )]  # fmt: skip
            if any(value is None for value in values):
                continue
            told = next(row.instrument for row in shape_rows if row.statistic == "roofline_share")
            operations, intensity, attainable, attained, share = (value or 0.0 for value in values)
            bound = told.rpartition("bound by ")[2]
            places.append(
                Reached(candidate.name, shape, operations, intensity, attainable, attained, share, bound)
            )
    return places


def spent(run_summary: RunSummary) -> list[Spent]:
    """Return where the time of every profiled candidate goes, by shape."""
    profiles = []
    for candidate in run_summary.run.candidates:
        rows = _ok(run_summary, candidate.name, "operators")
        for shape in dict.fromkeys(row.component.partition(" ")[0] for row in rows):
            shape_rows = [row for row in rows if row.component.startswith(f"{shape} ")]
            profiles.append(
                Spent(
                    candidate.name,
                    shape,
                    _shares(shape_rows, "operator_time")[:_TOP],
                    _shares(shape_rows, "component_time"),
                )
            )
    return [one for one in profiles if one.operators]


def _ok(run_summary: RunSummary, candidate: str, probe: str) -> list[Measurement]:
    rows = run_summary.run.rows[candidate]
    return [row for row in rows if row.probe == probe and row.status == "ok" and row.value is not None]


def _median(rows: Sequence[Measurement], statistic: str) -> float | None:
    values = [row.value for row in rows if row.statistic == statistic and row.value is not None]
    return median(values) if values else None


def _shares(rows: Sequence[Measurement], statistic: str) -> tuple[tuple[str, float], ...]:
    times: dict[str, list[float]] = {}
    for row in rows:
        if row.statistic == statistic and row.value is not None:
            times.setdefault(row.component.partition(" ")[2], []).append(row.value)
    means = {part: median(values) for part, values in times.items()}
    total = sum(means.values())
    ranked = sorted(means.items(), key=lambda item: (-item[1], item[0]))
    return tuple((part, 100 * value / total) for part, value in ranked) if total else ()
