"""The decision that an analysis holds, in words and numbers: what to deploy, what it costs and saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xpareto.eval.analyses.documents import Analysis, Answer, Summary
from xpareto.eval.analyses.documents import Pick as PickEntry
from xpareto.eval.results import RunSummary
from xpareto.reports.text import midway, number, points, ratio


@dataclass(frozen=True)
class Pick:
    """What to deploy for one cost; numbers are written with their units and intervals.

    `name` is a variant, its seeds together, and `candidate` the trained model of their middle score, ""
    where there is one seed.
    """

    title: str
    most: bool  # a rate: the more the better
    name: str
    candidate: str
    seeds: int
    baseline: bool
    ratio: str
    ratio_range: str
    value: str
    value_range: str
    drop: str
    most_drop: str


def decided(analysis: Analysis) -> Answer | None:
    """Return the decision that an analysis holds; those that were written earlier have none."""
    return analysis.answer if analysis else None


def loss(answer: Answer) -> str:
    """Return what may be lost, as `1 point`."""
    return f"{answer.max_drop:g} point" + ("" if answer.max_drop == 1 else "s")


def picks(run_summary: RunSummary, analysis: Analysis) -> tuple[Pick, ...]:
    """Return the picks in the order of the document; none without a decision."""
    if not analysis or analysis.answer is None:
        return ()
    return tuple(
        _pick(run_summary, analysis, entry)
        for entry in analysis.answer.picks
        if entry.objective in run_summary.objectives
    )


def _pick(run_summary: RunSummary, analysis: Summary, entry: PickEntry) -> Pick:
    objective, place = run_summary.objectives[entry.objective], entry.chosen
    members = analysis.members[place]
    value = analysis.costs[objective.name][place]
    assert value is not None  # a summary whose pick has no cost is refused when it is read
    return Pick(
        title=objective.title,
        most=objective.sense == "max",
        name=analysis.names[place],
        candidate=entry.candidate if len(members) > 1 else "",
        seeds=len(members),
        baseline=place == analysis.base,
        ratio=ratio(entry.ratio.value) if entry.ratio else "–",
        ratio_range=_range([ratio(end) for end in entry.ratio]) if entry.ratio else "",
        value=number(value.value, objective.unit),
        value_range=_range([number(end, objective.unit) for end in value]),
        drop=points(-entry.drop),
        most_drop=points(-entry.most_drop),
    )


def _range(texts: Sequence[str]) -> str:
    """Return the ends of an interval; nothing where they are written as the value is."""
    value, low, high = texts
    return "" if low == high == value else f"{low} to {high}"


def pick_words(pick: Pick, most_loss: str) -> tuple[str, ...]:
    """Return a pick as a sentence, with names at odd places."""
    # Not "the lowest": what noise cannot tell from it may be a hair lower.
    lead = f"For {'high' if pick.most else 'low'} {midway(pick.title)}, losing at most {most_loss}: "
    if pick.baseline:
        why = ", the baseline itself: nothing is better at it beyond noise and shown to lose at most "
        return (lead, pick.name, f"{why}{most_loss}.")
    ends = f" ({pick.ratio_range})" if pick.ratio_range else ""
    value_ends = f" ({pick.value_range})" if pick.value_range else ""
    tail = (
        f", {pick.ratio}{ends} the baseline’s: {pick.value}{value_ends}; {pick.drop} points, at worst "
        f"{pick.most_drop}"
    )
    if not pick.candidate:
        return (lead, pick.name, tail + ".")
    return (lead, pick.name, f"{tail}; of its {pick.seeds} seeds the middle one is ", pick.candidate, ".")


def method(analysis: Summary, answer: Answer) -> str:
    """Return what the picks rest on, and the command that says the same."""
    return (
        f"{len(answer.fits)} of {len(analysis.names)} variants are shown to lose at most "
        f"{loss(answer)}: the upper end of the drop’s interval does ({analysis.percent} for "
        "all variants at once, the seeds of each together). Costs and scores that noise cannot tell apart count "
        "as equal. What a block of measurements does to all variants is in the interval of a cost and cancels in that "
        "of a ratio. The same is said, with reasons, by: "
        f"xpareto choose RUN --max-drop {answer.max_drop:g} --seed-policy mean"
    )
