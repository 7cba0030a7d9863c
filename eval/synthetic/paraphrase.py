"""Sentence pairs made of the same words: a paraphrase, or one that says who does what otherwise."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from xpareto.eval.synthetic.languages import PRONOUNS, Clause, Sentence
from xpareto.eval.synthetic.sample import action

SAME, OTHER = "1", "0"  # as PAWS-X labels them


def reworded(label: str, random: Random) -> tuple[Sentence, Sentence]:
    """Return two sentences of the form "A does X, and B does Y".

    The paraphrase is "B does Y, and A does X"; the others are "A does Y, and B does X" and "B does
    X, and A does Y". Words and their number are equal under both labels.
    """
    first, second = _clause(random), _clause(random)
    while _nouns(first) & _nouns(second) or first.verb == second.verb:
        second = _clause(random)
    said = Sentence(first, "and", second)
    if label == SAME:
        return said, Sentence(second, "and", first)
    swapped = (replace(first, subjects=second.subjects), replace(second, subjects=first.subjects))
    one, other = swapped if random.random() < 0.5 else swapped[::-1]
    return said, Sentence(one, "and", other)


def _clause(random: Random) -> Clause:
    """Return an action of one person; without a place or time, which could belong to either clause."""
    while True:
        drawn = action(random)
        subject = drawn.subjects[0]
        if len(drawn.subjects) == 1 and subject.noun not in PRONOUNS and not subject.plural:
            return replace(drawn, place=None, time=None, frequency=None)


def _nouns(clause: Clause) -> set[str]:
    nouns = {subject.noun for subject in clause.subjects}
    return nouns | {clause.object.noun} if clause.object else nouns
