"""Russian: no articles, no copula, three genders, cases, numerals that govern the genitive."""

from __future__ import annotations

from xpareto.eval.synthetic.languages.lexicon import Word, phrases, table
from xpareto.eval.synthetic.languages.meaning import Clause, Thing

# gender, nominative singular, nominative plural, genitive singular, genitive plural,
# and for feminines in -а and -я the accusative singular
NOUNS = table("""
man m мужчина мужчины мужчины мужчин мужчину
woman f женщина женщины женщины женщин женщину
boy m мальчик мальчики мальчика мальчиков
girl f девочка девочки девочки девочек девочку
child m ребёнок дети ребёнка детей
teacher m учитель учителя учителя учителей
doctor m врач врачи врача врачей
worker m рабочий рабочие рабочего рабочих
mother f мать матери матери матерей мать
father m отец отцы отца отцов
sister f сестра сёстры сестры сестёр сестру
brother m брат братья брата братьев
person m человек люди человека человек
dog f собака собаки собаки собак собаку
cat f кошка кошки кошки кошек кошку
horse f лошадь лошади лошади лошадей лошадь
bird f птица птицы птицы птиц птицу
animal n животное животные животного животных животное
apple n яблоко яблоки яблока яблок
orange m апельсин апельсины апельсина апельсинов
tomato m помидор помидоры помидора помидоров
potato f картофелина картофелины картофелины картофелин картофелину
carrot f морковка морковки морковки морковок морковку
fruit m фрукт фрукты фрукта фруктов
vegetable m овощ овощи овоща овощей
water f вода - воды - воду
milk n молоко - молока -
tea m чай - чая -
coffee m кофе - кофе -
book f книга книги книги книг книгу
newspaper f газета газеты газеты газет газету
letter n письмо письма письма писем
table m стол столы стола столов
chair m стул стулья стула стульев
bed f кровать кровати кровати кроватей кровать
car f машина машины машины машин машину
bicycle m велосипед велосипеды велосипеда велосипедов
house m дом дома дома домов
door f дверь двери двери дверей дверь
window n окно окна окна окон
hat f шляпа шляпы шляпы шляп шляпу
shirt f рубашка рубашки рубашки рубашек рубашку
flower m цветок цветы цветка цветов
rose f роза розы розы роз розу
""")
# third person singular, plural, infinitive
VERBS = table("""
eat ест едят есть
drink пьёт пьют пить
read читает читают читать
write пишет пишут писать
buy покупает покупают покупать
sell продаёт продают продавать
see видит видят видеть
find находит находят находить
seek ищет ищут искать
wash моет моют мыть
open открывает открывают открывать
close закрывает закрывают закрывать
draw рисует рисуют рисовать
carry несёт несут нести
love любит любят любить
sleep спит спят спать
run бежит бегут бежать
sing поёт поют петь
dance танцует танцуют танцевать
work работает работают работать
laugh смеётся смеются смеяться
cry плачет плачут плакать
swim плавает плавают плавать
play играет играют играть
wait ждёт ждут ждать
""")
# masculine, feminine, neuter, plural; the feminine accusative follows from the feminine
ADJECTIVES = table("""
big большой большая большое большие
small маленький маленькая маленькое маленькие
new новый новая новое новые
old старый старая старое старые
clean чистый чистая чистое чистые
dirty грязный грязная грязное грязные
red красный красная красное красные
white белый белая белое белые
black чёрный чёрная чёрное чёрные
green зелёный зелёная зелёное зелёные
happy счастливый счастливая счастливое счастливые
sad грустный грустная грустное грустные
rich богатый богатая богатое богатые
poor бедный бедная бедное бедные
strong сильный сильная сильное сильные
weak слабый слабая слабое слабые
""")
PLACES = phrases("""
garden в_ADP саду_NOUN
school в_ADP школе_NOUN
kitchen на_ADP кухне_NOUN
house в_ADP доме_NOUN
city в_ADP городе_NOUN
village в_ADP деревне_NOUN
market на_ADP рынке_NOUN
park в_ADP парке_NOUN
forest в_ADP лесу_NOUN
station на_ADP вокзале_NOUN
""")
TIMES = phrases("""
today сегодня_ADV
now сейчас_ADV
everyday каждый_DET день_NOUN
morning утром_NOUN
evening вечером_NOUN
summer летом_NOUN
winter зимой_NOUN
sunday в_ADP воскресенье_NOUN
""")
FREQUENCIES = {"often": "часто", "always": "всегда", "sometimes": "иногда"}
NUMERALS = {2: "два", 3: "три", 4: "четыре", 5: "пять"}
LINKS = phrases("and и_CCONJ\nbut но_CCONJ\nbecause потому_ADV что_SCONJ")
PRONOUNS = {"he": "он", "she": "она", "they": "они"}
NAMES = {"Anna": "Анна", "Maria": "Мария", "Peter": "Пётр", "Thomas": "Томас"}
MODALS = {"want": ("хочет", "хотят"), "can": ("может", "могут")}
_GENDERS = "mfn"
_THIS = {"m": ("этот", "этот"), "f": ("эта", "эту"), "n": ("это", "это")}


def phrase(thing: Thing, is_object: bool = False) -> list[Word]:
    """Return a noun phrase: its words as a subject or as an object."""
    if thing.noun in PRONOUNS:
        return [Word(PRONOUNS[thing.noun], "PRON")]
    if thing.noun in NAMES:
        return [Word(NAMES[thing.noun], "PROPN")]
    gender, singular, plural, genitive, genitives, *rest = NOUNS[thing.noun]
    if thing.number > 1:
        numeral = "две" if thing.number == 2 and gender == "f" else NUMERALS[thing.number]
        many = thing.number > 4 or thing.noun in ("worker", "animal")  # adjectives by origin
        return [Word(numeral, "NUM"), Word(genitives if many else genitive, "NOUN")]
    living = is_object and thing.animate
    if thing.plural:
        text = genitives if living else plural
    elif is_object:
        text = rest[0] if rest else genitive if living and gender == "m" else singular
    else:
        text = singular
    out = [Word(text, "NOUN")]
    if thing.adj:
        form = ADJECTIVES[thing.adj][3 if thing.plural else _GENDERS.index(gender)]
        if is_object and gender == "f" and not thing.plural:
            form = form[:-2] + "ую"
        out.insert(0, Word(form, "ADJ"))
    if thing.det == "this":
        this = "этого" if living and gender == "m" else _THIS[gender][is_object]
        out.insert(0, Word(this, "DET"))
    return out


def say(clause: Clause, subordinate: bool = False) -> list[Word]:
    """Return the words of one clause, without its full stop."""
    out = phrase(clause.subjects[0])
    for other in clause.subjects[1:]:
        out += [*LINKS["and"], *phrase(other)]
    number = int(clause.plural)
    if clause.frequency:
        out.append(Word(FREQUENCIES[clause.frequency], "ADV"))
    if clause.negated:
        out.append(Word("не", "PART"))
    if clause.verb == "be":
        noun = clause.subjects[0].noun
        gender = "f" if noun in ("she", "Anna", "Maria") else NOUNS.get(noun, "m")[0]
        out.append(Word(ADJECTIVES[clause.quality or ""][3 if number else _GENDERS.index(gender)], "ADJ"))
    elif clause.modal:
        out += [Word(MODALS[clause.modal][number], "VERB"), Word(VERBS[clause.verb][2], "VERB")]
    else:
        out.append(Word(VERBS[clause.verb][number], "VERB"))
    if clause.object:
        out += phrase(clause.object, True)
    if clause.place:
        out += PLACES[clause.place]
    return out + (TIMES[clause.time] if clause.time else [])
