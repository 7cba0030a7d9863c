"""A comparison of two arms as Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from xpareto.eval.analyses.documents import THESE_MODELS, ArmComparison, Estimate
from xpareto.eval.results import SeenLanguages
from xpareto.eval.statistics import Contrast
from xpareto.reports.formats import table
from xpareto.reports.text import (
    SEEN_LEGEND,
    code,
    language_title,
    markdown,
    midway,
    points,
    ratio,
    three_digits,
)

VERDICTS = ("better", "equivalent", "worse", "undetermined")


def headline(document: ArmComparison) -> str:
    """Return the answer in one sentence, plain text."""
    a, b = document.labels
    first = document.variants[0]
    average = first.average
    verb = {
        "better": f"{b} scores better than {a}",
        "worse": f"{b} scores worse than {a}",
        "equivalent": f"{b} and {a} score equally, within {in_points(average.margin)}",
        "undetermined": f"It is undetermined whether {b} scores better or worse than {a}",
    }[average.verdict]
    count = len(first.tasks)
    seeds = len(document.rests_on.seeds)
    scope = f"{seeds} seeds per arm" if seeds > 1 else "one seed per arm: true of these trained models only"
    return (
        f"{verb}: {points(average.difference)} points on the average of {count} task{'s' * (count > 1)} "
        f"(95 % interval {interval(average)}), in {first.variant}; {scope}."
    )


def interval(contrast: Contrast | Estimate) -> str:
    """Return the 95 % interval of a contrast in points.

    >>> interval(Estimate(0.36, -0.54, 1.26))
    '−0.5 to +1.3'
    """
    return f"{points(contrast.low)} to {points(contrast.high)}"


def in_points(margin: float) -> str:
    """Return a margin in words.

    >>> in_points(1.0), in_points(0.5)
    ('1 point', '0.5 points')
    """
    return f"{margin:g} point" + ("s" if margin != 1 else "")


def p_text(p: float) -> str:
    """Return a p-value in as many digits as it deserves.

    >>> p_text(0.0421), p_text(0.00002), p_text(0.9999)
    ('0.042', '<0.001', '1.000')
    """
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def ratio_interval(contrast: Contrast) -> tuple[str, str]:
    """Return the cost ratio and its interval from a contrast of logarithms."""
    middle, low, high = (
        math.exp(min(end, 300.0)) for end in (contrast.difference, contrast.low, contrast.high)
    )
    return ratio(middle), f"{_bounded(low)} to {_bounded(high)}"


def tally(document: ArmComparison) -> list[tuple[str, str, Counter[str]]]:
    """Return how many languages have each verdict, by variant and task."""
    return [
        (variant.variant, task, Counter(contrast.verdict for contrast in by_language.values()))
        for variant in document.variants
        for task, by_language in variant.languages.items()
    ]


def basis(document: ArmComparison) -> list[str]:
    """Return what the comparison rests on, one plain sentence each."""
    rests = document.rests_on
    seeds, df = rests.seeds, document.variants[0].average.df
    variants = len(rests.variants)
    lines = [
        f"{rests.pairs} matched pairs of candidates: {variants} variant{'s' * (variants > 1)}, "
        f"{len(seeds)} seed{'s' * (len(seeds) > 1)} per arm."
    ]
    if df is None:
        lines.append(
            "One seed per arm: the intervals cover the choice of test examples and nothing of training."
        )
    else:
        pooled = rests.pooled_arms
        source = f", pooled over these and the arms {', '.join(pooled)}" if pooled else ""
        lines.append(f"Training noise is known to {df} degree{'s' * (df > 1)} of freedom{source}.")
    for task, facts in rests.tasks.items():
        counts = list(facts.examples.values())
        spread = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
        how = "drawn together in all languages" if facts.drawn_together else "drawn per language"
        lines.append(f"{task}: {len(counts)} languages, {spread} {facts.split} examples each, {how}.")
    return lines


def comparison_markdown(document: ArmComparison) -> str:
    """Return the whole comparison as Markdown; the same document gives the same bytes."""
    return "\n".join(_lines(document)).rstrip() + "\n"


def _lines(document: ArmComparison) -> Iterator[str]:
    a, b = document.labels
    yield from (f"# {markdown(document.recipe)}: arm {code(b)} against arm {code(a)}", "")
    if document.rests_on.synthetic:
        yield from ("> **Synthetic data: evidence for the machinery only.**", "")
    if document.scope == THESE_MODELS:
        yield from (
            "> **One seed per arm: every verdict is on these trained models only, not on the arms.**",
            "",
        )
    yield from (markdown(headline(document)), "")
    yield f"Differences are {code(b)} less {code(a)}, in points; verdicts are on {code(b)}."
    yield ""
    yield from _averages(document)
    yield from _tasks(document)
    yield from _languages(document)
    yield from _frontiers(document)
    yield from ("## What it rests on", "")
    yield from (f"- {markdown(line)}" for line in basis(document))
    yield from (f"- Left out: {code(n)}: {markdown(w)}." for n, w in document.rests_on.left_out.items())
    yield ""
    yield from ("## Caveats", "")
    yield from (f"- **{markdown(c.title)}.** {markdown(c.text)}" for c in document.caveats)
    yield ""
    yield from ("## How to reproduce", "", "```sh", code(command(document)).strip("`"), "```")


def command(document: ArmComparison) -> str:
    """Return the command that gives this document."""
    a, b = document.arms
    return (
        f"xpareto compare {document.run} --arms {a} {b} --margin {document.margin:g} "
        f"--resamples {document.resamples} --seed {document.seed}"
    )


def _averages(document: ArmComparison) -> Iterator[str]:
    a, b = document.labels
    yield from ("## Average over tasks", "")
    head = ["variant", code(a), code(b), "difference", "95 % interval", "p (Holm)", "verdict"]
    rows = [[code(v.variant), *_cells(v.average)] for v in document.variants]
    yield from table(head, rows)
    if document.variants[0].without_retrieval:
        yield from ("Without the tasks that retrieve:", "")
        rows = [
            [code(v.variant), *_cells(v.without_retrieval)] for v in document.variants if v.without_retrieval
        ]
        yield from table(head, rows)
    if len(document.variants) > 1:
        first = code(document.variants[0].variant)
        yield from (f"What compression does to the difference (here less that in {first}):", "")
        head = ["variant", "change", "95 % interval", "p (Holm)", "verdict"]
        rows = [[code(v.variant), *_cells(v.change)[2:]] for v in document.variants if v.change]
        yield from table(head, rows)


def _tasks(document: ArmComparison) -> Iterator[str]:
    a, b = document.labels
    yield from ("## By task", "")
    yield "The share is what the task adds to the difference of the averages; shares add up to 100 %."
    yield ""
    head = ["variant", "task", code(a), code(b), "difference", "95 % interval", "p (Holm)", "verdict"]
    rows = []
    for variant in document.variants:
        for task, contrast in variant.tasks.items():
            share = variant.attribution[task].share
            part = "–" if share is None else f"{share:.1f} %".replace("-", "−")
            rows.append([code(variant.variant), markdown(task), *_cells(contrast), part])
    yield from table([*head, "share"], rows, numeric_from=2)


def _languages(document: ArmComparison) -> Iterator[str]:
    a, b = document.labels
    first, seen = document.variants[0], _seen(document)
    yield from (f"## By language, in {code(first.variant)}", "")
    head = ["task", "language", code(a), code(b), "difference", "95 % interval", "p (Holm)", "verdict"]
    rows = [
        [
            markdown(task),
            markdown(language_title(language, seen)),
            *_cells(contrast),
        ]
        for task, by_language in first.languages.items()
        for language, contrast in by_language.items()
    ]
    yield from table(head, rows, numeric_from=2)
    if any(seen.mark(code) for by_language in first.languages.values() for code in by_language):
        yield f"{SEEN_LEGEND} One arm’s is enough for a mark."
        yield ""
    yield from ("Languages by verdict, in every variant:", "")
    counted = [
        [code(variant), markdown(task), *(str(counts[verdict]) for verdict in VERDICTS)]
        for variant, task, counts in tally(document)
    ]
    yield from table(["variant", "task", *VERDICTS], counted, numeric_from=2)


def _seen(document: ArmComparison) -> SeenLanguages:
    """Return the languages that either arm's training saw."""
    entries = document.rests_on.seen.values()
    labels, text, whole = (
        tuple(name for entry in entries for name in getattr(entry, field))
        for field in ("labels", "text", "whole_texts")
    )
    return SeenLanguages(labels, text, whole)


def _frontiers(document: ArmComparison) -> Iterator[str]:
    a, b = document.labels
    volumes, isos = document.hypervolume, document.iso_cost
    if not volumes:
        return
    titles = {name: midway(facts.title) for name, facts in document.rests_on.objectives.items()}
    reference = document.reference
    yield from ("## Frontier: hypervolume", "")
    yield (
        f"Area below the frontier of score against each cost, in points × octaves (factors of two) of cost, up "
        f"to {reference.score:g} % and {2**reference.octaves:g} times the cost of "
        f"{code(reference.baseline)}; fixed beforehand. Equivalent: A differs by less than if all of "
        f"{code(a)} scored {in_points(document.margin)} more."
    )
    yield ""
    head = ["cost", code(a), code(b), "difference", "95 % interval", "margin", "p (Holm)", "verdict"]
    rows = [[markdown(titles.get(name, name)), *_volume(volume)] for name, volume in volumes.items()]
    joint = document.joint_hypervolume
    if joint:
        rows.append(["all costs together", *_volume(joint)])
    yield from table(head, rows)
    yield from ("## Frontier: cost of equal scores", "")
    yield f"Cost of {code(b)} over that of {code(a)} where both reach the same score; below 1 {code(b)} is cheaper."
    yield ""
    listed = []
    for name, iso in isos.items():
        contrast = iso.contrast
        if contrast is None:
            listed.append([markdown(titles.get(name, name)), "–", "–", "–", markdown(iso.reason)])
        else:
            listed.append(
                [
                    markdown(titles.get(name, name)),
                    *ratio_interval(contrast),
                    p_text(contrast.p_adjusted),
                    contrast.verdict,
                ]
            )
    yield from table(["cost", "ratio", "95 % interval", "p (Holm)", "verdict"], listed)


def _cells(contrast: Contrast) -> list[str]:
    scores = [f"{contrast.a:.1f}", f"{contrast.b:.1f}"]
    return [
        *scores,
        points(contrast.difference),
        interval(contrast),
        p_text(contrast.p_adjusted),
        contrast.verdict,
    ]


def _volume(contrast: Contrast) -> Sequence[str]:
    return [
        three_digits(contrast.a),
        three_digits(contrast.b),
        _signed(contrast.difference),
        f"{_signed(contrast.low)} to {_signed(contrast.high)}",
        three_digits(contrast.margin),
        p_text(contrast.p_adjusted),
        contrast.verdict,
    ]


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + three_digits(value)


def _bounded(value: float) -> str:
    return ratio(value) if 1e-3 <= value <= 1e3 else ("<0.001×" if value < 1 else ">1000×")
