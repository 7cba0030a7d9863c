"""What using a candidate takes, and what making it took, as bars and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xpareto.eval.results import Efforts, Run, RunSummary, efforts
from xpareto.reports.costs.stacked_bars import Bars, bars
from xpareto.reports.costs.timing import TOKENIZATION, Timing, energies, timing
from xpareto.reports.text import duration, number

_COLOURS = 8
_REST = "other steps"
_STORED = "found in the store, not told apart"


@dataclass(frozen=True)
class LatencyView:
    """The times of all candidates; `split` where tokenization was timed of any."""

    rows: Mapping[str, Timing]
    tasks: tuple[str, ...]
    shapes: tuple[str, ...]
    languages: bool
    split: bool
    bars: Bars


def latency_view(run_summary: RunSummary) -> LatencyView:
    """Return what the rows tell of latency; without tasks there is nothing to show."""
    timings = {
        candidate.name: timing(run_summary.run.rows[candidate.name])
        for candidate in run_summary.run.candidates
    }
    tasks = {task for times in timings.values() for task in times.tasks}
    return LatencyView(
        timings,
        tuple(task for task in run_summary.run.tasks if task in tasks),
        tuple(dict.fromkeys(shape for times in timings.values() for shape in times.shapes)),
        any(times.languages for times in timings.values()),
        any(TOKENIZATION in times.parts for times in timings.values()),
        bars(
            {name: times.parts for name, times in timings.items() if TOKENIZATION in times.parts},
            lambda value: number(value, "ms"),
        ),
    )


def energy_bars(run_summary: RunSummary) -> Bars:
    """Return joules per example by part of the machine; none where no candidate has any."""
    return bars(
        {
            candidate.name: energies(run_summary.run.rows[candidate.name])
            for candidate in run_summary.run.candidates
        },
        lambda value: number(value, "J"),
    )


@dataclass(frozen=True)
class EffortRow:
    """One candidate's making; None where a time or an energy was not written down."""

    name: str
    seconds: float
    own: float | None
    cpu: float | None
    energy_j: float | None
    own_energy_j: float | None
    basis: str
    own_basis: str

    def joules(self, own: bool = False) -> str:
        """Return the energy of the chain, or of its own work alone, with what it rests on."""
        value, basis = (self.own_energy_j, self.own_basis) if own else (self.energy_j, self.basis)
        return number(value, "J") + (f" ({basis})" if value is not None and basis else "")


@dataclass(frozen=True)
class EffortView:
    """The making of all candidates, in bars of seconds by step, and sentences on the whole run and energy."""

    bars: Bars
    rows: tuple[EffortRow, ...]
    cpu: bool
    energy: bool
    run: str
    basis: str


def effort_view(run: Run) -> EffortView:
    """Return what making the candidates took; no bars where the run tells nothing of it."""
    effort = efforts(
        {candidate.name: tuple(candidate.keys.values()) for candidate in run.candidates}, run.made
    )
    drawn: dict[str, dict[str, float]] = {}
    rows = []
    for one in effort.candidates:
        whole = run.candidate(one.candidate).made_seconds
        parts = {label: seconds for label, seconds in one.steps.items() if seconds > 0}
        seconds = one.seconds
        if one.unknown and whole is not None and whole - seconds >= 0.1:
            parts = {_STORED: whole - seconds, **parts}
            seconds = whole
        elif not parts and whole:
            parts, seconds = {"all steps": whole}, whole
        drawn[one.candidate] = parts
        unshared_seconds = one.own if one.steps else None
        rows.append(
            EffortRow(
                one.candidate, seconds, unshared_seconds, one.cpu_seconds, one.energy_j, one.own_energy_j,
                one.basis, one.own_basis,
            )
        )  # fmt: skip
    drawn = most(drawn)
    return EffortView(
        bars(drawn, duration),
        tuple(rows),
        any(row.cpu is not None for row in rows),
        any(row.energy_j is not None for row in rows),
        _whole_run(run, effort),
        _basis(effort),
    )


def _whole_run(run: Run, effort: Efforts) -> str:
    if not run.made:
        return ""
    if effort.unknown:
        return (
            f"The run itself spent {duration(effort.once)} on making, each piece of work counted once; "
            f"{effort.unknown} more it found in the store, made earlier."
        )
    joules = f" and {number(effort.energy_j, 'J')} ({', '.join(effort.bases)})"
    energy = joules if effort.energy_j is not None else ""
    return (
        f"With each piece of work counted once, all candidates together took {duration(effort.once)}{energy}."
    )


def _basis(effort: Efforts) -> str:
    """Return what the energies of making are worth, in a sentence.

    >>> _basis(Efforts((), 0.0, 0, None, (), ()))
    'The energy of making was not recorded.'
    """
    if not effort.bases:
        return "The energy of making was not recorded."
    apart = " Energies on different bases are not added." if len(effort.bases) > 1 else ""
    bases = " in part, and in part ".join(effort.bases)
    return f"The energy of making is {bases}: {'; '.join(effort.instruments)}.{apart}"


def most(parts_by_candidate: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return the parts with those that are nowhere large put together, so that colours can tell them apart.

    >>> most({"a": {str(size): float(size) for size in range(1, 10)}})["a"]
    {'3': 3.0, '4': 4.0, '5': 5.0, '6': 6.0, '7': 7.0, '8': 8.0, '9': 9.0, 'other steps': 3.0}
    """
    largest: dict[str, float] = {}
    for parts in parts_by_candidate.values():
        for part, value in parts.items():
            largest[part] = max(largest.get(part, 0.0), value)
    kept = set(largest)
    if len(largest) > _COLOURS:
        kept = set(sorted(largest, key=lambda part: -largest[part])[: _COLOURS - 1])
    shown = {
        name: {p: v for p, v in parts.items() if p in kept} for name, parts in parts_by_candidate.items()
    }
    for name, parts in parts_by_candidate.items():
        rest = sum(value for part, value in parts.items() if part not in kept)
        if rest:
            shown[name][_REST] = rest
    return shown
