"""Splits that a task has no files of, cut from its train split: stratified, by a seed, no text on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from xpareto.eval.data.iterative_stratification import shared_out
from xpareto.eval.tasks import Bitext, Cut, Example, Labelled, Pair, Question, Tagged, Text

TRAIN = "train"


def cut_off(whole: Mapping[str, Sequence[Example]], cut: Cut) -> dict[str, dict[str, list[Example]]]:
    """Return split -> language -> examples, in the order of the whole: what is cut off, and what is left of train.

    Of every label in every language the stated shares are cut off, rounded, whichever are the first by a hash of seed
    and text; where examples have several labels, see `shared_out`. Examples of one text (pairs with equal first texts,
    questions on one context), in whatever languages and with whatever labels, go together; they count where the text
    comes first.

    >>> whole = {"en": [Text(f"{n}", "ab"[n % 2]) for n in range(20)]}
    >>> parts = cut_off(whole, Cut({"test": 0.2, "dev": 0.1}))
    >>> [len(parts[split]["en"]) for split in ("train", "dev", "test")]
    [14, 2, 4]
    """
    sizes: dict[str, int] = {}
    labels: dict[str, frozenset[str]] = {}
    strata: dict[tuple[str, str], list[str]] = {}
    for language, examples in whole.items():
        for example in examples:
            text = _text(example)
            if text not in sizes:
                strata.setdefault((language, _label(example)), []).append(text)
            if isinstance(example, Labelled):
                labels[text] = labels.get(text, frozenset()) | {*(example.labels or ())}
            sizes[text] = sizes.get(text, 0) + 1
    side: dict[str, str] = {}
    for texts in strata.values():
        drawn = sorted(texts, key=lambda text: hashlib.sha256(f"{cut.seed} {text}".encode()).digest())
        if labels:
            shares = {TRAIN: 1 - sum(cut.shares.values()), **cut.shares}
            side |= shared_out(drawn, labels, sizes, shares)
            continue
        total = sum(sizes[text] for text in texts)
        waiting = iter(drawn)
        for split, share in cut.shares.items():
            left = round(share * total)
            while left > 0 and (drawn_text := next(waiting, None)) is not None:
                side[drawn_text] = split
                left -= sizes[drawn_text]
    return {
        split: {
            language: [example for example in examples if side.get(_text(example), TRAIN) == split]
            for language, examples in whole.items()
        }
        for split in (TRAIN, *cut.shares)
    }


def _text(example: Example) -> str:
    """Return what must not stand on two sides."""
    if isinstance(example, Text):
        return example.text
    if isinstance(example, Pair):
        return example.first
    if isinstance(example, Labelled):
        return example.texts[0]
    if isinstance(example, Tagged):
        return " ".join(example.words)
    if isinstance(example, Bitext):
        return example.source
    if isinstance(example, Question):
        return example.context
    raise ValueError(f"no cut is defined for {type(example).__name__}")


def _label(example: Example) -> str:
    return (example.label or "") if isinstance(example, Text | Pair) else ""
