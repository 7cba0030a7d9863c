"""German: three genders, accusative, verb second in main and last in subordinate clauses."""

from __future__ import annotations

from xpareto.eval.synthetic.languages.lexicon import Word, phrases, table
from xpareto.eval.synthetic.languages.meaning import Clause, Thing

# gender, singular, plural, accusative singular where it differs
NOUNS = table("""
man m Mann Männer
woman f Frau Frauen
boy m Junge Jungen Jungen
girl n Mädchen Mädchen
child n Kind Kinder
teacher m Lehrer Lehrer
doctor m Arzt Ärzte
worker m Arbeiter Arbeiter
mother f Mutter Mütter
father m Vater Väter
sister f Schwester Schwestern
brother m Bruder Brüder
person f Person Personen
dog m Hund Hunde
cat f Katze Katzen
horse n Pferd Pferde
bird m Vogel Vögel
animal n Tier Tiere
apple m Apfel Äpfel
orange f Orange Orangen
tomato f Tomate Tomaten
potato f Kartoffel Kartoffeln
carrot f Karotte Karotten
fruit f Frucht Früchte
vegetable n Gemüse Gemüse
water n Wasser
milk f Milch
tea m Tee
coffee m Kaffee
book n Buch Bücher
newspaper f Zeitung Zeitungen
letter m Brief Briefe
table m Tisch Tische
chair m Stuhl Stühle
bed n Bett Betten
car n Auto Autos
bicycle n Fahrrad Fahrräder
house n Haus Häuser
door f Tür Türen
window n Fenster Fenster
hat m Hut Hüte
shirt n Hemd Hemden
flower f Blume Blumen
rose f Rose Rosen
""")
# third person singular, plural (and infinitive)
VERBS = table("""
eat isst essen
drink trinkt trinken
read liest lesen
write schreibt schreiben
buy kauft kaufen
sell verkauft verkaufen
see sieht sehen
find findet finden
seek sucht suchen
wash wäscht waschen
open öffnet öffnen
close schließt schließen
draw zeichnet zeichnen
carry trägt tragen
love liebt lieben
sleep schläft schlafen
run läuft laufen
sing singt singen
dance tanzt tanzen
work arbeitet arbeiten
laugh lacht lachen
cry weint weinen
swim schwimmt schwimmen
play spielt spielen
wait wartet warten
""")
ADJECTIVES = table("""
big groß
small klein
new neu
old alt
clean sauber
dirty schmutzig
red rot
white weiß
black schwarz
green grün
happy glücklich
sad traurig
rich reich
poor arm
strong stark
weak schwach
""")
PLACES = phrases("""
garden im_ADP Garten_NOUN
school in_ADP der_DET Schule_NOUN
kitchen in_ADP der_DET Küche_NOUN
house im_ADP Haus_NOUN
city in_ADP der_DET Stadt_NOUN
village im_ADP Dorf_NOUN
market auf_ADP dem_DET Markt_NOUN
park im_ADP Park_NOUN
forest im_ADP Wald_NOUN
station am_ADP Bahnhof_NOUN
""")
TIMES = phrases("""
today heute_ADV
now jetzt_ADV
everyday jeden_DET Tag_NOUN
morning am_ADP Morgen_NOUN
evening am_ADP Abend_NOUN
summer im_ADP Sommer_NOUN
winter im_ADP Winter_NOUN
sunday am_ADP Sonntag_NOUN
""")
FREQUENCIES = {"often": "oft", "always": "immer", "sometimes": "manchmal"}
NUMERALS = {2: "zwei", 3: "drei", 4: "vier", 5: "fünf"}
LINKS = phrases("and und_CCONJ\nbut aber_CCONJ\nbecause weil_SCONJ")
PRONOUNS = {"he": "er", "she": "sie", "they": "sie"}
MODALS = {"want": ("will", "wollen"), "can": ("kann", "können")}
_DEF = {"m": ("der", "den"), "f": ("die", "die"), "n": ("das", "das")}
_THIS = {"m": ("dieser", "diesen"), "f": ("diese", "diese"), "n": ("dieses", "dieses")}
_ONE = {"m": ("ein", "einen"), "f": ("eine", "eine"), "n": ("ein", "ein")}
_STRONG = {"m": ("er", "en"), "f": ("e", "e"), "n": ("es", "es")}
_WEAK = {"m": ("e", "en"), "f": ("e", "e"), "n": ("e", "e")}


def phrase(thing: Thing, is_object: bool = False, denied: bool = False) -> list[Word]:
    """Return a noun phrase, accusative for an object; `denied` makes an indefinite a `kein`."""
    case = int(is_object)
    if thing.noun in PRONOUNS:
        return [Word(PRONOUNS[thing.noun], "PRON")]
    if thing.noun not in NOUNS:
        return [Word(thing.noun, "PROPN")]
    gender, *forms = NOUNS[thing.noun]
    noun = Word(forms[2] if case and len(forms) > 2 and not thing.plural else forms[thing.plural], "NOUN")
    article, ending = "", ""
    if thing.number > 1:
        return [Word(NUMERALS[thing.number], "NUM"), noun]
    if thing.det == "def":
        article = "die" if thing.plural else _DEF[gender][case]
        ending = "en" if thing.plural else _WEAK[gender][case]
    elif thing.det == "this":
        article, ending = _THIS[gender][case], _WEAK[gender][case]
    elif thing.plural or thing.det == "none":
        article = ("keine" if thing.plural else "k" + _ONE[gender][case]) if denied else ""
        ending = "en" if denied else "e"
    else:
        article, ending = ("k" if denied else "") + _ONE[gender][case], _STRONG[gender][case]
    adjective = [Word(ADJECTIVES[thing.adj][0] + ending, "ADJ")] if thing.adj else []
    return ([Word(article, "DET")] if article else []) + [*adjective, noun]


def say(clause: Clause, subordinate: bool = False) -> list[Word]:
    """Return the words of one clause, without its full stop."""
    out = phrase(clause.subjects[0])
    for other in clause.subjects[1:]:
        out += [*LINKS["and"], *phrase(other)]
    number = int(clause.plural)
    middle: list[Word] = []
    if clause.time:
        middle += TIMES[clause.time]
    if clause.frequency:
        middle.append(Word(FREQUENCIES[clause.frequency], "ADV"))
    thing = clause.object
    none = bool(clause.negated and thing and thing.det in ("indef", "none") and thing.number < 2)
    if thing:
        middle += phrase(thing, True, none)
    if clause.negated and not none:
        middle.append(Word("nicht", "PART"))
    if clause.place:
        middle += PLACES[clause.place]
    tail: list[Word] = []
    if clause.verb == "be":
        finite = Word(("ist", "sind")[number], "AUX")
        tail = [Word(ADJECTIVES[clause.quality or ""][0], "ADJ")]
    elif clause.modal:
        finite = Word(MODALS[clause.modal][number], "AUX")
        tail = [Word(VERBS[clause.verb][1], "VERB")]
    else:
        finite = Word(VERBS[clause.verb][number], "VERB")
    return [*out, *middle, *tail, finite] if subordinate else [*out, finite, *middle, *tail]
