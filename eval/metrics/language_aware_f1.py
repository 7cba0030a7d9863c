"""Token F1 of answers by the rules of their own language: beside, never instead of, the official one.

SQuAD's official F1 takes what white space separates for tokens and removes English articles in every
language. Here text is in Unicode's compatibility form (NFKC) and lower case, all Unicode punctuation
is removed, then the articles of the language (MLQA's lists; the Arabic prefix only where a word begins
with it). Where a language writes no spaces between words, every character of its script is a token
with the marks that belong to it; runs of other characters (a year, a Latin name) stay one token.
A text of nothing but punctuation or articles is left as it is, so that a right answer always scores 1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from xpareto.eval.metrics.mlqa import ARTICLES, without_punctuation
from xpareto.eval.metrics.squad import best_overlap

UNSPACED = frozenset({"bo", "ja", "km", "lo", "my", "th", "yue", "zh"})
"""ISO 639 codes of languages that write no spaces between words."""

_SCRIPTS = (
    "\u0e00-\u0e7f"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
_UNSPACED_CHARACTER = re.compile(f"[{_SCRIPTS}]")
_ARABIC_ARTICLE = re.compile("(?<!\\S)\u0627\u0644(?=\\S)")


def tokens(text: str, language: str) -> list[str]:
    """Return the tokens of a text in one language.

    >>> tokens("The year 1990.", "en"), tokens("1990年、東京", "ja")
    (['year', '1990'], ['1990', '年', '東', '京'])
    """
    bare = unicodedata.normalize("NFKC", text).lower().translate(without_punctuation())
    if language in ARTICLES:
        bare = ARTICLES[language].sub(" ", bare)
    elif language == "ar":
        bare = _ARABIC_ARTICLE.sub("", bare)
    if language not in UNSPACED:
        return bare.split() or text.split()
    token_list: list[str] = []
    for word in bare.split():
        last_alone: bool | None = None  # is the token at the end of `token_list` a character of its own?
        for character in word:
            alone = _UNSPACED_CHARACTER.match(character) is not None
            mark = unicodedata.category(character).startswith("M")
            if last_alone is None or (not mark and (alone or last_alone)):
                token_list.append(character)
                last_alone = alone
            else:
                token_list[-1] += character
    return token_list or text.split()


def token_f1(prediction: str, golds: Sequence[str], language: str) -> float:
    """Return the best F1, in 0..1, of the tokens of the prediction and those of one of the answers.

    0 where no token is shared. ValueError without any reference answer.

    >>> token_f1("東京都", ["東京"], "ja")
    0.8
    """
    return best_overlap(prediction, golds, lambda text: tokens(text, language))
