"""Abstract meanings: what a sentence says, before any language says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Determiner = Literal["def", "indef", "this", "none"]
Link = Literal["and", "but", "because"]

NAMES = ("Anna", "Maria", "Peter", "Thomas")
PRONOUNS = ("he", "she", "they")
MASS = ("water", "milk", "tea", "coffee")
MEN = ("man", "boy", "father", "brother", "teacher", "doctor", "worker")
WOMEN = ("woman", "girl", "mother", "sister")
PERSONS = (*MEN, *WOMEN, "child", "person")
ANIMALS = ("dog", "cat", "horse", "bird", "animal")
FRUIT = ("apple", "orange", "fruit")
VEGETABLES = ("tomato", "potato", "carrot", "vegetable")
READABLE = ("book", "newspaper", "letter")
THINGS = (
    *READABLE, "table", "chair", "bed", "car", "bicycle", "house", "door", "window", "hat", "shirt",
    "flower", "rose",
)  # fmt: skip
FOOD = (*FRUIT, *VEGETABLES)
ANIMATE = frozenset((*PERSONS, *ANIMALS))

ABOVE: dict[str, tuple[str, ...]] = {
    "man": ("person",), "woman": ("person",), "child": ("person",), "teacher": ("person",),
    "doctor": ("person",), "worker": ("person",), "boy": ("child",), "girl": ("child",),
    "mother": ("woman",), "sister": ("woman",), "father": ("man",), "brother": ("man",),
    "Anna": ("woman",), "Maria": ("woman",), "Peter": ("man",), "Thomas": ("man",),
    "dog": ("animal",), "cat": ("animal",), "horse": ("animal",), "bird": ("animal",),
    "apple": ("fruit",), "orange": ("fruit",), "tomato": ("vegetable",), "potato": ("vegetable",),
    "carrot": ("vegetable",), "rose": ("flower",),
}  # fmt: skip
BELOW: dict[str, tuple[str, ...]] = {}
for _low, _highs in ABOVE.items():
    for _high in _highs:
        if _low not in NAMES:
            BELOW[_high] = (*BELOW.get(_high, ()), _low)

OBJECTS: dict[str, tuple[str, ...]] = {
    "eat": FOOD,
    "drink": MASS,
    "read": READABLE,
    "write": ("book", "letter"),
    "buy": (*THINGS, *FOOD),
    "sell": (*THINGS, *FOOD),
    "see": (*THINGS, *FOOD, *ANIMALS, *PERSONS),
    "find": (*THINGS, *FOOD, *ANIMALS),
    "seek": (*THINGS, *FOOD, *ANIMALS, *PERSONS),
    "wash": ("car", "shirt", "window", "table", "bicycle", "door", *FOOD),
    "open": ("door", "window", "book", "letter"),
    "close": ("door", "window", "book"),
    "draw": (*THINGS, *FOOD),
    "carry": ("chair", "book", "hat", "letter", "bicycle", "flower", "rose", *FOOD),
    "love": (*ANIMALS, *PERSONS),
}
INTRANSITIVE = ("sleep", "run", "sing", "dance", "work", "laugh", "cry", "swim", "play", "wait")
ANIMAL_VERBS = ("sleep", "run", "swim", "play", "wait", "see", "find", "seek")

OPPOSITE = {
    "big": "small", "small": "big", "new": "old", "old": "new", "clean": "dirty", "dirty": "clean",
    "happy": "sad", "sad": "happy", "rich": "poor", "poor": "rich", "strong": "weak", "weak": "strong",
}  # fmt: skip
COLOURS = ("red", "white", "black", "green")
THING_ADJECTIVES = ("big", "small", "new", "old", "clean", "dirty", *COLOURS)
PERSON_ADJECTIVES = ("happy", "sad", "rich", "poor", "strong", "weak")
ANIMAL_ADJECTIVES = ("big", "small", "clean", "dirty", "black", "white", "strong", "weak")
FOOD_ADJECTIVES = ("big", "small", "clean", "dirty", "red", "green")

PLACES = ("garden", "school", "kitchen", "house", "city", "village", "market", "park", "forest", "station")
TIMES = ("today", "now", "everyday", "morning", "evening", "summer", "winter", "sunday")
FREQUENCIES = ("often", "always", "sometimes")


@dataclass(frozen=True)
class Thing:
    """Who or what: a noun, a name or a pronoun.

    `number` 1 is singular, 0 an unspecified plural, 2 to 5 a numeral. A numeral bears no adjective.
    """

    noun: str
    number: int = 1
    det: Determiner = "def"
    adj: str | None = None

    @property
    def plural(self) -> bool:
        return self.number != 1

    @property
    def animate(self) -> bool:
        return self.noun in ANIMATE


@dataclass(frozen=True)
class Clause:
    """Who does what, where and when; or (verb "be") who is how. Two subjects act together."""

    subjects: tuple[Thing, ...]
    verb: str
    object: Thing | None = None
    quality: str | None = None  # the adjective after "be"
    modal: Literal["", "want", "can"] = ""
    negated: bool = False
    frequency: str | None = None
    time: str | None = None
    place: str | None = None

    @property
    def plural(self) -> bool:
        return len(self.subjects) > 1 or self.subjects[0].plural or self.subjects[0].noun == "they"

    @property
    def male(self) -> bool:
        """Whether agreement is masculine where the subject is a person: one man is enough."""
        return any(subject.noun not in (*WOMEN, "Anna", "Maria", "she") for subject in self.subjects)


@dataclass(frozen=True)
class Sentence:
    """One clause, or two and what links them."""

    first: Clause
    link: Link | None = None
    second: Clause | None = None
