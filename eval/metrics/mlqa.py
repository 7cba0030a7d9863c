"""Exact match and token F1 as MLQA's mlqa_evaluation_v1.py gives them (Lewis et al. 2020).

Its rules depend on the language of the answer: Unicode punctuation is removed, then the articles of
that language, and Chinese is cut into characters. Quirks are kept, since they are in every published
score: in Arabic the two letters of the article are replaced by a space wherever they stand, also
inside a word; only U+4E00 to U+9FA5 count as Chinese characters.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache

from xpareto.eval.metrics.squad import best_overlap

LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")

ARTICLES = {
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
}
_ARABIC_ARTICLE = re.compile("\u0627\u0644")
_CHINESE = re.compile("([\u4e00-\u9fa5])")


@cache
def without_punctuation() -> dict[int, None]:
    """Return the table with which str.translate removes punctuation: Unicode's P* and ASCII's symbols."""
    # the published script looks at range(sys.maxunicode); the code point it leaves out is no punctuation
    unicode = (code for code in range(sys.maxunicode) if unicodedata.category(chr(code)).startswith("P"))
    return dict.fromkeys([*unicode, *map(ord, string.punctuation)])


def normalize(text: str, language: str) -> str:
    """Return the text in lower case without punctuation and articles, its tokens separated by one space.

    ValueError for a language that MLQA does not have.

    >>> normalize("Die Straße!", "de"), normalize("1号楼", "zh")
    ('straße', '1 号 楼')
    """
    if language not in LANGUAGES:
        raise ValueError(f'MLQA has no rule for "{language}", only for {", ".join(LANGUAGES)}')
    bare = text.lower().translate(without_punctuation())
    if language in ARTICLES:
        bare = ARTICLES[language].sub(" ", bare)
    elif language == "ar":
        bare = _ARABIC_ARTICLE.sub(" ", bare)
    elif language == "zh":
        bare = _CHINESE.sub(r" \1 ", bare)
    return " ".join(bare.split())


def exact_match(prediction: str, golds: Sequence[str], language: str) -> bool:
    """Return whether the normalised prediction equals one of the normalised answers.

    ValueError without any reference answer, or for a language that MLQA does not have.

    >>> exact_match("el Rin", ["Rin"], "es")
    True
    """
    if not golds:
        raise ValueError("no reference answer to compare with")
    wanted = normalize(prediction, language)
    return any(normalize(gold, language) == wanted for gold in golds)


def token_f1(prediction: str, golds: Sequence[str], language: str) -> float:
    """Return the best F1, in 0..1, of the tokens of the prediction and those of one of the answers.

    0 where no token is shared, so also where both are empty. ValueError as for `exact_match`.

    >>> token_f1("电池", ["电动"], "zh")
    0.5
    """
    return best_overlap(prediction, golds, lambda text: normalize(text, language).split())
