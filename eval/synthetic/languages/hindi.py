"""Hindi: verb last, postpositions, gender agreement of verb and adjective, oblique case."""

from __future__ import annotations

from xpareto.eval.synthetic.languages.lexicon import Word, phrases, table
from xpareto.eval.synthetic.languages.meaning import Clause, Thing

# gender, singular, plural, oblique singular, oblique plural where they differ
NOUNS = table("""
man m आदमी आदमी आदमी
woman f औरत औरतें औरत
boy m लड़का लड़के लड़के
girl f लड़की लड़कियाँ लड़की
child m बच्चा बच्चे बच्चे
teacher m शिक्षक शिक्षक शिक्षक
doctor m डॉक्टर डॉक्टर डॉक्टर
worker m मज़दूर मज़दूर मज़दूर
mother f माँ माँएँ माँ
father m पिता पिता पिता
sister f बहन बहनें बहन
brother m भाई भाई भाई
person m व्यक्ति व्यक्ति व्यक्ति
dog m कुत्ता कुत्ते कुत्ते
cat f बिल्ली बिल्लियाँ बिल्ली
horse m घोड़ा घोड़े घोड़े
bird f चिड़िया चिड़ियाँ चिड़िया
animal m जानवर जानवर जानवर
apple m सेब सेब सेब
orange m संतरा संतरे संतरे
tomato m टमाटर टमाटर टमाटर
potato m आलू आलू आलू
carrot f गाजर गाजरें गाजर
fruit m फल फल फल
vegetable f सब्ज़ी सब्ज़ियाँ सब्ज़ी
water m पानी
milk m दूध
tea f चाय
coffee f कॉफ़ी
book f किताब किताबें किताब
newspaper m अख़बार अख़बार अख़बार
letter f चिट्ठी चिट्ठियाँ चिट्ठी
table f मेज़ मेज़ें मेज़
chair f कुर्सी कुर्सियाँ कुर्सी
bed m पलंग पलंग पलंग
car f गाड़ी गाड़ियाँ गाड़ी
bicycle f साइकिल साइकिलें साइकिल
house m घर घर घर
door m दरवाज़ा दरवाज़े दरवाज़े
window f खिड़की खिड़कियाँ खिड़की
hat f टोपी टोपियाँ टोपी
shirt f कमीज़ कमीज़ें कमीज़
flower m फूल फूल फूल
rose m गुलाब गुलाब गुलाब
""")
# the stem; a light noun or adverb before the verb carries its own tag
VERBS = table("""
eat खा
drink पी
read पढ़
write लिख
buy ख़रीद
sell बेच
see देख
find पा
seek ढूँढ
wash धो
open खोल
close बंद_ADJ कर
draw बना
carry उठा
love चाह
sleep सो
run दौड़
sing गा
dance नाच
work काम_NOUN कर
laugh हँस
cry रो
swim तैर
play खेल
wait इंतज़ार_NOUN कर
""")
# masculine, masculine plural (and oblique), feminine
ADJECTIVES = table("""
big बड़ा बड़े बड़ी
small छोटा छोटे छोटी
new नया नए नई
old पुराना पुराने पुरानी
clean साफ़ साफ़ साफ़
dirty गंदा गंदे गंदी
red लाल लाल लाल
white सफ़ेद सफ़ेद सफ़ेद
black काला काले काली
green हरा हरे हरी
happy ख़ुश ख़ुश ख़ुश
sad उदास उदास उदास
rich अमीर अमीर अमीर
poor ग़रीब ग़रीब ग़रीब
strong मज़बूत मज़बूत मज़बूत
weak कमज़ोर कमज़ोर कमज़ोर
""")
PLACES = phrases("""
garden बगीचे_NOUN में_ADP
school स्कूल_NOUN में_ADP
kitchen रसोई_NOUN में_ADP
house घर_NOUN में_ADP
city शहर_NOUN में_ADP
village गाँव_NOUN में_ADP
market बाज़ार_NOUN में_ADP
park पार्क_NOUN में_ADP
forest जंगल_NOUN में_ADP
station स्टेशन_NOUN पर_ADP
""")
TIMES = phrases("""
today आज_NOUN
now अब_ADV
everyday हर_DET दिन_NOUN
morning सुबह_NOUN
evening शाम_NOUN को_ADP
summer गर्मियों_NOUN में_ADP
winter सर्दियों_NOUN में_ADP
sunday रविवार_PROPN को_ADP
""")
FREQUENCIES = {"often": "अक्सर", "always": "हमेशा", "sometimes": "कभी-कभी"}
NUMERALS = {2: "दो", 3: "तीन", 4: "चार", 5: "पाँच"}
LINKS = phrases("and और_CCONJ\nbut लेकिन_CCONJ\nbecause क्योंकि_SCONJ")
PRONOUNS = {"he": "वह", "she": "वह", "they": "वे"}
NAMES = {"Anna": "अन्ना", "Maria": "मारिया", "Peter": "पीटर", "Thomas": "थॉमस"}


def phrase(thing: Thing, is_object: bool = False) -> list[Word]:
    """Return a noun phrase: its words as a subject or as an object."""
    if thing.noun in PRONOUNS:
        return [Word(PRONOUNS[thing.noun], "PRON")]
    if thing.noun in NAMES:
        return [Word(NAMES[thing.noun], "PROPN")]
    gender, *forms = NOUNS[thing.noun]
    marked = is_object and thing.animate  # definite animates take को and the oblique
    out = [Word(forms[2] if marked else forms[thing.plural], "NOUN")]
    if marked:
        out.append(Word("को", "ADP"))
    if thing.adj:
        row = ADJECTIVES[thing.adj]
        out.insert(0, Word(row[2] if gender == "f" else row[thing.plural or marked], "ADJ"))
    if thing.number > 1:
        out.insert(0, Word(NUMERALS[thing.number], "NUM"))
    elif thing.det == "this":
        out.insert(0, Word("इस" if marked else "यह", "DET"))
    elif thing.det == "indef" and not thing.plural:
        out.insert(0, Word("एक", "DET"))
    return out


def say(clause: Clause, subordinate: bool = False) -> list[Word]:
    """Return the words of one clause, without its full stop."""
    out = phrase(clause.subjects[0])
    for other in clause.subjects[1:]:
        out += [*LINKS["and"], *phrase(other)]
    last = clause.subjects[-1].noun
    feminine = last in ("she", "Anna", "Maria") or NOUNS.get(last, "m")[0] == "f"
    if len(clause.subjects) > 1 and clause.male:
        feminine = False
    which = 2 if feminine else int(clause.plural)  # ता, ते, ती
    be = Word("हैं" if clause.plural else "है", "AUX")
    if clause.time:
        out += TIMES[clause.time]
    if clause.frequency:
        out.append(Word(FREQUENCIES[clause.frequency], "ADV"))
    if clause.place:
        out += PLACES[clause.place]
    if clause.object:
        out += phrase(clause.object, True)
    denial = [Word("नहीं", "PART")] if clause.negated else []
    if clause.verb == "be":
        return [*out, Word(ADJECTIVES[clause.quality or ""][which], "ADJ"), *denial, be]
    *light, stem = VERBS[clause.verb]
    out += [Word(*part.split("_")) for part in light]
    ending = ("ता", "ते", "ती")[which]
    if clause.modal == "want":
        return [*out, Word(stem + "ना", "VERB"), *denial, Word("चाह" + ending, "VERB"), be]
    if clause.modal == "can":
        return [*out, *denial, Word(stem, "VERB"), Word("सक" + ending, "AUX"), be]
    return [*out, *denial, Word(stem + ending, "VERB"), be]
