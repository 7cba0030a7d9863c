"""The files on named entities: PAN-X, tagged with persons, places and organisations."""

from __future__ import annotations

from random import Random

from xpareto.eval.synthetic.draft import Draft, fresh
from xpareto.eval.synthetic.entities import Fact, fact, tokens
from xpareto.eval.synthetic.languages import NAMES, Sentence, Word
from xpareto.eval.synthetic.realize import LANGUAGES, words
from xpareto.eval.synthetic.sample import sentence

SIZES = {"panx-train": 1500, "panx-dev": 100, "panx-test": 120}
PLAIN = 0.15  # the share of sentences without any name


def write_tests(draft: Draft) -> None:
    """Write dev and test in every language, parallel; what PAN-X has and we have not is no loss."""
    for split in ("dev", "test"):
        drawn = fresh(_draw, draft.random(f"panx-{split}"), SIZES[f"panx-{split}"], draft.held)
        draft.hold(drawn)
        for code in LANGUAGES:
            draft.write_tagged(f"xtreme/panx/{split}-{code}.tsv", (_tagged(one, code) for one in drawn))


def write_training(draft: Draft) -> None:
    """Write the English training file."""
    drawn = fresh(_draw, draft.random("panx-train"), SIZES["panx-train"], set(draft.held))
    draft.write_tagged("xtreme/panx/train-en.tsv", (_tagged(one, "en") for one in drawn))


def _draw(random: Random) -> Fact | Sentence:
    return _unnamed(random) if random.random() < PLAIN else fact(random)


def _unnamed(random: Random) -> Sentence:
    while True:
        drawn = sentence(random)
        clauses = [drawn.first, *([drawn.second] if drawn.second else [])]
        if not any(one.noun in NAMES for clause in clauses for one in clause.subjects):
            return drawn


def _tagged(drawn: Fact | Sentence, code: str) -> list[Word]:
    if isinstance(drawn, Fact):
        return tokens(drawn, code)
    return [Word(word.text, "O") for word in words(drawn, code)]
