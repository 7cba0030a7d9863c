"""How each language speaks of named entities: one line per role of a name, one per kind of fact.

`<LOC`, `<ORG` and `<PER` open an entity and `>` closes it. {0} to {4} are the columns of the language's
table of cities or companies (eval.synthetic.names); institutions are given as subject | with `at`, and in
English as `seated-` once more for those whose name begins with the city.
Roles of a city: place (subject), in, stays (where Japanese says living apart from doing), from, loved.
"""

from __future__ import annotations


def _lines(text: str) -> dict[str, str]:
    """Return what follows the first word, by the first word of each line."""
    rows = (line.partition(" ") for line in text.strip().splitlines())
    return {name: rest for name, _, rest in rows}


PHRASES = {
    "bg": _lines("""
place <LOC {0} >
in {1} <LOC {0} >
stays {1} <LOC {0} >
from от <LOC {0} >
loved <LOC {0} >
university <ORG Университет {0} > | в <ORG Университет {0} >
bank <ORG Банка {0} > | в <ORG Банка {0} >
museum <ORG Музей {0} > | в <ORG Музей {0} >
company <ORG {0} > | {1} <ORG {0} >
lives {person} живее {stays} .
works {person} работи {at} .
comes {person} идва {from} .
buys {org} купува къща {in} .
loves {person} обича {loved} .
both {person} и {other} работят {in} .
teacher учителят и {person} живеят {stays} .
city {place} е голям град .
today днес {person} работи {at} .
title {name} , {orgname}
"""),
    "de": _lines("""
place <LOC {0} >
in in <LOC {0} >
stays in <LOC {0} >
from aus <LOC {0} >
loved <LOC {0} >
university die <ORG Universität {0} > | an der <ORG Universität {0} >
bank die <ORG Bank {0} > | bei der <ORG Bank {0} >
museum das <ORG Museum {0} > | im <ORG Museum {0} >
company <ORG {0} > | bei <ORG {0} >
lives {person} wohnt {stays} .
works {person} arbeitet {at} .
comes {person} kommt {from} .
buys {org} kauft ein Haus {in} .
loves {person} liebt {loved} .
both {person} und {other} arbeiten {in} .
teacher der Lehrer und {person} wohnen {stays} .
city {place} ist eine große Stadt .
today heute arbeitet {person} {at} .
title {name} , {orgname}
"""),
    "el": _lines("""
place {0} <LOC {1} >
in σ{3} <LOC {4} >
stays σ{3} <LOC {4} >
from από {3} <LOC {4} >
loved {3} <LOC {4} >
university το <ORG Πανεπιστήμιο {2} > | στο <ORG Πανεπιστήμιο {2} >
bank η <ORG Τράπεζα {2} > | στην <ORG Τράπεζα {2} >
museum το <ORG Μουσείο {2} > | στο <ORG Μουσείο {2} >
company η <ORG {0} > | {1} <ORG {0} >
lives {person} μένει {stays} .
works {person} δουλεύει {at} .
comes {person} έρχεται {from} .
buys {org} αγοράζει ένα σπίτι {in} .
loves {person} αγαπάει {loved} .
both {person} και {other} δουλεύουν {in} .
teacher ο δάσκαλος και {person} μένουν {stays} .
city {place} είναι μια μεγάλη πόλη .
today σήμερα {person} δουλεύει {at} .
title {name} , {orgname}
"""),
    "en": _lines("""
place <LOC {0} >
in in <LOC {0} >
stays in <LOC {0} >
from from <LOC {0} >
loved <LOC {0} >
university the <ORG University of {0} > | at the <ORG University of {0} >
bank the <ORG Bank of {0} > | at the <ORG Bank of {0} >
museum the <ORG Museum of {0} > | at the <ORG Museum of {0} >
seated-university <ORG {0} University > | at <ORG {0} University >
seated-bank the <ORG {0} Bank > | at the <ORG {0} Bank >
seated-museum the <ORG {0} Museum > | at the <ORG {0} Museum >
company <ORG {0} > | at <ORG {0} >
lives {person} lives {stays} .
works {person} works {at} .
comes {person} comes {from} .
buys {org} buys a house {in} .
loves {person} loves {loved} .
both {person} and {other} work {in} .
teacher the teacher and {person} live {stays} .
city {place} is a big city .
today today {person} works {at} .
title {name} , {orgname}
"""),
    "es": _lines("""
place <LOC {0} >
in en <LOC {0} >
stays en <LOC {0} >
from de <LOC {0} >
loved <LOC {0} >
university la <ORG Universidad de {0} > | en la <ORG Universidad de {0} >
bank el <ORG Banco de {0} > | en el <ORG Banco de {0} >
museum el <ORG Museo de {0} > | en el <ORG Museo de {0} >
company <ORG {0} > | en <ORG {0} >
lives {person} vive {stays} .
works {person} trabaja {at} .
comes {person} viene {from} .
buys {org} compra una casa {in} .
loves {person} ama {loved} .
both {person} y {other} trabajan {in} .
teacher el profesor y {person} viven {stays} .
city {place} es una ciudad grande .
today hoy {person} trabaja {at} .
title {name} , {orgname}
"""),
    "fr": _lines("""
place <LOC {0} >
in à <LOC {0} >
stays à <LOC {0} >
from {1} <LOC {0} >
loved <LOC {0} >
university l' <ORG Université {1} {0} > | à l' <ORG Université {1} {0} >
bank la <ORG Banque {1} {0} > | à la <ORG Banque {1} {0} >
museum le <ORG Musée {1} {0} > | au <ORG Musée {1} {0} >
company <ORG {0} > | chez <ORG {0} >
lives {person} habite {stays} .
works {person} travaille {at} .
comes {person} vient {from} .
buys {org} achète une maison {in} .
loves {person} aime {loved} .
both {person} et {other} travaillent {in} .
teacher le professeur et {person} habitent {stays} .
city {place} est une grande ville .
today aujourd'hui , {person} travaille {at} .
title {name} , {orgname}
"""),
    "hi": _lines("""
her ती
his ता
place <LOC {0} >
in <LOC {0} > में
stays <LOC {0} > में
from <LOC {0} > से
loved <LOC {0} > को
university <ORG {0} विश्वविद्यालय > | <ORG {0} विश्वविद्यालय > में
bank <ORG {0} बैंक > | <ORG {0} बैंक > में
museum <ORG {0} संग्रहालय > | <ORG {0} संग्रहालय > में
company <ORG {0} > | <ORG {0} > में
lives {person} {stays} रह{ending} है ।
works {person} {at} काम कर{ending} है ।
comes {person} {from} आ{ending} है ।
buys {org} {in} एक घर ख़रीदता है ।
loves {person} {loved} चाह{ending} है ।
both {person} और {other} {in} काम करते हैं ।
teacher शिक्षक और {person} {stays} रहते हैं ।
city {place} एक बड़ा शहर है ।
today आज {person} {at} काम कर{ending} है ।
title {name} , {orgname}
"""),
    "ja": _lines("""
place <LOC {0} >
in <LOC {0} > で
stays <LOC {0} > に
from <LOC {0} > から
loved <LOC {0} > を
university <ORG {0} 大学 > | <ORG {0} 大学 > で
bank <ORG {0} 銀行 > | <ORG {0} 銀行 > で
museum <ORG {0} 博物館 > | <ORG {0} 博物館 > で
company <ORG {0} > | <ORG {0} > で
lives {person} は {stays} 住ん で い ます 。
works {person} は {at} 働き ます 。
comes {person} は {from} 来 ます 。
buys {org} は {in} 家 を 買い ます 。
loves {person} は {loved} 愛し ます 。
both {person} と {other} は {in} 働き ます 。
teacher 先生 と {person} は {stays} 住ん で い ます 。
city {place} は 大きい 町 です 。
today 今日 {person} は {at} 働き ます 。
title {name} 、 {orgname}
"""),
    "ru": _lines("""
place <LOC {0} >
in в <LOC {3} >
stays в <LOC {3} >
from из <LOC {1} >
loved <LOC {2} >
university <ORG Университет {1} > | в <ORG Университете {1} >
bank <ORG Банк {1} > | в <ORG Банке {1} >
museum <ORG Музей {1} > | в <ORG Музее {1} >
company компания <ORG {0} > | в компании <ORG {0} >
lives {person} живёт {stays} .
works {person} работает {at} .
comes {person} приезжает {from} .
buys {org} покупает дом {in} .
loves {person} любит {loved} .
both {person} и {other} работают {in} .
teacher учитель и {person} живут {stays} .
city {place} — большой город .
today сегодня {person} работает {at} .
title {name} , {orgname}
"""),
    "tr": _lines("""
place <LOC {0} >
in <LOC {1} >
stays <LOC {1} >
from <LOC {2} >
loved <LOC {3} >
university <ORG {0} Üniversitesi > | <ORG {0} Üniversitesi'nde >
bank <ORG {0} Bankası > | <ORG {0} Bankası'nda >
museum <ORG {0} Müzesi > | <ORG {0} Müzesi'nde >
company <ORG {0} > | <ORG {1} >
lives {person} {stays} yaşıyor .
works {person} {at} çalışıyor .
comes {person} {from} geliyor .
buys {org} {in} bir ev alıyor .
loves {person} {loved} seviyor .
both {person} ve {other} {in} çalışıyor .
teacher öğretmen ve {person} {stays} yaşıyor .
city {place} büyük bir şehir .
today bugün {person} {at} çalışıyor .
title {name} , {orgname}
"""),
    "zh": _lines("""
place <LOC {0} >
in 在 <LOC {0} >
stays 在 <LOC {0} >
from 从 <LOC {0} >
loved <LOC {0} >
university <ORG {0} 大学 > | 在 <ORG {0} 大学 >
bank <ORG {0} 银行 > | 在 <ORG {0} 银行 >
museum <ORG {0} 博物馆 > | 在 <ORG {0} 博物馆 >
company <ORG {0} > | 在 <ORG {0} >
lives {person} 住 {stays} 。
works {person} {at} 工作 。
comes {person} {from} 来 。
buys {org} {in} 买 一 座 房子 。
loves {person} 爱 {loved} 。
both {person} 和 {other} {in} 工作 。
teacher 老师 和 {person} 住 {stays} 。
city {place} 是 一 座 大 城市 。
today 今天 {person} {at} 工作 。
title {name} ， {orgname}
"""),
}
