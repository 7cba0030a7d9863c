"""The answer in words: what to deploy, and what is on the frontier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from xpareto.eval.analyses.documents import NO_ANALYSIS, Analysis
from xpareto.eval.results import SCORE, Study, frontier_names, matched
from xpareto.reports.findings.answer import decided, loss, method, pick_words, picks
from xpareto.reports.text import midway, number, points, ratio

TOLERANCE = 1.0  # points below the baseline that still count as good enough
_LISTED = 6  # names of a frontier in a sentence


Sentence = tuple[str, ...]  # plain words, with a candidate's or arm's name at every odd place


def headline(study: Study, analysis: Analysis = NO_ANALYSIS) -> tuple[Sentence, ...]:
    """Return the whole answer, sentence by sentence."""
    if study.value(study.run.baseline, SCORE) is None:
        return (opening(study),)
    return (opening(study), *_recommended(study, analysis), *comparison(study))


def _recommended(study: Study, analysis: Analysis) -> Iterator[Sentence]:
    """Yield what to deploy as the analysis decides it, or what is cheapest as measured, and says so."""
    answer = decided(analysis)
    if analysis and answer is not None:
        for pick in picks(study, analysis):
            yield pick_words(pick, loss(answer))
        yield (method(analysis, answer),)
        return
    found = [words for cost in priced(study) if (words := _cheapest(study, cost))]
    if found:
        yield (as_measured(analysis),)
        yield from found


def as_measured(analysis: Analysis) -> str:
    """Return what the picks of `cheapest` are not, and why there are no better ones."""
    why = "The statistics beside this report hold no decision. To compute it: xpareto report RUN"
    if not analysis:
        why = analysis.unavailable
    return (
        "What follows is cheapest as measured, of single trained models and without the uncertainty of "
        f"scores and costs: luck has its part in it, and xpareto choose may say otherwise. {why}"
    )


def opening(study: Study) -> Sentence:
    """Return what the baseline reaches, or that it has no score."""
    if study.value(study.run.baseline, SCORE) is None:
        why = " has no score, so nothing can be compared with it."
        return ("The baseline ", study.run.baseline, why)
    return _baseline(study)


def comparison(study: Study) -> tuple[Sentence, ...]:
    """Return how the arms differ and what is on the main frontier."""
    return (*arms_compared(study), *standing(study))


def priced(study: Study) -> tuple[str, ...]:
    """Return the costs to be had low: throughput says the same as latency, from the other side."""
    return tuple(cost for cost in study.costs if study.objectives[cost].sense == "min")


def main_cost(study: Study) -> str | None:
    """Return the cost that the report opens with: latency where there is any."""
    return next((cost for cost in ("latency_ms", *study.costs) if cost in study.costs), None)


def cheapest(study: Study, cost: str) -> tuple[str, ...]:
    """Return the cheapest candidates within TOLERANCE points of the baseline's score.

    Tied candidates all stay, the best score first.
    """
    sign = -1.0 if study.objectives[cost].sense == "max" else 1.0
    good = []
    for candidate in study.run.candidates:
        gain, value = study.gain(candidate.name), study.value(candidate.name, cost)
        if gain is not None and gain >= -TOLERANCE and value is not None:
            good.append((sign * value, candidate.name))
    least = min(good)[0] if good else 0.0
    tied = [name for value, name in good if value == least]
    return tuple(sorted(tied, key=lambda name: -(study.gain(name) or 0.0)))


def _baseline(study: Study) -> Sentence:
    name = study.run.baseline
    score = study.average(name)
    half = f" ± {score.half:.1f}" if score and score.half is not None else ""
    costs = [
        f"{midway(study.objectives[cost].title)}: {number(value, study.objectives[cost].unit)}"
        for cost in study.costs
        if (value := study.value(name, cost)) is not None
    ]
    rest = f" ({'; '.join(costs)})" if costs else ""
    return ("The baseline ", name, f" scores {number(study.value(name, SCORE), 'percent')}{half} %{rest}.")


def _cheapest(study: Study, cost: str) -> Sentence:
    names = cheapest(study, cost)
    objective = study.objectives[cost]
    if not names:
        return ()
    lead = (
        f"Lowest {midway(objective.title)} as measured within {TOLERANCE:g} point of the baseline’s score: "
    )
    if study.run.baseline in names:
        return (lead, study.run.baseline, ", the baseline itself: no variant is both cheaper and that good.")
    first = names[0]
    share = study.ratio(first, cost)
    versus = f", {ratio(share)} the baseline’s" if share is not None else ""
    tail = (
        f" ({number(study.value(first, cost), objective.unit)}{versus}; {points(study.gain(first))} points)"
    )
    if len(names) == 1:
        return (lead, first, tail + ".")
    return (lead, first, tail + ", at the same cost as ", *_listed(names[1:]), ".")


def arms_compared(study: Study) -> list[Sentence]:
    """Return how each arm does against the baseline's, over the variants that both have."""
    arms = list(dict.fromkeys(candidate.arm for candidate in study.run.candidates))
    home = study.run.candidate(study.run.baseline).arm
    variants = matched([candidate.name for candidate in study.run.candidates], study.run).values()
    sentences: list[Sentence] = []
    for arm in arms:
        changes = [
            there - here
            for variant in variants
            if arm != home and arm in variant and home in variant
            and (there := study.value(variant[arm], SCORE)) is not None
            and (here := study.value(variant[home], SCORE)) is not None
        ]  # fmt: skip
        if changes:
            count = f"{len(changes)} matched variant" + ("s" if len(changes) > 1 else "")
            spread = f" (from {points(min(changes))} to {points(max(changes))})" if len(changes) > 1 else ""
            verdict = f": {points(fmean(changes))} points on the mean over {count}{spread}."
            sentences.append(("Arm ", arm, " against arm ", home, verdict))
    return sentences


def standing(study: Study) -> list[Sentence]:
    """Return what is on the main frontier, and how many are dominated by no other."""
    cost = main_cost(study)
    if cost is None:
        return []
    names = study.frontiers[cost, SCORE]
    scored = sum(value[SCORE] is not None and value[cost] is not None for value in study.values.values())
    title = midway(study.objectives[cost].title)
    lead = f"On the frontier of score against {title}, as measured ({len(names)} of {scored}): "
    most = (
        len(names) if len(names) <= _LISTED + 1 else _LISTED
    )  # "and 1 more" would take the place of the name
    rest = f" and {len(names) - most} more." if len(names) > most else "."
    shown = (lead, *_listed(names[:most], last=len(names) == most), rest)
    whole = [study.objectives[name] for name in study.shown]
    undominated = len(frontier_names(study.values, *whole))
    whole_count = f"{undominated} of {len(study.values)} candidates are dominated by no other."
    return [shown, (f"Over all {len(whole)} objectives at once, {whole_count}",)]


def _listed(names: Sequence[str], last: bool = True) -> tuple[str, ...]:
    """Return names with the words between them, names at even places; `last`: no more follow."""
    parts: list[str] = []
    for place, name in enumerate(names):
        if place:
            parts.append(" and " if place == len(names) - 1 and last else ", ")
        parts.append(name)
    return tuple(parts)
