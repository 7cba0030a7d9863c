"""Greek: three genders, articles before names too, accusative objects, subjunctive for infinitives."""

from __future__ import annotations

from xpareto.eval.synthetic.languages.lexicon import Word, phrases, table
from xpareto.eval.synthetic.languages.meaning import Clause, Thing

# gender, nominative singular, accusative singular, nominative plural, accusative plural
NOUNS = table("""
man m άντρας άντρα άντρες άντρες
woman f γυναίκα γυναίκα γυναίκες γυναίκες
boy n αγόρι αγόρι αγόρια αγόρια
girl n κορίτσι κορίτσι κορίτσια κορίτσια
child n παιδί παιδί παιδιά παιδιά
teacher m δάσκαλος δάσκαλο δάσκαλοι δασκάλους
doctor m γιατρός γιατρό γιατροί γιατρούς
worker m εργάτης εργάτη εργάτες εργάτες
mother f μητέρα μητέρα μητέρες μητέρες
father m πατέρας πατέρα πατέρες πατέρες
sister f αδελφή αδελφή αδελφές αδελφές
brother m αδελφός αδελφό αδελφοί αδελφούς
person m άνθρωπος άνθρωπο άνθρωποι ανθρώπους
dog m σκύλος σκύλο σκύλοι σκύλους
cat f γάτα γάτα γάτες γάτες
horse n άλογο άλογο άλογα άλογα
bird n πουλί πουλί πουλιά πουλιά
animal n ζώο ζώο ζώα ζώα
apple n μήλο μήλο μήλα μήλα
orange n πορτοκάλι πορτοκάλι πορτοκάλια πορτοκάλια
tomato f ντομάτα ντομάτα ντομάτες ντομάτες
potato f πατάτα πατάτα πατάτες πατάτες
carrot n καρότο καρότο καρότα καρότα
fruit n φρούτο φρούτο φρούτα φρούτα
vegetable n λαχανικό λαχανικό λαχανικά λαχανικά
water n νερό νερό
milk n γάλα γάλα
tea n τσάι τσάι
coffee m καφές καφέ
book n βιβλίο βιβλίο βιβλία βιβλία
newspaper f εφημερίδα εφημερίδα εφημερίδες εφημερίδες
letter n γράμμα γράμμα γράμματα γράμματα
table n τραπέζι τραπέζι τραπέζια τραπέζια
chair f καρέκλα καρέκλα καρέκλες καρέκλες
bed n κρεβάτι κρεβάτι κρεβάτια κρεβάτια
car n αυτοκίνητο αυτοκίνητο αυτοκίνητα αυτοκίνητα
bicycle n ποδήλατο ποδήλατο ποδήλατα ποδήλατα
house n σπίτι σπίτι σπίτια σπίτια
door f πόρτα πόρτα πόρτες πόρτες
window n παράθυρο παράθυρο παράθυρα παράθυρα
hat n καπέλο καπέλο καπέλα καπέλα
shirt n πουκάμισο πουκάμισο πουκάμισα πουκάμισα
flower n λουλούδι λουλούδι λουλούδια λουλούδια
rose n τριαντάφυλλο τριαντάφυλλο τριαντάφυλλα τριαντάφυλλα
""")
# third person singular, plural; the same of the perfective subjunctive
VERBS = table("""
eat τρώει τρώνε φάει φάνε
drink πίνει πίνουν πιει πιουν
read διαβάζει διαβάζουν διαβάσει διαβάσουν
write γράφει γράφουν γράψει γράψουν
buy αγοράζει αγοράζουν αγοράσει αγοράσουν
sell πουλάει πουλάνε πουλήσει πουλήσουν
see βλέπει βλέπουν δει δουν
find βρίσκει βρίσκουν βρει βρουν
seek ψάχνει ψάχνουν ψάξει ψάξουν
wash πλένει πλένουν πλύνει πλύνουν
open ανοίγει ανοίγουν ανοίξει ανοίξουν
close κλείνει κλείνουν κλείσει κλείσουν
draw ζωγραφίζει ζωγραφίζουν ζωγραφίσει ζωγραφίσουν
carry κουβαλάει κουβαλάνε κουβαλήσει κουβαλήσουν
love αγαπάει αγαπάνε αγαπήσει αγαπήσουν
sleep κοιμάται κοιμούνται κοιμηθεί κοιμηθούν
run τρέχει τρέχουν τρέξει τρέξουν
sing τραγουδάει τραγουδάνε τραγουδήσει τραγουδήσουν
dance χορεύει χορεύουν χορέψει χορέψουν
work δουλεύει δουλεύουν δουλέψει δουλέψουν
laugh γελάει γελάνε γελάσει γελάσουν
cry κλαίει κλαίνε κλάψει κλάψουν
swim κολυμπάει κολυμπάνε κολυμπήσει κολυμπήσουν
play παίζει παίζουν παίξει παίξουν
wait περιμένει περιμένουν περιμένει περιμένουν
""")
# masculine, feminine, neuter nominative; the rest follows
ADJECTIVES = table("""
big μεγάλος μεγάλη μεγάλο
small μικρός μικρή μικρό
new καινούριος καινούρια καινούριο
old παλιός παλιά παλιό
clean καθαρός καθαρή καθαρό
dirty βρώμικος βρώμικη βρώμικο
red κόκκινος κόκκινη κόκκινο
white άσπρος άσπρη άσπρο
black μαύρος μαύρη μαύρο
green πράσινος πράσινη πράσινο
happy χαρούμενος χαρούμενη χαρούμενο
sad λυπημένος λυπημένη λυπημένο
rich πλούσιος πλούσια πλούσιο
poor φτωχός φτωχή φτωχό
strong δυνατός δυνατή δυνατό
weak αδύναμος αδύναμη αδύναμο
""")
PLACES = phrases("""
garden στον_ADP κήπο_NOUN
school στο_ADP σχολείο_NOUN
kitchen στην_ADP κουζίνα_NOUN
house στο_ADP σπίτι_NOUN
city στην_ADP πόλη_NOUN
village στο_ADP χωριό_NOUN
market στην_ADP αγορά_NOUN
park στο_ADP πάρκο_NOUN
forest στο_ADP δάσος_NOUN
station στον_ADP σταθμό_NOUN
""")
TIMES = phrases("""
today σήμερα_ADV
now τώρα_ADV
everyday κάθε_DET μέρα_NOUN
morning το_DET πρωί_NOUN
evening το_DET βράδυ_NOUN
summer το_DET καλοκαίρι_NOUN
winter τον_DET χειμώνα_NOUN
sunday την_DET Κυριακή_NOUN
""")
FREQUENCIES = {"often": "συχνά", "always": "πάντα"}
NUMERALS = {2: "δύο", 3: "τρία", 4: "τέσσερα", 5: "πέντε"}
LIVING_NUMERALS = {2: "δύο", 3: "τρεις", 4: "τέσσερις", 5: "πέντε"}  # masculine and feminine
LINKS = phrases("and και_CCONJ\nbut αλλά_CCONJ\nbecause επειδή_SCONJ")
PRONOUNS = {"he": "αυτός", "she": "αυτή", "they": "αυτοί"}
NAMES = {"Anna": "Άννα", "Maria": "Μαρία", "Peter": "Πέτρος", "Thomas": "Θωμάς"}
MODALS = {"want": ("θέλει", "θέλουν"), "can": ("μπορεί", "μπορούν")}
_NOMINATIVE = {"m": ("ο", "οι"), "f": ("η", "οι"), "n": ("το", "τα")}
_ACCUSATIVE = {"m": ("τον", "τους"), "f": ("την", "τις"), "n": ("το", "τα")}
_KEEPS_N = ("α", "ε", "η", "ι", "ο", "υ", "ω", "ά", "έ", "ή", "ί", "ό", "ύ", "ώ",
            "κ", "π", "τ", "ξ", "ψ", "μπ", "ντ", "γκ")  # fmt: skip


def _agree(adjective: str, gender: str, plural: bool, is_object: bool) -> str:
    masculine, feminine, neuter = ADJECTIVES[adjective]
    if gender == "n":
        return (neuter[:-1] + ("ά" if neuter[-1] == "ό" else "α")) if plural else neuter
    stressed = masculine.endswith("ός")
    stem = masculine[:-2]
    if gender == "f":
        return stem + ("ές" if stressed else "ες") if plural else feminine
    if plural:
        endings = ("ούς", "ους") if is_object else ("οί", "οι")
        return stem + endings[not stressed]
    return masculine[:-1] if is_object else masculine


def phrase(thing: Thing, is_object: bool = False) -> list[Word]:
    """Return a noun phrase: its words as a subject or as an object."""
    if thing.noun in PRONOUNS:
        return [Word(PRONOUNS[thing.noun], "PRON")]
    if thing.noun in NAMES:
        article = "η" if thing.noun in ("Anna", "Maria") else "ο"
        return [Word(article, "DET"), Word(NAMES[thing.noun], "PROPN")]
    gender, *forms = NOUNS[thing.noun]
    out = [Word(forms[2 * thing.plural + is_object], "NOUN")]
    if thing.number > 1:
        numerals = NUMERALS if gender == "n" else LIVING_NUMERALS
        return [Word(numerals[thing.number], "NUM"), *out]
    if thing.adj:
        out.insert(0, Word(_agree(thing.adj, gender, thing.plural, is_object), "ADJ"))
    if thing.det in ("def", "this"):
        article = (_ACCUSATIVE if is_object else _NOMINATIVE)[gender][thing.plural]
        if article == "την" and not out[0].text.startswith(_KEEPS_N):
            article = "τη"
        out.insert(0, Word(article, "DET"))
        if thing.det == "this":
            this = {"m": "αυτόν" if is_object else "αυτός", "f": "αυτή", "n": "αυτό"}[gender]
            out.insert(0, Word(this, "DET"))
    elif thing.det == "indef" and not thing.plural:
        one = {"m": "έναν" if is_object else "ένας", "f": "μια", "n": "ένα"}[gender]
        out.insert(0, Word(one, "DET"))
    return out


def say(clause: Clause, subordinate: bool = False) -> list[Word]:
    """Return the words of one clause, without its full stop."""
    out = phrase(clause.subjects[0])
    for other in clause.subjects[1:]:
        out += [*LINKS["and"], *phrase(other)]
    number = int(clause.plural)
    if clause.negated:
        out.append(Word("δεν", "PART"))
    if clause.verb == "be":
        noun = clause.subjects[0].noun
        gender = "f" if noun in ("she", "Anna", "Maria") else NOUNS.get(noun, "m")[0]
        text = _agree(clause.quality or "", gender, clause.plural, False)
        out += [Word("είναι", "AUX"), Word(text, "ADJ")]
    elif clause.modal:
        out.append(Word(MODALS[clause.modal][number], "VERB"))
        out += [Word("να", "AUX"), Word(VERBS[clause.verb][2 + number], "VERB")]
    else:
        out.append(Word(VERBS[clause.verb][number], "VERB"))
    if clause.frequency == "sometimes":
        out += [Word("μερικές", "ADJ"), Word("φορές", "NOUN")]
    elif clause.frequency:
        out.append(Word(FREQUENCIES[clause.frequency], "ADV"))
    if clause.object:
        out += phrase(clause.object, True)
    if clause.place:
        out += PLACES[clause.place]
    return out + (TIMES[clause.time] if clause.time else [])
