"""Energy in use: gross and net joules per example, and whether they say more than latency does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, median

from xpareto.eval.records import ENERGY_WINDOW, LEAST_INFERENCES, LEAST_WINDOW_SECONDS
from xpareto.eval.results import ENERGY, MODELLED, WHOLE_SOCKET, RunSummary, basis_of
from xpareto.reports.costs.agreement import agreement
from xpareto.reports.text import MINUS

_GROSS = (
    "Frontiers, ratios and choose rest on gross energy: idle power is included, as a machine that does "
    "nothing but answer would draw it. Net energy is what lies above the idle power of windows before and "
    "after; only counters tell it."
)
_MODELLED = (
    "These joules are modelled, not measured: nearly a constant times processor time. They stand on no frontier "
    "and in no answer unless the recipe’s objectives name energy_j."
)


@dataclass(frozen=True)
class EnergyRow:
    """One candidate's joules per example, means over tasks; None where there is none.

    `basis` is that of the gross energy: measured or modelled. Net energy is always measured.
    """

    name: str
    gross: float | None
    net: float | None
    basis: str


def energy_rows(run_summary: RunSummary) -> tuple[EnergyRow, ...]:
    """Return the energies of all candidates; none where no candidate has any."""
    rows = tuple(
        EnergyRow(
            candidate.name,
            run_summary.value(candidate.name, ENERGY),
            _net(run_summary, candidate.name),
            run_summary.bases.get(ENERGY, ""),
        )
        for candidate in run_summary.run.candidates
        if ENERGY in run_summary.objectives
    )
    return rows if any(row.gross is not None for row in rows) else ()


def _net(run_summary: RunSummary, candidate: str) -> float | None:
    joules_by_task: dict[str, list[float]] = {}
    for row in run_summary.run.rows[candidate]:
        if row.statistic == "energy_net" and row.status == "ok" and row.value is not None:
            joules_by_task.setdefault(row.task, []).append(row.value)
    return fmean(median(values) for values in joules_by_task.values()) if joules_by_task else None


def gross_words(run_summary: RunSummary) -> str:
    """Return what the energies in use are and what rests on them; "" where there are none."""
    if not energy_rows(run_summary):
        return ""
    return _MODELLED if run_summary.bases.get(ENERGY, "").startswith(MODELLED) else _GROSS


def energy_words(run_summary: RunSummary) -> str:
    """Return the rank agreement of energy with latency, and of gross with net energy, in words.

    "" without two candidates that differ. Candidates on another basis than the baseline's do not count.
    """
    rows = energy_rows(run_summary)
    latency = [
        (there, row.gross)
        for row in rows
        if row.gross is not None and (there := run_summary.value(row.name, "latency_ms")) is not None
    ]
    net = [(row.gross, row.net) for row in rows if row.gross is not None and row.net is not None]
    told = [_told("energy and latency", latency), _told("gross and net energy", net)]
    return " ".join(text for text in told if text)


def _told(what: str, values: list[tuple[float, float]]) -> str:
    rank_agreement = agreement(values)
    if rank_agreement is None:
        return ""
    tau = f"{rank_agreement.tau:.2f}".replace("-", MINUS)
    return (
        f"Rank agreement of {what}: Kendall’s τ-b {tau} over {rank_agreement.candidates} candidates, with "
        f"{rank_agreement.alike} of {rank_agreement.pairs} pairs of candidates alike."
    )


def short_windows(run_summary: RunSummary) -> tuple[int, int, float, int]:
    """Return how many windows of counters there are, how many fall short, the least time and inferences."""
    windows = [
        (row.value, row.examples)
        for rows in run_summary.run.rows.values()
        for row in rows
        if row.statistic == ENERGY_WINDOW and row.basis == "measured" and row.value is not None
    ]
    short = sum(seconds < LEAST_WINDOW_SECONDS or count < LEAST_INFERENCES for seconds, count in windows)
    return (
        len(windows), short,
        min((seconds for seconds, _ in windows), default=0.0), min((count for _, count in windows), default=0),
    )  # fmt: skip


def energy_caveats(run_summary: RunSummary) -> Iterator[tuple[str, str, str]]:
    """Yield key, title and text of what to beware of in the energies in use and of making."""
    words = energy_words(run_summary)
    rows = [
        row
        for rows in run_summary.run.rows.values()
        for row in rows
        if row.statistic == "energy" and row.component in ("", "total")  # RAM alone is always modelled
    ]
    told = [row for row in rows if row.status == "ok" and row.value is not None]
    made = run_summary.run.made.values()
    bases = {basis_of(row.basis, row.instrument) for row in told}
    if any(basis.startswith(MODELLED) for basis in bases):
        instruments = sorted(
            {
                row.instrument.split(", window")[0]
                for row in rows
                if row.basis == "modelled" and row.instrument
            }
        )
        how = f" As recorded: {'; '.join(instruments)}." if instruments else ""
        weight = (
            "The recipe names it among its objectives, so it stands on frontiers and in answers all the same."
            if ENERGY in run_summary.run.asked
            else "It stands on no frontier and in no answer, since the recipe’s objectives do not name energy_j."
        )
        yield (
            "energy-modelled",
            "Energy is modelled, not measured",
            "No energy counter was readable. The figures come from a formula: energy = assumed CPU power x "
            "processor time + assumed RAM power x time. They are therefore nearly a constant times time "
            f"and add little to latency. {weight}{how}{f' {words}' if words else ''}",
        )
    if WHOLE_SOCKET in bases | {basis_of(work.basis, work.instrument) for work in made}:
        yield (
            "energy-whole-socket",
            "Some energy was modelled as that of a whole socket",
            "An earlier version modelled it: a CPU that it did not know was given 85 W, whatever its size. On a "
            "machine with few cores that is about ten times what codecarbon’s process mode says. Figures marked "
            f"“{WHOLE_SOCKET}” compare with no others; measure again, or make anew, to have the present model’s.",
        )
    if len(bases) > 1 and any(basis.startswith(MODELLED) for basis in bases):
        yield (
            "energy-mixed",
            "Energy figures rest on different bases",
            f"They are in part {' and in part '.join(sorted(bases))}. These do not compare, so "
            "candidates on another basis than the baseline’s have no energy in tables and frontiers.",
        )
    if any(row.basis == "unavailable" or row.status != "ok" for row in rows):
        yield (
            "energy-unavailable",
            "Energy could not be had for some candidates",
            "Neither a counter nor an accepted model was at hand there; those candidates are not placed "
            "on any frontier that involves energy.",
        )
    count, short, seconds, inferences = short_windows(run_summary)
    if short:
        yield (
            "energy-window",
            "Energy was measured in short windows",
            f"{short} of {count} windows of the counters fall short of the {LEAST_WINDOW_SECONDS:g} s and "
            f"{LEAST_INFERENCES} inferences that such a measurement should rest on: the shortest took "
            f"{seconds:.1f} s, the fewest inferences are {inferences}. What else the CPU did for "
            "a moment weighs more in them. "
            f"Raise measure.seconds to {LEAST_WINDOW_SECONDS:g}.",
        )
