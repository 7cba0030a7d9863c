"""How a loss falls on languages: the fairness of every system, and the answers that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from xpareto.eval.analyses.documents import Analysis, Estimate, FlipCounts
from xpareto.eval.results import RunSummary
from xpareto.reports.text import MINUS, points

_CLASSES = ("high", "medium", "low", "unseen")


@dataclass(frozen=True)
class Disparity:
    """One system against the baseline; losses in points, positive where something was lost.

    `flips` are shares in percent of all answers: changed, lost (right before), won; None where no
    predictions were kept.
    """

    name: str
    worst_language: str
    worst: Estimate
    spread: float
    beyond: float
    slope: Estimate | None
    resources: Mapping[str, Estimate]
    scripts: Mapping[str, Estimate]
    flips: tuple[float, float, float] | None


def disparities(analysis: Analysis) -> list[Disparity]:
    """Return every system but the baseline; none without an analysis."""
    if not analysis:
        return []
    flips = analysis.flips
    return [
        Disparity(
            name,
            fairness.worst_language,
            fairness.worst,
            fairness.spread,
            fairness.spread_beyond_noise,
            fairness.slope,
            fairness.by_resources,
            fairness.by_script,
            _flips([row[at] for row in flips.values()]) if flips else None,
        )
        for at, (name, fairness) in enumerate(zip(analysis.names, analysis.fairness, strict=True))
        if at != analysis.base
    ]


def sure_cells(analysis: Analysis) -> dict[str, list[tuple[str, str]]]:
    """Return, by candidate, the (task, language) whose differences hold for all of its cells at once.

    Only of systems with one seed: with more the cells leave the spread between seeds aside.
    """
    cells = analysis.cells if analysis else None
    if not analysis or cells is None or analysis.seeded:
        return {}
    sure = {}
    for at, (name,) in enumerate(analysis.members):
        z = NormalDist().inv_cdf((1 + min(cells.levels[at], 1 - 1e-9)) / 2)
        sure[name] = [
            where
            for where, drop, error in zip(cells.places, cells.drops[at], cells.errors[at], strict=True)
            if error and abs(drop) > z * error
        ]
    return sure


@dataclass(frozen=True)
class Loss:
    """The most that a candidate loses in one task and language; `sure` is None where that is not known."""

    task: str
    language: str
    change: float  # points, below zero
    sure: bool | None


def largest_loss(run_summary: RunSummary, analysis: Analysis, candidate: str) -> Loss | None:
    """Return the largest loss of any language; None where none loses as much as is written: 0.1 points."""
    worst = run_summary.worst(candidate)
    if candidate == run_summary.run.baseline or worst is None or points(worst[2])[0] != MINUS:
        return None
    task, language, change = worst
    known = sure_cells(analysis)
    return Loss(task, language, change, (task, language) in known[candidate] if candidate in known else None)


def columns(losses: Sequence[Disparity]) -> tuple[list[str], list[str]]:
    """Return the classes of resources, richest first, and the scripts that any system has."""
    classes = {key for loss in losses for key in loss.resources}
    scripts = {key for loss in losses for key in loss.scripts}
    rest = sorted(classes - set(_CLASSES))
    return [key for key in _CLASSES if key in classes] + rest, sorted(scripts)


def _flips(rows: Sequence[FlipCounts]) -> tuple[float, float, float] | None:
    examples, changed, lost, won = (sum(column) for column in zip(*rows, strict=True))
    if not examples:
        return None
    return 100 * changed / examples, 100 * lost / examples, 100 * won / examples
