"""What to know before one relies on a comparison of two arms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from xpareto.eval.analyses.documents import ArmComparison, CaveatEntry, TrainingStep
from xpareto.reports.comparisons.compared import in_points
from xpareto.reports.findings import changed_text, incomplete_text, unlearnt_texts
from xpareto.reports.text import seen_words

XTREME_TASKS = 9
FEW_SEEDS = 5
_SAME_TOKENS = 1.05  # less is no difference in training that counts


def caveats_of(document: ArmComparison) -> list[CaveatEntry]:
    """Return every caveat that a comparison calls for, the gravest first; `key` is stable."""
    return [
        CaveatEntry(key=key, title=title, text=text) for rule in _RULES for key, title, text in rule(document)
    ]


CaveatTexts = Iterator[tuple[str, str, str]]


def _synthetic(document: ArmComparison) -> CaveatTexts:
    if document.rests_on.synthetic:
        yield (
            "synthetic",
            "The data are synthetic",
            "They were made by a small generator. A verdict here shows that the machinery works and says "
            "nothing about real languages or models.",
        )


def _changed(document: ArmComparison) -> CaveatTexts:
    caveat = changed_text(document.rests_on.changed)
    if caveat:
        yield caveat


def _seeds(document: ArmComparison) -> CaveatTexts:
    seeds, df = len(document.rests_on.seeds), document.variants[0].average.df
    if seeds == 1:
        yield (
            "one-seed",
            "One seed per arm",
            "How much scores vary from training to training is unknown, so every verdict is on these "
            "trained models only. That the same recipe with another seed would give the same verdict is "
            "not shown; differences of a point or two may be the luck of the seed.",
        )
    elif seeds < FEW_SEEDS and df is not None:
        yield (
            "few-seeds",
            f"{seeds} seeds per arm are few",
            f"Training noise is estimated with {df} degree{'s' * (df > 1)} of freedom, and its part of every "
            "interval is widened by the quantile of t accordingly (12.7 standard errors for 1, 4.3 for 2, "
            "2.8 for 4, instead of 2.0). Verdicts stay right at their level, but small differences "
            "remain undetermined: more seeds, or more arms with these seeds, narrow them.",
        )


def _unlearnt(document: ArmComparison) -> CaveatTexts:
    rests_on = document.rests_on
    more = " Here counts what either arm has learnt, on the run's page what any arm has."
    for key, title, text in unlearnt_texts(rests_on.unlearnt, rests_on.tasks, document.nothing_learnt):
        yield key, title, text + (more if rests_on.pooled_arms and not document.nothing_learnt else "")


def _pooled(document: ArmComparison) -> CaveatTexts:
    pooled = document.rests_on.pooled_arms
    if pooled and len(document.rests_on.seeds) > 1:
        yield (
            "pooled-variance",
            "Training noise is pooled over arms",
            f"It is estimated from both arms and from {', '.join(pooled)} together, which takes it to be "
            "equally large in all of them.",
        )


def _updates(document: ArmComparison) -> CaveatTexts:
    training = document.rests_on.training
    a, b = (_updates_of(training[label]) for label in document.labels)
    if a == b or document.same_arm:
        return
    yield (
        "updates",
        "The arms are trained for different numbers of updates",
        f"{document.labels[0]}: {a}; {document.labels[1]}: {b}. A difference between them may be "
        "due to the amount of training and not to its content; compare arms of equal updates for that.",
    )


def _tokens(document: ArmComparison) -> CaveatTexts:
    training = document.rests_on.training
    shown = [[step.tokens for step in training[label]] for label in document.labels]
    if document.same_arm or not all(shown) or any(count is None for counts in shown for count in counts):
        return
    a, b = (sum(count or 0 for count in counts) for counts in shown)
    if max(a, b) > _SAME_TOKENS * min(a, b):
        yield (
            "tokens",
            "The arms were shown different numbers of tokens",
            f"{document.labels[0]}: {a:,}; {document.labels[1]}: {b:,}, all trainings together. Equal updates are not "
            "equal tokens where texts differ in length; give their trainings equal `tokens` to tell what that does.",
        )


def _seen(document: ArmComparison) -> CaveatTexts:
    scored = {code for facts in document.rests_on.tasks.values() for code in facts.examples}
    told = [
        f"{label} saw {words}"
        for label, entry in document.rests_on.seen.items()
        if (words := seen_words(entry.labels, entry.text, entry.whole_texts, scored))
    ]
    if told:
        yield (
            "not-zero-shot",
            "Not every language is zero-shot",
            f"{'; '.join(told)}. Scores in these languages are not zero-shot for that arm, and are marked; a gain "
            "there may be what the language’s own data taught.",
        )


def _updates_of(steps: Sequence[TrainingStep]) -> str:
    """Return how long an arm trains, without on what, so that equal lengths give equal words."""
    if not steps:
        return "no training step"
    return ", then ".join(_length(step) for step in steps)


def _length(step: TrainingStep) -> str:
    if step.steps is not None:
        return f"{step.steps} updates of {step.batch_size}"
    if step.until_tokens is not None:
        return f"{step.until_tokens:,} tokens in batches of {step.batch_size}"
    most = f", at most {step.max_steps} updates" if step.max_steps is not None else ""
    return f"{step.epochs:g} epochs of {_on(step.on)} in batches of {step.batch_size}{most}"


def _on(what: str | tuple[str, ...] | None) -> str:
    return " + ".join(map(str, what)) if isinstance(what, tuple) else str(what)


def _average(document: ArmComparison) -> CaveatTexts:
    count = len(document.rests_on.tasks)
    if count < XTREME_TASKS:
        yield (
            "not-xtreme-average",
            f"The average is over {count} task{'s' * (count > 1)}, not XTREME’s nine",
            "It must not be compared with published XTREME averages.",
        )


def _retrieval(document: ArmComparison) -> CaveatTexts:
    parts = [task for task, facts in document.rests_on.tasks.items() if facts.group == "retrieval"]
    if parts:
        yield (
            "retrieval",
            "Retrieval depends on the layer that is read",
            f"{', '.join(parts)}: the layer alone moves the average by points, and an arm may gain merely "
            "because its states lie in another layer. See the average without retrieval beside it.",
        )


def _limits(document: ArmComparison) -> CaveatTexts:
    parts = [
        f"{task}: {facts.limit}"
        for task, facts in document.rests_on.tasks.items()
        if facts.limit and (task == "bucc2018" or max(facts.examples.values(), default=0) >= facts.limit)
    ]  # with fewer of each language the limit cut nothing; of a mined corpus it is on sentences
    if parts:
        yield (
            "limited",
            "Only the first examples were used",
            f"Examples per language at most: {', '.join(parts)}.",
        )


def _missing(document: ArmComparison) -> CaveatTexts:
    parts = [
        f"{task}: {', '.join(facts.missing)}"
        for task, facts in document.rests_on.tasks.items()
        if facts.missing
    ]
    if parts:
        yield ("missing-languages", "Some languages have no data", f"They count nowhere. {'; '.join(parts)}.")


def _incomplete(document: ArmComparison) -> CaveatTexts:
    caveat = incomplete_text(document.rests_on.incomplete)
    if caveat:
        yield caveat


def _drawn(document: ArmComparison) -> CaveatTexts:
    tasks = document.rests_on.tasks
    apart = [t for t, f in tasks.items() if not f.drawn_together and len(f.examples) > 1]
    if "mlqa" in apart:
        yield (
            "mlqa-parallel",
            "MLQA is parallel in part",
            "Its languages are drawn apart here, although many questions occur in several of them: the "
            "interval of its mean is somewhat too narrow.",
        )
    asked = [task for task in ("xquad", "mlqa", "tydiqa") if task in tasks]
    if asked:
        yield (
            "questions",
            "Questions on one paragraph are taken as independent",
            f"{', '.join(asked)}: several questions share a paragraph, so that their intervals are "
            "somewhat too narrow.",
        )
    if "bucc2018" in tasks and not tasks["bucc2018"].retuned:
        yield (
            "bucc-threshold",
            "The threshold of BUCC is not chosen again in every draw",
            "The run was measured by a version that did not keep what that takes. The intervals take the "
            "threshold as it was tuned, and do not cover the choice: run the recipe again.",
        )


def _costs(document: ArmComparison) -> CaveatTexts:
    if document.hypervolume:
        yield (
            "cost-noise",
            "Noise of clocks is covered in part",
            "The draws resample test examples; costs are taken as they were measured. Their noise enters "
            "the intervals of the frontiers only through the seeds, each of whose models was measured "
            "for itself"
            + (", that is not at all with one seed." if len(document.rests_on.seeds) == 1 else "."),
        )


def _multiplicity(document: ArmComparison) -> CaveatTexts:
    yield (
        "multiplicity",
        "How many tests there are",
        "Verdicts hold at 5 % for a whole family (Holm): the languages of a task in a variant; the tasks of "
        "a variant; the averages of all variants but the first; what compression changes; the "
        "hypervolumes; the cost ratios. The average of the first variant is the primary one and stands "
        "alone. Intervals are each by itself, so one may exclude zero where the verdict is undetermined. "
        f"Equivalent means that the difference is shown to be below {in_points(document.margin)} (two "
        "one-sided tests); no significant difference alone is undetermined.",
    )


_RULES: tuple[Callable[[ArmComparison], CaveatTexts], ...] = (
    _synthetic, _changed, _unlearnt, _seeds, _seen, _pooled, _updates, _tokens, _average, _retrieval, _limits, _missing,
    _incomplete, _drawn, _costs, _multiplicity,
)  # fmt: skip
