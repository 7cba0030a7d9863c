"""How each language speaks of named entities: one line per role of a name, one per kind of fact.

`<LOC`, `<ORG` and `<PER` open an entity and `>` closes it. {0} to {4} are the columns of the language's
table of cities or companies (eval.synthetic.languages.names); institutions are given as subject | with `at`, and in
English as `seated-` once more for those whose name begins with the city.
Roles of a city: place (subject), in, from, loved.
"""

from __future__ import annotations


def _lines(text: str) -> dict[str, str]:
    """Return what follows the first word, by the first word of each line."""
    rows = (line.partition(" ") for line in text.strip().splitlines())
    return {name: rest for name, _, rest in rows}


PHRASES = {
    "de": _lines("""
place <LOC {0} >
in in <LOC {0} >
from aus <LOC {0} >
loved <LOC {0} >
university die <ORG Universität {0} > | an der <ORG Universität {0} >
bank die <ORG Bank {0} > | bei der <ORG Bank {0} >
museum das <ORG Museum {0} > | im <ORG Museum {0} >
company <ORG {0} > | bei <ORG {0} >
lives {person} wohnt {in} .
works {person} arbeitet {at} .
comes {person} kommt {from} .
buys {org} kauft ein Haus {in} .
loves {person} liebt {loved} .
both {person} und {other} arbeiten {in} .
teacher der Lehrer und {person} wohnen {in} .
city {place} ist eine große Stadt .
today heute arbeitet {person} {at} .
title {name} , {orgname}
"""),
    "el": _lines("""
place {0} <LOC {1} >
in σ{3} <LOC {4} >
from από {3} <LOC {4} >
loved {3} <LOC {4} >
university το <ORG Πανεπιστήμιο {2} > | στο <ORG Πανεπιστήμιο {2} >
bank η <ORG Τράπεζα {2} > | στην <ORG Τράπεζα {2} >
museum το <ORG Μουσείο {2} > | στο <ORG Μουσείο {2} >
company η <ORG {0} > | {1} <ORG {0} >
lives {person} μένει {in} .
works {person} δουλεύει {at} .
comes {person} έρχεται {from} .
buys {org} αγοράζει ένα σπίτι {in} .
loves {person} αγαπάει {loved} .
both {person} και {other} δουλεύουν {in} .
teacher ο δάσκαλος και {person} μένουν {in} .
city {place} είναι μια μεγάλη πόλη .
today σήμερα {person} δουλεύει {at} .
title {name} , {orgname}
"""),
    "en": _lines("""
place <LOC {0} >
in in <LOC {0} >
from from <LOC {0} >
loved <LOC {0} >
university the <ORG University of {0} > | at the <ORG University of {0} >
bank the <ORG Bank of {0} > | at the <ORG Bank of {0} >
museum the <ORG Museum of {0} > | at the <ORG Museum of {0} >
seated-university <ORG {0} University > | at <ORG {0} University >
seated-bank the <ORG {0} Bank > | at the <ORG {0} Bank >
seated-museum the <ORG {0} Museum > | at the <ORG {0} Museum >
company <ORG {0} > | at <ORG {0} >
lives {person} lives {in} .
works {person} works {at} .
comes {person} comes {from} .
buys {org} buys a house {in} .
loves {person} loves {loved} .
both {person} and {other} work {in} .
teacher the teacher and {person} live {in} .
city {place} is a big city .
today today {person} works {at} .
title {name} , {orgname}
"""),
    "hi": _lines("""
her ती
his ता
place <LOC {0} >
in <LOC {0} > में
from <LOC {0} > से
loved <LOC {0} > को
university <ORG {0} विश्वविद्यालय > | <ORG {0} विश्वविद्यालय > में
bank <ORG {0} बैंक > | <ORG {0} बैंक > में
museum <ORG {0} संग्रहालय > | <ORG {0} संग्रहालय > में
company <ORG {0} > | <ORG {0} > में
lives {person} {in} रह{ending} है ।
works {person} {at} काम कर{ending} है ।
comes {person} {from} आ{ending} है ।
buys {org} {in} एक घर ख़रीदता है ।
loves {person} {loved} चाह{ending} है ।
both {person} और {other} {in} काम करते हैं ।
teacher शिक्षक और {person} {in} रहते हैं ।
city {place} एक बड़ा शहर है ।
today आज {person} {at} काम कर{ending} है ।
title {name} , {orgname}
"""),
    "ru": _lines("""
place <LOC {0} >
in в <LOC {3} >
from из <LOC {1} >
loved <LOC {2} >
university <ORG Университет {1} > | в <ORG Университете {1} >
bank <ORG Банк {1} > | в <ORG Банке {1} >
museum <ORG Музей {1} > | в <ORG Музее {1} >
company компания <ORG {0} > | в компании <ORG {0} >
lives {person} живёт {in} .
works {person} работает {at} .
comes {person} приезжает {from} .
buys {org} покупает дом {in} .
loves {person} любит {loved} .
both {person} и {other} работают {in} .
teacher учитель и {person} живут {in} .
city {place} — большой город .
today сегодня {person} работает {at} .
title {name} , {orgname}
"""),
    "zh": _lines("""
place <LOC {0} >
in 在 <LOC {0} >
from 从 <LOC {0} >
loved <LOC {0} >
university <ORG {0} 大学 > | 在 <ORG {0} 大学 >
bank <ORG {0} 银行 > | 在 <ORG {0} 银行 >
museum <ORG {0} 博物馆 > | 在 <ORG {0} 博物馆 >
company <ORG {0} > | 在 <ORG {0} >
lives {person} 住 {in} 。
works {person} {at} 工作 。
comes {person} {from} 来 。
buys {org} {in} 买 一 座 房子 。
loves {person} 爱 {loved} 。
both {person} 和 {other} {in} 工作 。
teacher 老师 和 {person} 住 {in} 。
city {place} 是 一 座 大 城市 。
today 今天 {person} {at} 工作 。
title {name} ， {orgname}
"""),
}
