"""From a meaning to the words and the running text of one language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xpareto.eval.synthetic.languages import (
    Clause,
    Sentence,
    Thing,
    Word,
    chinese,
    english,
    german,
    greek,
    hindi,
    russian,
)


@dataclass(frozen=True)
class Language:
    """How one language says a clause and its noun phrases, links two clauses and writes them down."""

    say: Callable[[Clause, bool], list[Word]]
    phrase: Callable[[Thing, bool], list[Word]]
    links: Mapping[str, Sequence[Word]]
    places: Mapping[str, list[Word]]
    stop: str = "."
    comma: str = ","
    space: str = " "


LANGUAGES: dict[str, Language] = {
    "de": Language(german.say, german.phrase, german.LINKS, german.PLACES),
    "el": Language(greek.say, greek.phrase, greek.LINKS, greek.PLACES),
    "en": Language(english.say, english.phrase, english.LINKS, english.PLACES),
    "hi": Language(hindi.say, hindi.phrase, hindi.LINKS, hindi.PLACES, stop="।"),
    "ru": Language(russian.say, russian.phrase, russian.LINKS, russian.PLACES),
    "zh": Language(
        chinese.say, chinese.phrase, chinese.LINKS, chinese.PLACES, stop="。", comma="，", space=""
    ),
}


def words(sentence: Sentence, code: str) -> list[Word]:
    """Return the tagged words of a sentence in one language, the first one capitalised."""
    language = LANGUAGES[code]
    out = language.say(sentence.first, False)
    if sentence.link and sentence.second:
        out = [*out, Word(language.comma, "PUNCT"), *language.links[sentence.link]]
        out += language.say(sentence.second, sentence.link == "because")
    out.append(Word(language.stop, "PUNCT"))
    return capitalised(out)


def capitalised(tagged: Sequence[Word]) -> list[Word]:
    """Return the words, the first with a capital initial.

    >>> capitalised([Word("wer", "PRON"), Word("singt", "VERB")])
    [Word(text='Wer', tag='PRON'), Word(text='singt', tag='VERB')]
    """
    first = tagged[0]
    return [Word(first.text[0].upper() + first.text[1:], first.tag), *tagged[1:]]


def text(tagged: Sequence[Word], code: str) -> str:
    """Return running text: no space before punctuation, and none at all in Chinese.

    >>> text([Word("Wasser", "NOUN"), Word(".", "PUNCT")], "de")
    'Wasser.'
    """
    return located(tagged, code)[0]


def located(tagged: Sequence[Word], code: str) -> tuple[str, list[int]]:
    """Return running text and the character at which each word begins.

    >>> located([Word("Wer", "PRON"), Word("singt", "VERB"), Word("?", "PUNCT")], "de")
    ('Wer singt?', [0, 4, 9])
    """
    space = LANGUAGES[code].space
    out, starts = "", []
    for word, tag in tagged:
        if out and tag != "PUNCT":
            out += space
        starts.append(len(out))
        out += word
    return out, starts


def spaced(tagged: Sequence[Word]) -> str:
    """Return the words with a space between any two, in all languages, as treebanks give them to taggers.

    >>> spaced([Word("Wasser", "NOUN"), Word(".", "PUNCT")])
    'Wasser .'
    """
    return " ".join(word.text for word in tagged)
