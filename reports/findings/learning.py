"""What models were trained on and what they learnt, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from xpareto.compress.core import enumerated
from xpareto.eval.results import TaskFacts, Unlearnt

NOTHING_LEARNT = (
    "Undetermined: no uncompressed model is shown to have learnt any task in any language, and of a model at "
    "chance nothing can be lost. Train it longer, or measure more examples."
)


def unlearnt_places(unlearnt: Unlearnt, counted: Collection[str]) -> str:
    """Return which tasks, and of tasks that count in other languages which languages, are not learnt.

    >>> unlearnt_places({"xnli": ("de", "en"), "panx": ("sw",)}, ["panx"])
    'xnli; panx in sw'
    """
    return "; ".join(
        f"{name} in {enumerated(codes, 9)}" if name in counted else name for name, codes in unlearnt.items()
    )


def languages_counted(facts: TaskFacts, counted: Mapping[str, TaskFacts]) -> str:
    """Return over how many languages a task's mean in a table is, and whether an average counts it.

    >>> from dataclasses import replace
    >>> whole = TaskFacts("xquad", ("de", "hi"), (), ("f1",), "qa", None, "test")
    >>> languages_counted(whole, {"xquad": replace(whole, languages=("de",))}), languages_counted(whole, {})
    ('1 of 2 languages', '2 languages, not counted')
    """
    own, count = counted.get(facts.name), len(facts.languages)
    noun = "language" if count == 1 else "languages"
    if own is None:
        return f"{count} {noun}, not counted"
    return f"{len(own.languages)} of {count} {noun}" if len(own.languages) < count else f"{count} {noun}"


def unlearnt_text(unlearnt: Unlearnt, counted: Collection[str], nothing: bool = False) -> str:
    """Return what does not count since nothing was learnt there, "" where all was.

    `counted` are the tasks that count, in any language; `nothing`: none is learnt, so that all are shown.
    """
    if not unlearnt:
        return ""
    if nothing:
        return NOTHING_LEARNT
    return (
        "Not counted in any average or verdict, since no uncompressed model is shown to score more than chance by "
        f"over a point, so that there is hardly a point to lose: {unlearnt_places(unlearnt, counted)}."
    )


def unlearnt_texts(
    unlearnt: Unlearnt, counted: Collection[str], nothing: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield key, title and text of a caveat on what is not learnt, where anything is not."""
    text = unlearnt_text(unlearnt, counted, nothing)
    if text:
        yield "unlearnt", "Nothing was learnt" if nothing else "Some tasks were not learnt", text


def incomplete_text(absent_by_set: Mapping[str, Sequence[str]]) -> tuple[str, str, str] | None:
    """Return key, title and text on training sets that were read without some of their parts.

    >>> incomplete_text({"anli": ["SNLI"]})[2]
    'The data lack parts of them, and training went on with the rest. anli: without SNLI.'
    """
    if not absent_by_set:
        return None
    parts = "; ".join(f"{name}: without {', '.join(absent)}" for name, absent in absent_by_set.items())
    text = f"The data lack parts of them, and training went on with the rest. {parts}."
    return "training-parts", "Some training sets are not whole", text


def brought_text(sets: Sequence[str]) -> tuple[str, str, str] | None:
    """Return key, title and text on models that were fine-tuned before the run.

    >>> brought_text(["mnli"])[2].partition(":")[0]
    'In place of a model trained on mnli, the base itself answers'
    """
    if not sets:
        return None
    text = (
        f"In place of a model trained on {' and '.join(sets)}, the base itself answers: on what it was fine-tuned, and "
        "in which languages, this run does not know. Scores may be none of zero-shot transfer, and test examples may "
        "be among what it learnt; changes between its variants are not touched by that."
    )
    return "fine-tuned-before", "The base was fine-tuned before this run", text


def withheld_text(tasks: Iterable[TaskFacts]) -> tuple[str, str, str] | None:
    """Return key, title and text on languages that have no score because their gold is withheld."""
    parts = [
        f"{facts.name} {len(facts.withheld)} of {len(facts.withheld) + len(facts.languages)}: "
        f"{' '.join(facts.withheld)} ({'; '.join(dict.fromkeys(facts.withheld.values()))})"
        for facts in tasks
        if facts.withheld
    ]
    if not parts:
        return None
    text = (
        f"What has none is in no score, and every mean is over what has: {'; '.join(parts)}. xpareto submit "
        "writes the predictions of XTREME's test sets for its leaderboard."
    )
    return "withheld-gold", "Some gold labels are withheld", text


def cut_texts(tasks: Iterable[TaskFacts]) -> Iterator[tuple[str, str, str]]:
    """Yield key, title and text on the tasks of which splits were cut from train; nothing without any."""
    parts = [
        f"{facts.name} ({facts.task.cut_words})"
        for facts in tasks
        if facts.declared is not None and facts.task.cut_words
    ]
    if parts:
        yield (
            "cut",
            "Splits were cut from train",
            f"Concerned: {'; '.join(parts)}. No text stands on two sides, but a translation of one may, or a text that "
            "differs by a word: scores on data that were collected apart may be lower.",
        )
