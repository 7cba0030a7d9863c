"""English: articles, do-support, adjectives before the noun."""

from __future__ import annotations

from xpareto.eval.synthetic.languages.lexicon import Word, phrases, table
from xpareto.eval.synthetic.languages.meaning import NAMES, PRONOUNS, Clause, Thing

NOUNS = table("""
man man men
woman woman women
boy boy boys
girl girl girls
child child children
teacher teacher teachers
doctor doctor doctors
worker worker workers
mother mother mothers
father father fathers
sister sister sisters
brother brother brothers
person person people
dog dog dogs
cat cat cats
horse horse horses
bird bird birds
animal animal animals
apple apple apples
orange orange oranges
tomato tomato tomatoes
potato potato potatoes
carrot carrot carrots
fruit fruit fruits
vegetable vegetable vegetables
water water
milk milk
tea tea
coffee coffee
book book books
newspaper newspaper newspapers
letter letter letters
table table tables
chair chair chairs
bed bed beds
car car cars
bicycle bicycle bicycles
house house houses
door door doors
window window windows
hat hat hats
shirt shirt shirts
flower flower flowers
rose rose roses
""")
VERBS = table("""
eat eats eat
drink drinks drink
read reads read
write writes write
buy buys buy
sell sells sell
see sees see
find finds find
seek seeks seek
wash washes wash
open opens open
close closes close
draw draws draw
carry carries carry
love loves love
sleep sleeps sleep
run runs run
sing sings sing
dance dances dance
work works work
laugh laughs laugh
cry cries cry
swim swims swim
play plays play
wait waits wait
""")
PLACES = phrases("""
garden in_ADP the_DET garden_NOUN
school at_ADP school_NOUN
kitchen in_ADP the_DET kitchen_NOUN
house in_ADP the_DET house_NOUN
city in_ADP the_DET city_NOUN
village in_ADP the_DET village_NOUN
market at_ADP the_DET market_NOUN
park in_ADP the_DET park_NOUN
forest in_ADP the_DET forest_NOUN
station at_ADP the_DET station_NOUN
""")
TIMES = phrases("""
today today_NOUN
now now_ADV
everyday every_DET day_NOUN
morning in_ADP the_DET morning_NOUN
evening in_ADP the_DET evening_NOUN
summer in_ADP summer_NOUN
winter in_ADP winter_NOUN
sunday on_ADP Sunday_PROPN
""")
NUMERALS = {2: "two", 3: "three", 4: "four", 5: "five"}
LINKS = phrases("and and_CCONJ\nbut but_CCONJ\nbecause because_SCONJ")


def phrase(thing: Thing, is_object: bool = False) -> list[Word]:
    """Return a noun phrase: its words as a subject or as an object."""
    if thing.noun in NAMES:
        return [Word(thing.noun, "PROPN")]
    if thing.noun in PRONOUNS:
        return [Word(thing.noun, "PRON")]
    noun = Word(NOUNS[thing.noun][thing.plural], "NOUN")
    body = [Word(thing.adj, "ADJ"), noun] if thing.adj else [noun]
    if thing.number > 1:
        return [Word(NUMERALS[thing.number], "NUM"), *body]
    if thing.det == "indef" and not thing.plural:
        return [Word("an" if body[0].text[0] in "aeiou" else "a", "DET"), *body]
    if thing.det in ("def", "this"):
        return [Word("the" if thing.det == "def" else "this", "DET"), *body]
    return body


def say(clause: Clause, subordinate: bool = False) -> list[Word]:
    """Return the words of one clause, without its full stop."""
    out = phrase(clause.subjects[0])
    for other in clause.subjects[1:]:
        out += [*LINKS["and"], *phrase(other)]
    number = int(clause.plural)
    denial = [Word("not", "PART")] if clause.negated else []
    often = [Word(clause.frequency, "ADV")] if clause.frequency else []
    if clause.verb == "be":
        out += [Word(("is", "are")[number], "AUX"), *denial, Word(clause.quality or "", "ADJ")]
    else:
        base = Word(VERBS[clause.verb][1], "VERB")
        support = [Word(("does", "do")[number], "AUX"), *denial] if denial else []
        if clause.modal == "can":
            out += [Word("can", "AUX"), *denial, *often, base]
        elif clause.modal == "want":
            want = Word("want" if denial else ("wants", "want")[number], "VERB")
            out += [*support, *often, want, Word("to", "PART"), base]
        elif denial:
            out += [*support, base]
        else:
            out += [*often, Word(VERBS[clause.verb][number], "VERB")]
    if clause.object:
        out += phrase(clause.object)
    if clause.place:
        out += PLACES[clause.place]
    return out + (TIMES[clause.time] if clause.time else [])
