"""What is being written: where to, from which seed, and what evaluation has taken already."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from xpareto.eval.synthetic.entities import Fact, running, tokens
from xpareto.eval.synthetic.languages import Clause, Sentence, Word
from xpareto.eval.synthetic.questions import Asked, question
from xpareto.eval.synthetic.realize import LANGUAGES, words
from xpareto.eval.synthetic.realize import text as joined

Meaning = Sentence | Clause | Fact | Asked
"""What a line can say; of a passage and its question, the question."""

M = TypeVar("M", bound=Meaning)


def spoken(meaning: Meaning, code: str) -> list[Word]:
    """Return the words of a meaning in one language."""
    match meaning:
        case Fact():
            return running(tokens(meaning, code))
        case Asked():
            return question(meaning, code)
        case Clause():
            return words(Sentence(meaning), code)
    return words(meaning, code)


@lru_cache(1 << 17)
def text(meaning: Meaning, code: str) -> str:
    """Return the running text of a meaning in one language."""
    return joined(spoken(meaning, code), code)


@dataclass(frozen=True)
class Draft:
    """A data set in the making.

    `held` is the English of everything that evaluation shows; `said` is the same in every language,
    where two meanings may share one wording.
    """

    root: Path
    seed: int
    held: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)

    def random(self, name: str) -> Random:
        """Return a generator of its own for each file, so that one size changes one file only."""
        return Random(f"{self.seed}/{name}")

    def hold(self, meanings: Iterable[Meaning]) -> None:
        """Keep what evaluation shows out of all text that is drawn after it."""
        for meaning in meanings:
            self.held.add(text(meaning, "en"))
            self.said.update(text(meaning, code) for code in LANGUAGES)

    def write(self, name: str, content: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as stream:
            stream.write(content)

    def write_lines(self, name: str, lines: Iterable[str]) -> None:
        self.write(name, "".join(line + "\n" for line in lines))

    def write_json_lines(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        self.write_lines(name, (json.dumps(row, ensure_ascii=False) for row in rows))

    def write_table(self, name: str, rows: Iterable[Sequence[str]]) -> None:
        """Write tab-separated values with the quotes of Python's csv, as XTREME does."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter="\t", lineterminator="\n").writerows(rows)

    def write_tagged(self, name: str, sentences: Iterable[Sequence[Word]]) -> None:
        """Write one word and its tag a line, and an empty line after each sentence."""
        blocks = ("".join(f"{word.text}\t{word.tag}\n" for word in one) + "\n" for one in sentences)
        self.write(name, "".join(blocks))


def fresh(draw: Callable[[Random], M], random: Random, count: int, taken: set[str]) -> list[M]:
    """Return `count` meanings whose English is not in `taken`, and add it there."""
    out: list[M] = []
    while len(out) < count:
        meaning = draw(random)
        english = text(meaning, "en")
        if english not in taken:
            taken.add(english)
            out.append(meaning)
    return out
