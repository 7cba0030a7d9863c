"""The answer in words: what to deploy, and what is on the frontier."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from statistics import fmean

from xpareto.eval.analyses.documents import NO_ANALYSIS, Analysis
from xpareto.eval.results import SCORE, RunSummary, frontier_names, matched
from xpareto.reports.findings.answer import (
    Sentence,
    decided,
    deploy_words,
    kept_out_words,
    loss,
    method,
    pick_words,
    picks,
)
from xpareto.reports.text import midway, number, points, ratio

TOLERANCE = 1.0  # points below the baseline that still count as good enough
_LISTED = 6  # names of a frontier in a sentence


def headline(run_summary: RunSummary, analysis: Analysis = NO_ANALYSIS) -> tuple[Sentence, ...]:
    """Return the whole answer, sentence by sentence."""
    if run_summary.value(run_summary.run.baseline, SCORE) is None:
        return (opening(run_summary),)
    recommendation = deploy_words(run_summary, analysis)
    lead = tuple(words for words in (recommendation, kept_out_words(run_summary, analysis)) if words)
    return (*lead, opening(run_summary), *_recommended(run_summary, analysis), *comparison(run_summary))


def _recommended(run_summary: RunSummary, analysis: Analysis) -> Iterator[Sentence]:
    """Yield what to deploy as the analysis decides it, or what is cheapest as measured, and says so."""
    answer = decided(analysis)
    if analysis and analysis.nothing_learnt:
        return
    if analysis and answer is not None:
        for pick in picks(run_summary, analysis):
            yield pick_words(pick, analysis, loss(answer))
        yield method(run_summary, analysis, answer)
        return
    sentences = [words for cost in priced(run_summary) if (words := _cheapest(run_summary, cost))]
    if sentences:
        yield (as_measured(run_summary, analysis),)
        yield from sentences


def as_measured(run_summary: RunSummary, analysis: Analysis) -> str:
    """Return what the picks of `cheapest` are not, and why there are no better ones."""
    command = f"xpareto report {run_summary.run.place}"
    why = f"The statistics beside this report hold no decision. To compute it: {command}"
    if not analysis:
        why = analysis.unavailable
    return (
        "What follows is cheapest as measured, of single trained models and without the uncertainty of "
        f"scores and costs: luck has its part in it, and xpareto choose may say otherwise. {why}"
    )


def opening(run_summary: RunSummary) -> Sentence:
    """Return what the baseline reaches, or that it has no score."""
    if run_summary.value(run_summary.run.baseline, SCORE) is None:
        hidden = gold_withheld(run_summary)
        because = ", since the gold labels of all that it was evaluated on are withheld" if hidden else ""
        why = f" has no score{because}, so nothing can be compared with it."
        return ("The baseline ", run_summary.run.baseline, why)
    return _baseline(run_summary)


def gold_withheld(run_summary: RunSummary) -> bool:
    """Is the gold withheld of everything that was evaluated, so that nothing has a score?"""
    tasks = run_summary.run.tasks.values()
    return any(facts.withheld for facts in tasks) and not any(facts.languages for facts in tasks)


def comparison(run_summary: RunSummary) -> tuple[Sentence, ...]:
    """Return how the arms differ and what is on the main frontier."""
    return (*arms_compared(run_summary), *standing(run_summary))


def priced(run_summary: RunSummary) -> tuple[str, ...]:
    """Return the costs to be had low: throughput says the same as latency, from the other side."""
    return tuple(cost for cost in run_summary.costs if run_summary.objectives[cost].sense == "min")


def main_cost(run_summary: RunSummary) -> str | None:
    """Return the cost that the report opens with: latency where there is any."""
    return next((cost for cost in ("latency_ms", *run_summary.costs) if cost in run_summary.costs), None)


def cheapest(run_summary: RunSummary, cost: str) -> tuple[str, ...]:
    """Return the cheapest candidates within TOLERANCE points of the baseline's score.

    Tied candidates all stay, the best score first.
    """
    sign = -1.0 if run_summary.objectives[cost].sense == "max" else 1.0
    good = []
    for candidate in run_summary.run.candidates:
        gain, value = run_summary.gain(candidate.name), run_summary.value(candidate.name, cost)
        if gain is not None and gain >= -TOLERANCE and value is not None:
            good.append((sign * value, candidate.name))
    least = min(good)[0] if good else 0.0
    tied = [name for value, name in good if value == least]
    return tuple(sorted(tied, key=lambda name: -(run_summary.gain(name) or 0.0)))


def _baseline(run_summary: RunSummary) -> Sentence:
    name = run_summary.run.baseline
    score = run_summary.average(name)
    half = f" ± {score.half:.1f}" if score and score.half is not None else ""
    costs = [
        f"{midway(run_summary.objectives[cost].title)}: {number(value, run_summary.objectives[cost].unit)}"
        for cost in run_summary.costs
        if (value := run_summary.value(name, cost)) is not None
    ]
    rest = f" ({'; '.join(costs)})" if costs else ""
    return (
        "The baseline ",
        name,
        f" scores {number(run_summary.value(name, SCORE), 'percent')}{half} %{rest}.",
    )


def _cheapest(run_summary: RunSummary, cost: str) -> Sentence:
    names = cheapest(run_summary, cost)
    objective = run_summary.objectives[cost]
    if not names:
        return ()
    lead = (
        f"Lowest {midway(objective.title)} as measured within {TOLERANCE:g} point of the baseline’s score: "
    )
    if run_summary.run.baseline in names:
        return (
            lead,
            run_summary.run.baseline,
            ", the baseline itself: no variant is both cheaper and that good.",
        )
    first = names[0]
    share = run_summary.ratio(first, cost)
    versus = f", {ratio(share)} the baseline’s" if share is not None else ""
    value = number(run_summary.value(first, cost), objective.unit)
    tail = f" ({value}{versus}; {points(run_summary.gain(first))} points)"
    if len(names) == 1:
        return (lead, first, tail + ".")
    return (lead, first, tail + ", at the same cost as ", *_listed(names[1:]), ".")


def arms_compared(run_summary: RunSummary) -> list[Sentence]:
    """Return how each arm does against the baseline's, over the variants that both have."""
    arms = list(dict.fromkeys(candidate.arm for candidate in run_summary.run.candidates))
    home = run_summary.run.candidate(run_summary.run.baseline).arm
    variants = matched([candidate.name for candidate in run_summary.run.candidates], run_summary.run).values()
    sentences: list[Sentence] = []
    for arm in arms:
        changes = [
            there - here
            for variant in variants
            if arm != home and arm in variant and home in variant
            and (there := run_summary.value(variant[arm], SCORE)) is not None
            and (here := run_summary.value(variant[home], SCORE)) is not None
        ]  # fmt: skip
        if changes:
            count = f"{len(changes)} matched variant" + ("s" if len(changes) > 1 else "")
            spread = f" (from {points(min(changes))} to {points(max(changes))})" if len(changes) > 1 else ""
            command = f"xpareto compare {run_summary.run.place} --arms {shlex.quote(home)} {shlex.quote(arm)}"
            told = "; what of it is more than noise is told by "
            verdict = f": {points(fmean(changes))} points on the mean over {count}{spread}, as measured"
            one_run = len(run_summary.run.origins) == 1  # the command takes one
            rest = (verdict + told, command, ".") if one_run else (verdict + ".",)
            sentences.append(("Arm ", arm, " against arm ", home, *rest))
    return sentences


def standing(run_summary: RunSummary) -> list[Sentence]:
    """Return what is on the main frontier, and how many are dominated by no other."""
    cost = main_cost(run_summary)
    if cost is None:
        return []
    names = run_summary.frontiers[cost, SCORE]
    scored = sum(
        value[SCORE] is not None and value[cost] is not None for value in run_summary.values.values()
    )
    title = midway(run_summary.objectives[cost].title)
    lead = f"On the frontier of score against {title}, as measured ({len(names)} of {scored}): "
    most = (
        len(names) if len(names) <= _LISTED + 1 else _LISTED
    )  # "and 1 more" would take the place of the name
    rest = f" and {len(names) - most} more." if len(names) > most else "."
    shown = (lead, *_listed(names[:most], last=len(names) == most), rest)
    whole = [run_summary.objectives[name] for name in run_summary.shown]
    undominated = len(frontier_names(run_summary.values, *whole))
    whole_count = f"{undominated} of {len(run_summary.values)} candidates are dominated by no other."
    return [shown, (f"Over all {len(whole)} objectives at once, {whole_count}",)]


def _listed(names: Sequence[str], last: bool = True) -> tuple[str, ...]:
    """Return names with the words between them, names at even places; `last`: no more follow."""
    parts: list[str] = []
    for place, name in enumerate(names):
        if place:
            parts.append(" and " if place == len(names) - 1 and last else ", ")
        parts.append(name)
    return tuple(parts)
