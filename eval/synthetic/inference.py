"""Sentence pairs: a premise, a hypothesis made from it by rules of meaning, and their label.

A hypothesis is some steps that the premise supports and at most one that it leaves open or denies,
so that neither one word nor the overlap of words gives the label away: negation occurs under every
label, and what is denied may be a word that was dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from xpareto.eval.synthetic.languages import (
    ABOVE,
    BELOW,
    COLOURS,
    FREQUENCIES,
    INTRANSITIVE,
    OBJECTS,
    OPPOSITE,
    PLACES,
    PRONOUNS,
    TIMES,
    Clause,
    Thing,
)
from xpareto.eval.synthetic.sample import action, patient, qualities, state, subject

LABELS = ("entailment", "neutral", "contradiction")
Edit = Callable[[Clause, Random], Clause | None]

_APART = {"sleep": ("run", "sing", "dance", "work", "swim", "play"), "laugh": ("cry",), "cry": ("laugh",)}
_APART |= dict.fromkeys(_APART["sleep"], ("sleep",))


def _lift(thing: Thing) -> Thing | None:
    """Return the same thing under a more general word, or None."""
    above = ABOVE.get(thing.noun)
    if not above or thing.plural or thing.adj:
        return None
    return Thing(above[0], 1, "indef")


def drop_place(clause: Clause, random: Random) -> Clause | None:
    return replace(clause, place=None) if clause.place and not clause.negated else None


def drop_time(clause: Clause, random: Random) -> Clause | None:
    return replace(clause, time=None) if clause.time and not clause.negated else None


def drop_frequency(clause: Clause, random: Random) -> Clause | None:
    return replace(clause, frequency=None) if clause.frequency else None


def drop_adjective(clause: Clause, random: Random) -> Clause | None:
    if clause.object and clause.object.adj and not clause.negated:
        return replace(clause, object=replace(clause.object, adj=None))
    return None


def drop_partner(clause: Clause, random: Random) -> Clause | None:
    if len(clause.subjects) < 2:
        return None
    return replace(clause, subjects=(random.choice(clause.subjects),))


def lift_subject(clause: Clause, random: Random) -> Clause | None:
    if len(clause.subjects) > 1 or clause.negated or not (lifted := _lift(clause.subjects[0])):
        return None
    return replace(clause, subjects=(lifted,))


def lift_object(clause: Clause, random: Random) -> Clause | None:
    if not clause.object or clause.negated or clause.object.animate:
        return None
    lifted = _lift(clause.object)
    return replace(clause, object=lifted) if lifted else None


def lift_place(clause: Clause, random: Random) -> Clause | None:
    return replace(clause, place="house") if clause.place == "kitchen" and not clause.negated else None


def weaken_modal(clause: Clause, random: Random) -> Clause | None:
    plain = not clause.modal and not clause.negated and not clause.frequency and clause.verb != "be"
    return replace(clause, modal="can") if plain else None


def deny_opposite(clause: Clause, random: Random) -> Clause | None:
    """From "is big" to "is not small", from "sleeps" to "does not dance"."""
    if clause.negated:
        return None
    if clause.quality in OPPOSITE:
        return replace(clause, quality=OPPOSITE[clause.quality], negated=True)
    if clause.quality in COLOURS:
        others = [colour for colour in COLOURS if colour != clause.quality]
        return replace(clause, quality=random.choice(others), negated=True)
    if clause.verb in _APART and not clause.modal and not clause.frequency:
        return replace(clause, verb=random.choice(_APART[clause.verb]), negated=True)
    return None


def narrow_denied(clause: Clause, random: Random) -> Clause | None:
    """Who eats no fruit eats no apple; who does not sleep does not sleep in the house."""
    if not clause.negated or clause.verb == "be":
        return None
    thing = clause.object
    if thing and thing.noun in BELOW and thing.det == "indef" and thing.number < 2 and not thing.animate:
        return replace(clause, object=replace(thing, noun=random.choice(BELOW[thing.noun]), adj=None))
    if not clause.modal and not clause.place:
        return replace(clause, place=random.choice(PLACES))
    return None


ENTAILED: tuple[Edit, ...] = (
    drop_place, drop_time, drop_frequency, drop_adjective, drop_partner, lift_subject, lift_object,
    lift_place, weaken_modal, deny_opposite, narrow_denied,
)  # fmt: skip


def add_place(clause: Clause, random: Random) -> Clause | None:
    if clause.place or clause.negated or clause.verb == "be":
        return None
    return replace(clause, place=random.choice(PLACES))


def add_time(clause: Clause, random: Random) -> Clause | None:
    if clause.time or clause.negated or clause.verb == "be":
        return None
    return replace(clause, time=random.choice(TIMES))


def add_frequency(clause: Clause, random: Random) -> Clause | None:
    if clause.frequency or clause.modal or clause.negated or clause.verb == "be":
        return None
    return replace(clause, frequency=random.choice(FREQUENCIES))


def add_adjective(clause: Clause, random: Random) -> Clause | None:
    thing = clause.object
    if not thing or thing.adj or thing.number > 1 or thing.det == "none" or thing.animate or clause.negated:
        return None
    return replace(clause, object=replace(thing, adj=random.choice(qualities(thing.noun))))


def other_subject(clause: Clause, random: Random) -> Clause | None:
    old = {one.noun for one in clause.subjects}
    new = subject(random)
    related = {*ABOVE.get(new.noun, ()), *BELOW.get(new.noun, ())} & old
    if new.noun in old or related or new.noun in PRONOUNS or old & set(PRONOUNS):
        return None
    if clause.verb == "be" and clause.quality not in qualities("man"):
        return None
    return replace(clause, subjects=(new,))


def other_action(clause: Clause, random: Random) -> Clause | None:
    new = action(random)
    if new.verb in (clause.verb, *_APART.get(clause.verb, ())) or clause.verb == "be":
        return None
    return replace(new, subjects=clause.subjects, place=clause.place, time=clause.time)


def other_object(clause: Clause, random: Random) -> Clause | None:
    thing = clause.object
    if not thing:
        return None
    avoid = {thing.noun, *ABOVE.get(thing.noun, ()), *BELOW.get(thing.noun, ())}
    choices = [noun for noun in OBJECTS[clause.verb] if noun not in avoid]
    if not choices:
        return None
    return replace(clause, object=patient(random, random.choice(choices)))


def strengthen_modal(clause: Clause, random: Random) -> Clause | None:
    if clause.modal == "want" or (clause.modal == "can" and not clause.negated):
        return replace(clause, modal="")
    return None


def other_quality(clause: Clause, random: Random) -> Clause | None:
    if clause.verb != "be":
        return None
    noun = clause.subjects[0].noun
    avoid = {clause.quality, OPPOSITE.get(clause.quality or ""), *COLOURS}
    choices = [quality for quality in qualities(noun) if quality not in avoid]
    return replace(clause, quality=random.choice(choices), negated=random.random() < 0.4)


UNKNOWN: tuple[Edit, ...] = (
    add_place, add_time, add_frequency, add_adjective, other_subject, other_subject, other_action,
    other_action, other_object, other_object, strengthen_modal, strengthen_modal, other_quality,
    other_quality,
)  # fmt: skip


def flip(clause: Clause, random: Random) -> Clause | None:
    """Deny what was said, or say what was denied."""
    if clause.negated and (clause.place or clause.time):
        return None
    return replace(clause, negated=not clause.negated, frequency=None)


def swap_opposite(clause: Clause, random: Random) -> Clause | None:
    if clause.negated:
        return None
    if clause.quality in OPPOSITE:
        return replace(clause, quality=OPPOSITE[clause.quality])
    if clause.quality in COLOURS:
        return replace(clause, quality=random.choice([one for one in COLOURS if one != clause.quality]))
    if clause.verb in _APART and not clause.modal and not clause.frequency:
        return replace(clause, verb=random.choice(_APART[clause.verb]))
    return None


def move(clause: Clause, random: Random) -> Clause | None:
    """Put it elsewhere: within the world of one pair, an event has one place."""
    if not clause.place or clause.negated or clause.modal or clause.frequency:
        return None
    close = {"kitchen", "house"}
    avoid = close if clause.place in close else {clause.place}
    return replace(clause, place=random.choice([place for place in PLACES if place not in avoid]))


def miscount(clause: Clause, random: Random) -> Clause | None:
    thing = clause.object
    if not thing or thing.number < 2 or clause.negated:
        return None
    numbers = [number for number in (2, 3, 4, 5) if number != thing.number]
    return replace(clause, object=replace(thing, number=random.choice(numbers)))


DENIED: tuple[Edit, ...] = (
    flip,
    swap_opposite,
    swap_opposite,
    swap_opposite,
    move,
    move,
    move,
    miscount,
    miscount,
)


def _edit(clause: Clause, edits: tuple[Edit, ...], random: Random) -> Clause | None:
    for edit in random.sample(edits, len(edits)):
        if (made := edit(clause, random)) is not None and made != clause:
            return made
    return None


def premise(random: Random) -> Clause:
    """Return a clause that leaves room for edits."""
    if random.random() < 0.25:
        return state(random)
    clause = action(random)
    if clause.verb in INTRANSITIVE or clause.place or clause.modal:
        return clause
    if not clause.negated and random.random() < 0.5:
        return replace(clause, place=random.choice(PLACES))
    return clause


def pair(label: str, random: Random) -> tuple[Clause, Clause]:
    """Return a premise and a hypothesis that stand in the relation `label`."""
    while True:
        said = premise(random)
        made: Clause | None = said
        steps = random.choice((1, 1, 2, 3)) if label == "entailment" else random.choice((0, 0, 1, 1, 2))
        if label != "entailment":
            made = _edit(said, UNKNOWN if label == "neutral" else DENIED, random)
        for _ in range(steps):
            # a supported step after a denied one must not undo the denial
            usable = ENTAILED if label == "entailment" else _SAFE
            made = (_edit(made, usable, random) or made) if made is not None else None
        if made is not None and made != said:
            return said, made


_SAFE: tuple[Edit, ...] = (drop_partner, lift_subject, lift_object)
