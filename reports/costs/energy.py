"""Energy in use: gross and net joules per example, and whether they say more than latency does."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median

from xpareto.eval.records import ENERGY_WINDOW, LEAST_INFERENCES, LEAST_WINDOW_SECONDS
from xpareto.eval.results import ENERGY, RunSummary, energy_basis
from xpareto.reports.costs.agreement import agreement
from xpareto.reports.text import MINUS

GROSS = (
    "Frontiers, ratios and choose rest on gross energy: idle power is included, as a machine that does "
    "nothing but answer would draw it. Net energy is what lies above the idle power of windows before and "
    "after; only counters tell it."
)


@dataclass(frozen=True)
class EnergyRow:
    """One candidate's joules per example, means over tasks; None where there is none."""

    name: str
    gross: float | None
    net: float | None


def energy_rows(run_summary: RunSummary) -> tuple[EnergyRow, ...]:
    """Return the energies of all candidates; none where no candidate has any."""
    rows = tuple(
        EnergyRow(
            candidate.name, run_summary.value(candidate.name, ENERGY), _net(run_summary, candidate.name)
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


def energy_bases(run_summary: RunSummary) -> set[str]:
    """Return what the energies that are compared rest on: one basis, or none."""
    bases = {
        candidate.name: energy_basis(run_summary.run, candidate.name)
        for candidate in run_summary.run.candidates
    }
    return {basis for name, basis in bases.items() if basis and run_summary.value(name, ENERGY) is not None}


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
