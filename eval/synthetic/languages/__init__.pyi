from .english import VERBS as VERBS
from .lexicon import Word as Word
from .meaning import (
    ABOVE as ABOVE,
    ANIMALS as ANIMALS,
    ANIMAL_ADJECTIVES as ANIMAL_ADJECTIVES,
    ANIMAL_VERBS as ANIMAL_VERBS,
    ANIMATE as ANIMATE,
    BELOW as BELOW,
    COLOURS as COLOURS,
    Clause as Clause,
    Determiner as Determiner,
    FOOD as FOOD,
    FOOD_ADJECTIVES as FOOD_ADJECTIVES,
    FREQUENCIES as FREQUENCIES,
    INTRANSITIVE as INTRANSITIVE,
    Link as Link,
    MASS as MASS,
    NAMES as NAMES,
    OBJECTS as OBJECTS,
    OPPOSITE as OPPOSITE,
    PERSONS as PERSONS,
    PERSON_ADJECTIVES as PERSON_ADJECTIVES,
    PLACES as PLACES,
    PRONOUNS as PRONOUNS,
    READABLE as READABLE,
    Sentence as Sentence,
    THINGS as THINGS,
    THING_ADJECTIVES as THING_ADJECTIVES,
    TIMES as TIMES,
    Thing as Thing,
)
from .names import BRANDS as BRANDS, CITIES as CITIES, FIRST as FIRST, LAST as LAST
from .phrasebook import PHRASES as PHRASES
