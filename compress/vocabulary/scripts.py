"""The writing system of characters and pieces, by Unicode's script property."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

SHARED = "Common"  # what no script owns: digits, punctuation, symbols, combining accents, the word mark
OTHER = "Other"
MIXED = "Mixed"

SCRIPTS = (
    "Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Armenian", "Georgian", "Devanagari", "Bengali",
    "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao",
    "Tibetan", "Myanmar", "Khmer", "Ethiopic", "Hangul", "Hiragana", "Katakana", "Han", "Bopomofo",
    "Mongolian", "Thaana", "Syriac", "Cherokee", "Canadian_Aboriginal", "Tifinagh", "Nko", "Ol_Chiki",
    "Javanese", "Balinese", "Sundanese", "Yi", "Coptic", "Runic",
)  # fmt: skip
"""Scripts that are told apart, by their names in Unicode; the others count as "Other"."""

UNSPACED = frozenset(
    {"Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Javanese", "Balinese"}
)
"""Scripts whose words are not set apart by spaces."""


@lru_cache(maxsize=1 << 17)
def script_of(character: str) -> str:
    """Return the script of one character: one of SCRIPTS, or SHARED, or OTHER.

    >>> [script_of(character) for character in "aжΩ語カ한7▁"]
    ['Latin', 'Cyrillic', 'Greek', 'Han', 'Katakana', 'Hangul', 'Common', 'Common']
    """
    match = _pattern().fullmatch(character)
    return OTHER if match is None else str(match.lastgroup)


def scripts_of(piece: str) -> frozenset[str]:
    """Return the scripts that a piece is written in, SHARED left out.

    >>> sorted(scripts_of("▁iPhoneの")), sorted(scripts_of("▁2026"))
    (['Hiragana', 'Latin'], [])
    """
    return frozenset(map(script_of, piece)) - {SHARED}


def script_name(piece: str) -> str:
    """Return the one script of a piece, MIXED where it has several, SHARED where it has none.

    >>> [script_name(piece) for piece in ("▁the", "▁iPhoneの", "...")]
    ['Latin', 'Mixed', 'Common']
    """
    return name_of(scripts_of(piece))


def name_of(scripts: frozenset[str]) -> str:
    """Return one name for the scripts of a piece.

    >>> name_of(frozenset()), name_of(frozenset({"Latin", "Han"})), name_of(frozenset({"Thai"}))
    ('Common', 'Mixed', 'Thai')
    """
    return SHARED if not scripts else MIXED if len(scripts) > 1 else next(iter(scripts))


@cache
def _pattern() -> Any:
    import regex

    shared = rf"(?P<{SHARED}>[\p{{Script=Common}}\p{{Script=Inherited}}])"
    return regex.compile("|".join([shared, *(rf"(?P<{name}>\p{{Script={name}}})" for name in SCRIPTS)]))
