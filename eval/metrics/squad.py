"""Exact match and token F1 as SQuAD's evaluate-v1.1.py gives them, also for XQuAD and TyDiQA in XTREME.

English rules for every language: ASCII punctuation and English articles are removed, tokens are what
white space separates. In Chinese or Thai an answer is then one token, and F1 is nearly exact match;
`eval.metrics.language_aware_f1` is the score beside the official one.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalize(text: str) -> str:
    """Return the text in lower case without ASCII punctuation, English articles and extra space.

    >>> normalize("The  U.S. (a country)")
    'us country'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str]) -> bool:
    """Return whether the normalised prediction equals one of the normalised answers.

    ValueError without any reference answer.

    >>> exact_match("the Rhine.", ["Danube", "Rhine"])
    True
    """
    if not golds:
        raise ValueError("no reference answer to compare with")
    wanted = normalize(prediction)
    return any(normalize(gold) == wanted for gold in golds)


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """Return the best F1, in 0..1, of the tokens of the prediction and those of one of the answers.

    0 where no token is shared, so also where both are empty. ValueError without any answer.

    >>> token_f1("the green house", ["house", "red barn"])
    0.6666666666666666
    """
    return best_overlap(prediction, golds, lambda text: normalize(text).split())


def best_overlap(prediction: str, golds: Sequence[str], tokens: Callable[[str], list[str]]) -> float:
    """Return the best F1, in 0..1, of two multisets of tokens over all answers; ValueError without any."""
    if not golds:
        raise ValueError("no reference answer to compare with")
    predicted = tokens(prediction)
    return max(_overlap(predicted, tokens(gold)) for gold in golds)


def _overlap(predicted: list[str], wanted: list[str]) -> float:
    common = sum((Counter(predicted) & Counter(wanted)).values())
    if not common:
        return 0.0
    precision, recall = common / len(predicted), common / len(wanted)
    return 2 * precision * recall / (precision + recall)
