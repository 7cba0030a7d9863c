"""The noise of every measurement in plain words: how far two equal candidates may lie apart."""

from __future__ import annotations

from dataclasses import dataclass

from xpareto.eval.analyses.documents import Analysis, NoiseEntry, Summary
from xpareto.eval.results import RunSummary
from xpareto.reports.text import MINUS


@dataclass(frozen=True)
class NoiseRow:
    """One quantity; `floor`, `block` and `twin` are written with their units, – where there is none."""

    title: str
    floor: str
    block: str
    blocks: str
    twin: str
    words: str


def noise_rows(run_summary: RunSummary, analysis: Analysis) -> list[NoiseRow]:
    """Return a row for each cost and one for the score; none without an analysis."""
    if not analysis:
        return []
    cost_rows = [
        _cost(run_summary.objectives[key].title, objective.noise)
        for key, objective in analysis.objectives.items()
        if key in run_summary.costs
    ]
    return [*cost_rows, _score(run_summary, analysis)]


def noise_ratio(analysis: Analysis, objective: str) -> float | None:
    """Return the ratio of two costs up to which their difference is noise; None where that is not known."""
    known = analysis.objectives.get(objective) if analysis else None
    return None if known is None or known.noise.floor is None else 1 + known.noise.floor / 100


def _cost(title: str, noise: NoiseEntry) -> NoiseRow:
    blocks, twin = noise.blocks, noise.twin
    known = f" Learnt from {blocks} repeats of every candidate, with {noise.df} degrees of freedom."
    words = {
        "exact": "Counted, not timed: the same each time.",
        "blocks": f"Differences below {percent(noise.floor)} are within what two copies of one candidate"
        f" show by chance (5 % of such pairs differ by more).{known}",
        "unknown": "Measured in one block, so nothing is known of its noise: no interval is given, and no difference"
        " is called one. Measure more blocks (measure.blocks) to learn it.",
    }[noise.basis]
    if twin is not None:
        words += f" The baseline’s twin, the same model measured as if it were another, came out at {_signed(twin)}."
    exact = noise.basis == "exact"
    return NoiseRow(
        title,
        percent(noise.floor),
        "–" if exact else percent(noise.sd),
        "–" if exact else str(blocks),
        "–" if twin is None else _signed(twin),
        words,
    )


def _score(run_summary: RunSummary, analysis: Summary) -> NoiseRow:
    floor = analysis.score_floor
    title = run_summary.objectives["score"].title
    if not analysis.seeded or not floor:
        words = (
            "One training seed each: how much training alone moves the score is not known here, and the "
            "intervals cover the choice of test examples only."
        )
        return NoiseRow(title, "–", "–", "–", "–", words)
    seeds = max(map(len, analysis.members))
    words = (
        f"Two trainings of one recipe differ by less than {floor:.1f} points in 95 of 100 cases; learnt from "
        f"{seeds} seeds."
    )
    return NoiseRow(title, f"{floor:.1f} points", "–", f"{seeds} seeds", "–", words)


def percent(value: float | None) -> str:
    """Return a share in as many digits as say something.

    >>> percent(36.88), percent(0.011), percent(0.0), percent(None)
    ('36.9 %', '0.01 %', '0 %', '–')
    """
    if value is None:
        return "–"
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return ("0" if not value else text.replace("-", MINUS)) + " %"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + percent(value)
