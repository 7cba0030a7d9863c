"""How far each system's scores lie from the baseline's, with the paired intervals of the analysis."""

from __future__ import annotations

from dataclasses import dataclass

from xpareto.eval.analyses.documents import Analysis, Summary
from xpareto.eval.results import SCORE, RunSummary
from xpareto.reports.findings.cost_changes import cost_change
from xpareto.reports.text import points


@dataclass(frozen=True)
class Change:
    """A difference from the baseline in points, with its interval."""

    value: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """Return the difference and its interval.

        >>> Change(-1.25, -2.0, -0.51).text
        '−1.2 (−2.0 to −0.5)'
        """
        return points(self.value) + self.range

    @property
    def range(self) -> str:
        """Return the interval in parentheses after a space."""
        return f" ({points(self.low)} to {points(self.high)})"


@dataclass(frozen=True)
class ChangeRow:
    """One system's changes: of the tasks in their order, and of their average."""

    name: str
    tasks: tuple[Change, ...]
    average: Change


def change_tasks(run_summary: RunSummary, analysis: Analysis) -> tuple[str, ...]:
    """Return the tasks of the analysis, in the order of the run."""
    if not analysis:
        return ()
    return tuple(
        name for name, facts in run_summary.run.tasks.items() if facts.languages and name in analysis.tasks
    )


def changes(run_summary: RunSummary, analysis: Analysis) -> tuple[ChangeRow, ...]:
    """Return a row for each system but the baseline; none without an analysis."""
    if not analysis:
        return ()
    tasks = change_tasks(run_summary, analysis)
    return tuple(
        ChangeRow(
            name,
            tuple(Change(*score.tasks[task]) for task in tasks),
            Change(*score.change),
        )
        for at, (name, score) in enumerate(zip(analysis.names, analysis.scores, strict=True))
        if at != analysis.base
    )


def own_change(analysis: Analysis, candidate: str, quality: str = SCORE) -> Change | None:
    """Return the change of a candidate's score, or of another quality.

    None for the baseline, where seeds were pooled, and where the analysis lacks the quality.
    """
    if not analysis or analysis.seeded:
        return None
    places = [at for at, members in enumerate(analysis.members) if members == (candidate,)]
    if not places or places[0] == analysis.base:
        return None
    return quality_change(analysis, places[0], quality)


def quality_change(analysis: Summary, at: int, quality: str) -> Change | None:
    """Return the change of one system's score, or of another quality, None where the analysis lacks it."""
    if quality == SCORE:
        return Change(*analysis.scores[at].change)
    known = analysis.qualities.get(quality)
    return None if known is None else Change(*known.changes[at])


def versus_baseline(run_summary: RunSummary, analysis: Analysis, candidate: str, objective: str) -> str:
    """Return points of a quality beside the baseline's with their interval, or of a cost what `cost_change` says."""
    if run_summary.objectives[objective].role == "cost":
        return cost_change(run_summary, analysis, candidate, objective)
    change = own_change(analysis, candidate, objective)
    return points(run_summary.gain(candidate, objective)) + (change.range if change else "")


def change_words(analysis: Summary) -> str:
    """Return what the intervals of the changes are."""
    seeds = (
        "Systems are means over training seeds, and the spread between seeds is included (Student’s t)."
        if analysis.seeded
        else "They cover the choice of test examples only, not training."
    )
    draws = analysis.resamples
    return (
        f"In parentheses {analysis.percent} intervals of the change from the baseline (normal, their standard errors "
        f"from {draws} draws of a paired bootstrap: both models are scored on the same drawn examples, and "
        f"versions of one example in several languages are drawn together). {seeds} Each holds by itself, "
        "for a task and a system named beforehand."
    )
