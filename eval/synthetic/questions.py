"""Questions on short passages: who does it, what is it done to, where; the answer is a span."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from xpareto.eval.synthetic.languages import (
    ANIMATE,
    INTRANSITIVE,
    NAMES,
    OBJECTS,
    PERSONS,
    PLACES,
    VERBS,
    Clause,
    Sentence,
    Thing,
    Word,
)
from xpareto.eval.synthetic.realize import LANGUAGES, capitalised, located, text, words
from xpareto.eval.synthetic.sample import patient, subject

Role = Literal["who", "what", "where"]
SENTENCES = 2  # in a passage

# The order of words: Subject, Verb, Object, Place; English: Do-support and Base form.
ORDERS: dict[str, dict[Role, str]] = {
    "de": {"who": "wer V O P ?", "what": "was V S P ?", "where": "wo V S O ?"},
    "el": {"who": "ποιος V O P ;", "what": "τι V S P ;", "where": "πού V S O ;"},
    "en": {"who": "who V O P ?", "what": "what D S B P ?", "where": "where D S B O ?"},
    "hi": {"who": "कौन P O V ?", "what": "S P क्या V ?", "where": "S कहाँ O V ?"},
    "ru": {"who": "кто V O P ?", "what": "что V S P ?", "where": "где S V O ?"},
    "zh": {"who": "谁 P V O ？", "what": "S P V 什么 ？", "where": "S 在 哪里 V O ？"},
}
_MARKS = ("?", ";", "？")


@dataclass(frozen=True)
class Asked:
    """A passage and one question on one of its sentences.

    Subjects, verbs and places of a passage differ, so that one sentence only answers.
    """

    passage: tuple[Clause, ...]
    which: int
    role: Role

    @property
    def clause(self) -> Clause:
        return self.passage[self.which]


def passage(random: Random, count: int = SENTENCES) -> tuple[Clause, ...]:
    """Return `count` clauses that share no subject, verb or place; about things, not animals or persons."""
    verbs = [verb for verb in (*OBJECTS, *OBJECTS, *INTRANSITIVE) if verb != "love"]
    subjects: list[Thing] = []
    while len(subjects) < count:
        one = subject(random)
        if one.noun in (*PERSONS, *NAMES) and one.noun not in {other.noun for other in subjects}:
            subjects.append(one)
    clauses = []
    for one, place in zip(subjects, random.sample(PLACES, count), strict=True):
        verb = random.choice(verbs)
        verbs = [other for other in verbs if other != verb]
        nouns = [noun for noun in OBJECTS.get(verb, ()) if noun not in ANIMATE]
        thing = patient(random, random.choice(nouns)) if nouns else None
        clauses.append(Clause((one,), verb, thing, place=place))
    return tuple(clauses)


def ask(clauses: tuple[Clause, ...], count: int, random: Random) -> list[Asked]:
    """Return `count` questions, each on another sentence of the passage."""
    out = []
    for which in random.sample(range(len(clauses)), count):
        roles: tuple[Role, ...] = ("who", "what", "where") if clauses[which].object else ("who", "where")
        out.append(Asked(clauses, which, random.choice(roles)))
    return out


def context(clauses: tuple[Clause, ...], code: str) -> str:
    """Return the running text of a passage."""
    return text(_joined(clauses, code), code)


def question(asked: Asked, code: str) -> list[Word]:
    """Return the words of the question in one language.

    >>> clause = Clause((Thing("woman"),), "buy", Thing("car", 1, "indef"), place="city")
    >>> [text(question(Asked((clause,), 0, role), "en"), "en") for role in ("who", "what", "where")]
    ['Who buys a car in the city?', 'What does the woman buy in the city?', 'Where does the woman buy a car?']
    """
    clause = asked.clause
    # the pronoun that asks who is masculine and singular in all these languages
    agreeing = Thing("man") if asked.role == "who" else clause.subjects[0]
    subject = LANGUAGES[code].phrase(agreeing, False)
    parts = {
        "S": subject,
        "V": LANGUAGES[code].say(Clause((agreeing,), clause.verb), False)[len(subject) :],
        "O": _constituent(clause, "what", code) if clause.object else [],
        "P": _constituent(clause, "where", code),
        "D": [Word("do" if clause.plural else "does", "AUX")],
        "B": [Word(VERBS[clause.verb][1], "VERB")],
    }
    out: list[Word] = []
    for part in ORDERS[code][asked.role].split():
        out += parts[part] if part in parts else [Word(part, "PUNCT" if part in _MARKS else "PRON")]
    return capitalised(out)


def answer(asked: Asked, code: str) -> tuple[str, int]:
    """Return the answer and the character of the context at which it begins."""
    wanted = _constituent(asked.clause, asked.role, code)
    said = LANGUAGES[code].say(asked.clause, False)
    first = next(at for at in range(len(said)) if said[at : at + len(wanted)] == wanted)
    first += sum(len(words(Sentence(clause), code)) for clause in asked.passage[: asked.which])
    tagged = _joined(asked.passage, code)
    full, starts = located(tagged, code)
    last = first + len(wanted) - 1
    return full[starts[first] : starts[last] + len(tagged[last].text)], starts[first]


def _constituent(clause: Clause, role: Role, code: str) -> list[Word]:
    if role == "where":
        return LANGUAGES[code].places[clause.place or ""]
    thing = clause.subjects[0] if role == "who" else clause.object
    assert thing is not None, "what is only asked where there is an object"
    return LANGUAGES[code].phrase(thing, role == "what")


def _joined(clauses: tuple[Clause, ...], code: str) -> list[Word]:
    return [word for clause in clauses for word in words(Sentence(clause), code)]
