"""Persons, places and organisations, what is said of them, and the names that stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from xpareto.eval.synthetic.languages import BRANDS, CITIES, FIRST, LAST, PHRASES, Word
from xpareto.eval.synthetic.realize import capitalised

WOMEN = ("Anna", "Maria", "Elena", "Laura", "Julia", "Clara")
MEN = ("Daniel", "Martin", "Robert", "Viktor", "Oscar", "David")
SURNAMES = ("Weber", "Rossi", "Silva", "Novak", "Moreau", "Lindberg", "Fischer", "Marino")
PLACES = ("Berlin", "Paris", "London", "Rome", "Vienna", "Athens", "Madrid", "Prague", "Tokyo", "Istanbul")
COMPANIES = ("Lumora", "Veltron")
INSTITUTIONS = ("university", "bank", "museum")

Kind = Literal["lives", "works", "comes", "buys", "loves", "both", "teacher", "city", "today", "title"]
KINDS: tuple[Kind, ...] = (
    "lives", "lives", "works", "works", "comes", "comes", "buys", "buys", "loves", "both", "teacher",
    "city", "today", "today", "title",
)  # fmt: skip
_MARKS = (".", ",", "。", "，", "।")


@dataclass(frozen=True)
class Fact:
    """What is said: its kind, two persons (first name, surname), a city and an organisation.

    The organisation is a company, or an institution ("bank") of the city `seat`. Most kinds leave
    some of these unsaid.
    """

    kind: Kind
    person: tuple[str, str]
    other: tuple[str, str]
    city: str
    organisation: str
    seat: str


def fact(random: Random, kinds: tuple[Kind, ...] = KINDS) -> Fact:
    """Return something to say about names; `kinds` are drawn uniformly, as often as they stand there."""
    first, second = (
        (random.choice(names), random.choice(SURNAMES)) for names in random.sample((WOMEN, MEN), 2)
    )
    organisation = random.choice((*INSTITUTIONS, *INSTITUTIONS, *COMPANIES))
    city, seat = random.sample(PLACES, 2)
    return Fact(random.choice(kinds), first, second, city, organisation, seat)


def tokens(said: Fact, code: str) -> list[Word]:
    """Return the words of a fact in one language; the tag is IOB2 (B-, I- with LOC, ORG or PER; O).

    >>> one = Fact("works", ("Anna", "Weber"), ("Oscar", "Novak"), "Rome", "bank", "Vienna")
    >>> " ".join(f"{word.text}/{word.tag}" for word in tokens(one, "en"))
    'Anna/B-PER Weber/I-PER works/O at/O the/O Vienna/B-ORG Bank/I-ORG ./O'
    """
    phrases = PHRASES[code]
    slots = {
        **_city(said.city, code),
        **_organisation(said, code),
        "person": _person(said.person, code),
        "other": _person(said.other, code),
        "name": f"<PER {_name(said.person, code)} >",
        "ending": phrases["her" if said.person[0] in WOMEN else "his"] if "her" in phrases else "",
    }
    marked = phrases[said.kind].format(**slots).split()
    out: list[Word] = []
    kind = ""
    for token in marked:
        if token.startswith("<"):
            kind = "B-" + token[1:]
        elif token == ">":
            kind = ""
        else:
            out.append(Word(token, kind or "O"))
            kind = kind.replace("B-", "I-")
    return capitalised(out)


def running(tagged: list[Word]) -> list[Word]:
    """Return the same words with the tags that eval.synthetic.realize.text goes by."""
    return [Word(word.text, "PUNCT" if word.text in _MARKS else "X") for word in tagged]


def seat_first(institution: str, seat: str) -> bool:
    """Does an institution's English name begin with its city (Rome University), or end (University of Rome)?

    English has both orders, and a name has one of them. All labels are English, so a model that had never
    seen a city begin an organisation could not know it in the languages where every name begins so.

    >>> seat_first("bank", "Berlin"), seat_first("bank", "Paris"), seat_first("museum", "Berlin")
    (True, False, False)
    """
    return (INSTITUTIONS.index(institution) + PLACES.index(seat)) % 2 == 1


def _name(person: tuple[str, str], code: str) -> str:
    """Return a name's words; a foreign name with its dot is one word of Chinese.

    So segments the Penn Chinese Treebank (Xia 2000). A dot of its own would be a word that no other
    language has, so that no parallel text and no English label could tell a model how to tag it.
    """
    first, last = person
    if code in FIRST:
        return FIRST[code][first] + ("·" if code == "zh" else " ") + LAST[code][last]
    return f"{first} {last}"


def _person(person: tuple[str, str], code: str) -> str:
    """Return a person as a subject: Greek has an article before names."""
    article = ("η " if person[0] in WOMEN else "ο ") if code == "el" else ""
    return f"{article}<PER {_name(person, code)} >"


def _city(city: str, code: str) -> dict[str, str]:
    forms = CITIES[code][city]
    spaced = [form.replace("_", " ") for form in forms]
    return {role: PHRASES[code][role].format(*spaced) for role in ("place", "in", "from", "loved")}


def _organisation(said: Fact, code: str) -> dict[str, str]:
    if said.organisation in COMPANIES:
        forms = BRANDS[code][said.organisation] if code in BRANDS else (said.organisation,)
        which = "company"
    else:
        forms, which = CITIES[code][said.seat], said.organisation
        if f"seated-{which}" in PHRASES[code] and seat_first(which, said.seat):
            which = f"seated-{which}"
    spaced = [form.replace("_", " ") for form in forms]
    subject, at = PHRASES[code][which].split(" | ")
    bare = subject.format(*spaced)
    return {"org": bare, "at": at.format(*spaced), "orgname": bare[bare.index("<") :]}
