"""The files on text in two languages: Tatoeba, BUCC's comparable corpora, and parallel text."""

from __future__ import annotations

from random import Random

from xpareto.eval.synthetic.draft import Draft, Meaning, fresh, spoken, text
from xpareto.eval.synthetic.entities import KINDS, fact
from xpareto.eval.synthetic.languages import Sentence
from xpareto.eval.synthetic.questions import ask, passage
from xpareto.eval.synthetic.realize import LANGUAGES, spaced
from xpareto.eval.synthetic.realize import text as joined
from xpareto.eval.synthetic.sample import sentence

SIZES = {"tatoeba": 150, "parallel": 4600}
BUCC_LANGUAGES = ("de", "ru", "zh")  # XTREME has no other one of ours
BUCC_SIZES = {"dev": (200, 250, 12), "test": (300, 350, 18)}  # foreign, English, pairs

SPOKEN = tuple(kind for kind in KINDS if kind != "title")  # a title is no sentence
NAMED, ASKED = 0.16, 0.08  # shares of the parallel text


def write_tests(draft: Draft) -> None:
    """Write Tatoeba, whose gold is by position, and BUCC, which has a gold file."""
    meanings = fresh(sentence, draft.random("tatoeba"), SIZES["tatoeba"], draft.held)
    draft.hold(meanings)
    for code in LANGUAGES:
        if code != "en":
            for side in (code, "en"):
                draft.write_lines(f"xtreme/tatoeba/{code}-en.{side}", (text(one, side) for one in meanings))
    for split, (foreign, english, pairs) in BUCC_SIZES.items():
        _write_bucc(draft, split, foreign, english, pairs)


def _write_bucc(draft: Draft, split: str, foreign: int, english: int, pairs: int) -> None:
    """Write two corpora that share `pairs` sentences; no corpus says one thing twice."""
    random = draft.random(f"bucc-{split}")
    meanings: list[Sentence] = []
    seen: set[str] = set()
    while len(meanings) < foreign + english - pairs:
        (meaning,) = fresh(sentence, random, 1, draft.held)
        versions = {text(meaning, code) for code in ("en", *BUCC_LANGUAGES)}
        if seen.isdisjoint(versions):
            seen |= versions
            meanings.append(meaning)
    draft.hold(meanings)
    sides = meanings[:foreign], meanings[foreign - pairs :]
    for side in sides:
        random.shuffle(side)
    places = [{meaning: f"{number:09d}" for number, meaning in enumerate(side, 1)} for side in sides]
    shared = [meaning for meaning in sides[0] if meaning in places[1]]
    for code in BUCC_LANGUAGES:
        stem = f"xtreme/bucc2018/{code}-en.{split}"
        for side, ids, side_language in zip(sides, places, (code, "en"), strict=True):
            draft.write_lines(
                f"{stem}.{side_language}",
                (f"{side_language}-{ids[one]}\t{text(one, side_language)}" for one in side),
            )
        gold = (f"{code}-{places[0][one]}\ten-{places[1][one]}" for one in shared)
        draft.write_lines(f"{stem}.gold", gold)


def write_parallel(draft: Draft) -> None:
    """Write running text and, every other line, words apart: taggers meet text in the latter shape.

    Without it, a model knows Chinese words only as parts of longer strings. Some lines
    speak of names and some ask, since what is never seen in two languages is never aligned.
    """
    random = draft.random("parallel")
    lines: dict[str, list[str]] = {code: [] for code in LANGUAGES}
    seen: set[str] = set()
    while len(lines["en"]) < SIZES["parallel"]:
        meaning = _line(random)
        tagged = {code: spoken(meaning, code) for code in LANGUAGES}
        versions = {code: joined(tagged[code], code) for code in LANGUAGES}
        if versions["en"] in seen or not draft.said.isdisjoint(versions.values()):
            continue
        seen.add(versions["en"])
        apart = len(lines["en"]) % 2 == 1
        for code, line in versions.items():
            lines[code].append(spaced(tagged[code]) if apart else line)
    for code, content in lines.items():
        draft.write_lines(f"text/parallel/{code}.txt", content)


def _line(random: Random) -> Meaning:
    roll = random.random()
    if roll < NAMED:
        return fact(random, SPOKEN)
    return ask(passage(random, 1), 1, random)[0] if roll < NAMED + ASKED else sentence(random)
