"""What another vocabulary does to the texts of each language: unknown tokens, fertility, changed texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xpareto.compress.vocabulary.scripts import SHARED, UNSPACED, script_of


def fertility_unit(lines: Sequence[str]) -> str:
    """Return what the tokens of a language are counted by: "word", or "character" where words are not spaced.

    Decided by the script of most letters.

    >>> fertility_unit(["a small house"]), fertility_unit(["小さい家です (big)"])
    ('word', 'character')
    """
    letters = unspaced = 0
    for character, count in Counter("".join(lines)).items():
        script = script_of(character)
        letters += count * (script != SHARED)
        unspaced += count * (script in UNSPACED)
    return "character" if 2 * unspaced > letters else "word"


def units(line: str, unit: str) -> int:
    """Return the number of words (between spaces) or of characters other than spaces.

    >>> units("a small house", "word"), units("小さい 家", "character")
    (3, 4)
    """
    words = line.split()
    return len(words) if unit == "word" else sum(map(len, words))


def audit(
    lines: Sequence[str],
    before: Sequence[Sequence[int]],
    after: Sequence[Sequence[int]],
    kept: np.ndarray,
    unknown: tuple[int, int],
) -> dict[str, Any]:
    """Return what became of one language's texts, as plain numbers.

    `before` and `after` are the ids of each line in the old and in the new vocabulary, `kept[new]` is
    the old id of each new one, `unknown` the id of the unknown token before and after. Shares are of
    tokens for unknown ones and of texts for unchanged ones; fertility is tokens per unit.
    """
    unit = fertility_unit(lines)
    number = max(1, sum(units(line, unit) for line in lines))
    former = kept.tolist()
    unchanged = sum(
        len(new) == len(old) and [former[at] for at in new] == list(old)
        for old, new in zip(before, after, strict=True)
    )
    figures: dict[str, Any] = {
        "texts": len(lines),
        "unchanged": round(unchanged / max(1, len(lines)), 6),
        "unit": unit,
    }
    for name, rows, missing in (("before", before, unknown[0]), ("after", after, unknown[1])):
        tokens = sum(map(len, rows))
        unknowns = sum(list(row).count(missing) for row in rows)
        figures[f"unknown_{name}"] = round(unknowns / max(1, tokens), 6)
        figures[f"fertility_{name}"] = round(tokens / number, 6)
    return figures


def by_script(names: Sequence[str], kept: np.ndarray) -> Mapping[str, dict[str, int]]:
    """Return the number of pieces before and after by the script of each piece.

    >>> by_script(["Latin", "Greek", "Latin"], np.array([0]))
    {'Greek': {'before': 1, 'after': 0}, 'Latin': {'before': 2, 'after': 1}}
    """
    before, after = Counter(names), Counter(names[at] for at in kept.tolist())
    return {name: {"before": before[name], "after": after[name]} for name in sorted(before)}
