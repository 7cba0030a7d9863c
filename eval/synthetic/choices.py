"""English questions with five options, of which the world allows one: nobody drinks a chair."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from xpareto.eval.synthetic.languages import FOOD, MASS, PERSONS, READABLE, THINGS, Clause, Thing
from xpareto.eval.synthetic.questions import ask, passage, question
from xpareto.eval.synthetic.realize import LANGUAGES, text
from xpareto.eval.synthetic.sample import patient

LABELS = "ABCDE"
# what nobody does these to
IMPOSSIBLE = {
    "eat": (*THINGS, *MASS),
    "drink": (*THINGS, *FOOD),
    "read": (*(thing for thing in THINGS if thing not in READABLE), *FOOD, *MASS),
    "close": (*FOOD, *MASS),
}


@dataclass(frozen=True)
class Puzzle:
    """A question, its options and the index of the one that can be."""

    verb: str
    stem: str
    options: tuple[str, ...]
    gold: int


def puzzle(gold: int, random: Random) -> Puzzle:
    """Return a question on what is eaten, drunk, read or closed, or on who does it."""
    while True:
        (asked,) = ask(passage(random, 1), 1, random)
        clause = asked.clause
        if asked.role == "what" and clause.verb in IMPOSSIBLE and clause.object:
            right, pool = clause.object, IMPOSSIBLE[clause.verb]
        elif asked.role == "who" and clause.subjects[0].noun in PERSONS:
            right, pool = clause.subjects[0], tuple({*THINGS, *FOOD} - {_noun(clause)})
        else:
            continue
        wrong = random.sample(sorted(set(pool)), len(LABELS) - 1)
        options = [_phrase(patient(random, noun)) for noun in wrong]
        options.insert(gold, _phrase(right))
        return Puzzle(clause.verb, text(question(asked, "en"), "en"), tuple(options), gold)


def _noun(clause: Clause) -> str | None:
    return clause.object.noun if clause.object else None


def _phrase(thing: Thing) -> str:
    return text(LANGUAGES["en"].phrase(thing, True), "en")
