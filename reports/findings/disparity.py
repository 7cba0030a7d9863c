"""How a loss falls on languages: the fairness of every system, and the answers that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xpareto.eval.analyses.documents import Analysis, Estimate, FlipCounts

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
