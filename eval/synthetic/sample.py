"""Draw meanings at random, and keep only what makes sense."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from xpareto.eval.synthetic.languages import (
    ANIMAL_ADJECTIVES,
    ANIMAL_VERBS,
    ANIMALS,
    FOOD,
    FOOD_ADJECTIVES,
    FREQUENCIES,
    INTRANSITIVE,
    MASS,
    NAMES,
    OBJECTS,
    PERSON_ADJECTIVES,
    PERSONS,
    PLACES,
    PRONOUNS,
    THING_ADJECTIVES,
    THINGS,
    TIMES,
    Clause,
    Determiner,
    Link,
    Sentence,
    Thing,
)


def qualities(noun: str) -> tuple[str, ...]:
    """Return the adjectives that can go with a noun."""
    if noun in ANIMALS:
        return ANIMAL_ADJECTIVES
    if noun in FOOD:
        return FOOD_ADJECTIVES
    return THING_ADJECTIVES if noun in THINGS else PERSON_ADJECTIVES


def _determined(noun: str, random: Random, plain: float) -> Thing:
    """`plain` is the chance of a bare definite singular."""
    roll = random.random()
    if roll < plain:
        thing = Thing(noun)
    elif roll < plain + (1 - plain) * 0.35:
        thing = Thing(noun, 1, "indef")
    elif roll < plain + (1 - plain) * 0.5:
        thing = Thing(noun, 1, "this")
    elif noun == "person":
        thing = Thing(noun, 1, "indef")
    elif roll < plain + (1 - plain) * 0.75:
        thing = Thing(noun, random.choice((2, 3, 4, 5)), "indef")
    else:
        thing = Thing(noun, 0, "def")
    if thing.number < 2 and random.random() < 0.3:
        thing = replace(thing, adj=random.choice(qualities(noun)))
    return thing


def subject(random: Random, kind: tuple[str, ...] = PERSONS) -> Thing:
    """Return somebody who can do something."""
    roll = random.random()
    if kind is PERSONS and roll < 0.2:
        return Thing(random.choice(NAMES), 1, "none")
    if kind is PERSONS and roll < 0.28:
        return Thing(random.choice(PRONOUNS), 1, "none")
    return _determined(random.choice(kind), random, 0.45)


def patient(random: Random, noun: str) -> Thing:
    """Return something that something is done to."""
    if noun in MASS:
        return Thing(noun, 1, "none")
    if noun in PERSONS or noun in ANIMALS:  # definite singular only: every language marks it its own way
        return Thing(noun, 1, "def")
    roll: tuple[int, Determiner] = random.choice(
        (
            (1, "def"),
            (1, "def"),
            (1, "indef"),
            (1, "indef"),
            (1, "this"),
            (0, "indef"),
            (0, "def"),
            (2, "indef"),
        )
    )
    number, det = roll
    if number == 2:
        return Thing(noun, random.choice((2, 3, 4, 5)), "indef")
    adj = random.choice(qualities(noun)) if random.random() < 0.3 else None
    return Thing(noun, number, det, adj)


def action(random: Random) -> Clause:
    """Return a clause with a full verb."""
    animal = random.random() < 0.15
    verb = random.choice(ANIMAL_VERBS if animal else (*OBJECTS, *OBJECTS, *INTRANSITIVE))
    subjects = [subject(random, ANIMALS if animal else PERSONS)]
    if not animal and random.random() < 0.12:
        pair = random.sample([noun for noun in PERSONS if noun != "person"], 2)
        subjects = [Thing(noun) for noun in pair]
    thing = None
    if verb in OBJECTS:
        nouns = [noun for noun in OBJECTS[verb] if noun not in {one.noun for one in subjects}]
        thing = patient(random, random.choice(nouns))
    negated = random.random() < 0.25
    roll = random.random()
    clause = Clause(tuple(subjects), verb, thing, negated=negated)
    if roll < 0.24 and not animal:
        clause = replace(clause, modal="want" if roll < 0.12 else "can")
    elif roll < 0.36 and not negated:
        clause = replace(clause, frequency=random.choice(FREQUENCIES))
    if random.random() < 0.4:
        clause = replace(clause, place=random.choice(PLACES))
    if random.random() < 0.25:
        clause = replace(clause, time=random.choice(TIMES))
    return clause


def state(random: Random) -> Clause:
    """Return a clause that says how somebody or something is."""
    noun = random.choice((*PERSONS, *ANIMALS, *THINGS, *FOOD))
    one = subject(random) if noun in PERSONS else Thing(noun, random.choice((1, 1, 0)))
    if noun not in PERSONS and one.number == 1 and random.random() < 0.25:
        one = replace(one, det="this")
    one = replace(one, adj=None)
    quality = random.choice(qualities(noun if noun not in PERSONS else "man"))
    return Clause((one,), "be", quality=quality, negated=random.random() < 0.3)


def clause(random: Random) -> Clause:
    """Return an action four times of five, else a state."""
    return action(random) if random.random() < 0.8 else state(random)


def sentence(random: Random) -> Sentence:
    """Return one clause or, one time of eight, two short ones with a link."""
    first = clause(random)
    if random.random() > 0.125:
        return Sentence(first)
    second = replace(clause(random), place=None, time=None, frequency=None)
    link: Link = random.choice(("and", "but", "because"))
    return Sentence(replace(first, place=None, time=None, frequency=None), link, second)
