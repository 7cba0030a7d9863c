"""The names of the data set in every language: transliterated, and declined where a language declines.

Forms with `_` are several words. The invented companies are no real ones that we know of.
"""

from __future__ import annotations

from xpareto.eval.synthetic.languages.lexicon import table

# first names; languages in Latin script write them as English does
_FIRST = table("""
Anna Анна Άννα अन्ना 安娜
Maria Мария Μαρία मारिया 玛丽亚
Elena Елена Έλενα एलेना 埃琳娜
Laura Лаура Λάουρα लौरा 劳拉
Julia Юлия Τζούλια जूलिया 朱莉娅
Clara Клара Κλάρα क्लारा 克拉拉
Daniel Даниэль Ντάνιελ डैनियल 丹尼尔
Martin Мартин Μάρτιν मार्टिन 马丁
Robert Роберт Ρόμπερτ रॉबर्ट 罗伯特
Viktor Виктор Βίκτορ विक्टर 维克托
Oscar Оскар Όσκαρ ऑस्कर 奥斯卡
David Давид Νταβίντ डेविड 大卫
""")
# surnames that are no different for women
_LAST = table("""
Weber Вебер Βέμπερ वेबर 韦伯
Rossi Росси Ρόσι रोसी 罗西
Silva Силва Σίλβα सिल्वा 席尔瓦
Novak Новак Νόβακ नोवाक 诺瓦克
Moreau Моро Μορό मोरो 莫罗
Lindberg Линдберг Λίντμπεργκ लिंडबर्ग 林德伯格
Fischer Фишер Φίσερ फ़िशर 费舍尔
Marino Марино Μαρίνο मरीनो 马里诺
""")
_CODES = ("ru", "el", "hi", "zh")  # the columns above


def _columns(names: dict[str, tuple[str, ...]]) -> dict[str, dict[str, str]]:
    return {
        code: {name: forms[column] for name, forms in names.items()} for column, code in enumerate(_CODES)
    }


FIRST, LAST = _columns(_FIRST), _columns(_LAST)

CITIES = {
    "en": table("""
Berlin Berlin
Paris Paris
London London
Rome Rome
Vienna Vienna
Athens Athens
Madrid Madrid
Prague Prague
Tokyo Tokyo
Istanbul Istanbul
"""),
    "de": table("""
Berlin Berlin
Paris Paris
London London
Rome Rom
Vienna Wien
Athens Athen
Madrid Madrid
Prague Prag
Tokyo Tokio
Istanbul Istanbul
"""),
    # nominative, genitive, accusative, prepositional
    "ru": table("""
Berlin Берлин Берлина Берлин Берлине
Paris Париж Парижа Париж Париже
London Лондон Лондона Лондон Лондоне
Rome Рим Рима Рим Риме
Vienna Вена Вены Вену Вене
Athens Афины Афин Афины Афинах
Madrid Мадрид Мадрида Мадрид Мадриде
Prague Прага Праги Прагу Праге
Tokyo Токио Токио Токио Токио
Istanbul Стамбул Стамбула Стамбул Стамбуле
"""),
    # article and name in the nominative, both in the genitive, article and name in the accusative
    "el": table("""
Berlin το Βερολίνο του_Βερολίνου το Βερολίνο
Paris το Παρίσι του_Παρισιού το Παρίσι
London το Λονδίνο του_Λονδίνου το Λονδίνο
Rome η Ρώμη της_Ρώμης τη Ρώμη
Vienna η Βιέννη της_Βιέννης τη Βιέννη
Athens η Αθήνα της_Αθήνας την Αθήνα
Madrid η Μαδρίτη της_Μαδρίτης τη Μαδρίτη
Prague η Πράγα της_Πράγας την Πράγα
Tokyo το Τόκιο του_Τόκιο το Τόκιο
Istanbul η Κωνσταντινούπολη της_Κωνσταντινούπολης την Κωνσταντινούπολη
"""),
    "hi": table("""
Berlin बर्लिन
Paris पेरिस
London लंदन
Rome रोम
Vienna वियना
Athens एथेंस
Madrid मैड्रिड
Prague प्राग
Tokyo टोक्यो
Istanbul इस्तांबुल
"""),
    "zh": table("""
Berlin 柏林
Paris 巴黎
London 伦敦
Rome 罗马
Vienna 维也纳
Athens 雅典
Madrid 马德里
Prague 布拉格
Tokyo 东京
Istanbul 伊斯坦布尔
"""),
}

# companies, where not as in English; Greek: `at the` before it
BRANDS = {
    "ru": table("Lumora Лумора\nVeltron Велтрон"),
    "el": table("Lumora Λουμόρα στη\nVeltron Βέλτρον στη"),
    "hi": table("Lumora लुमोरा\nVeltron वेल्ट्रॉन"),
    "zh": table("Lumora 卢莫拉\nVeltron 维尔特龙"),
}
