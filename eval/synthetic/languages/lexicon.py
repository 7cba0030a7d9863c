"""Tables of words, written as text so that they stay readable."""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """One token and its universal part of speech."""

    text: str
    tag: str


def table(text: str) -> dict[str, tuple[str, ...]]:
    """Return the forms by concept: one concept a line, the concept first.

    >>> table("man Mann Männer")
    {'man': ('Mann', 'Männer')}
    """
    rows = (line.split() for line in text.strip().splitlines())
    return {row[0]: tuple(row[1:]) for row in rows}


def phrases(text: str) -> dict[str, list[Word]]:
    """Return tagged words by concept, from lines like ``garden in_ADP the_DET garden_NOUN``.

    >>> phrases("today heute_ADV")
    {'today': [Word(text='heute', tag='ADV')]}
    """
    forms_by_concept = table(text)
    return {name: [Word(*form.split("_")) for form in forms] for name, forms in forms_by_concept.items()}
