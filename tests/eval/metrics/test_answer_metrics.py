"""SQuAD's, MLQA's and the language-aware scores of answers against scripts written out plainly."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.metrics import language_aware_f1, mlqa, squad

calm = settings(deadline=None)  # the machine may be busy

ENGLISH = {"a", "an", "the"}
ARTICLES = {
    "en": ENGLISH,
    "es": {"un", "una", "unos", "unas", "el", "la", "los", "las"},
    "vi": {"của", "là", "cái", "chiếc", "những"},
    "de": {"ein", "eine", "einen", "einem", "eines", "einer", "der", "die", "das", "den", "dem", "des"},
}


# -- the twins ------------------------------------------------------------------------------


def without_articles(text: str, articles: set[str]) -> str:
    """Replace every whole run of word characters that is an article by a space."""
    out, run = "", ""
    for character in [*text, ""]:
        if character and (character.isalnum() or character == "_"):
            run += character
        else:
            out += (" " if run in articles else run) + character
            run = ""
    return out


def slow_squad(text: str) -> list[str]:
    kept = "".join(character for character in text.lower() if character not in string.punctuation)
    return without_articles(kept, ENGLISH).split()


def is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character)[0] == "P"


def slow_mlqa(text: str, language: str) -> list[str]:
    kept = "".join(character for character in text.lower() if not is_punctuation(character))
    if language in ARTICLES:
        kept = without_articles(kept, ARTICLES[language])
    if language == "ar":
        kept = kept.replace("\u0627\u0644", " ")
    if language != "zh":
        return kept.split()
    segments, pending = [], ""
    for character in kept:
        if "\u4e00" <= character <= "\u9fa5":
            segments += [*pending.split(), character]
            pending = ""
        else:
            pending += character
    return segments + pending.split()


def slow_f1(found: list[str], wanted: list[str]) -> float:
    left = list(wanted)
    same = 0
    for token in found:
        if token in left:
            left.remove(token)
            same += 1
    if not same:
        return 0.0
    precision, recall = same / len(found), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


# -- fuzzing --------------------------------------------------------------------------------

PIECES = [
    *[
        "aATnthe",
        "THE",
        "the_",
        "an",
        "der",
        "Das",
        "las",
        "là",
        "CỦA",
        "ein",
        "1",
        "50%",
        "$5",
        "½",
        "İ",
        "ǅ",
        "ß",
    ],
    *[
        "\u0627\u0644",
        "\u0643\u062a\u0627\u0628",
        "\u0627\u0644\u0643\u062a\u0627\u0628",
        "\u061f",
        "।",
        "हिन्दी",
    ],
    *["电", "池", "\u9fa6", "\u3400", "，", "「", "東京", "カタカナ", "กรุง", "เทพ", "ก็", "၁"],
    *[
        " ",
        "  ",
        "\t",
        "\u00a0",
        "\u3000",
        "\u200b",
        "-",
        "—",
        "’",
        "l’a",
        "_",
        ".",
        "`",
        "\u0301",
        "e\u0301",
        "１",
    ],
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=7).map("".join) | st.text(max_size=6)
LANGUAGES = st.sampled_from(mlqa.LANGUAGES)
GOLDS = st.lists(TEXTS, min_size=1, max_size=3)
AWARE = st.sampled_from(("en", "de", "ar", "zh", "ja", "th", "my", "ko"))


@calm
@given(TEXTS, GOLDS)
def test_squad_equals_its_twin(prediction: str, golds: list[str]) -> None:
    found = slow_squad(prediction)
    assert squad.exact_match(prediction, golds) == any(
        " ".join(slow_squad(gold)) == " ".join(found) for gold in golds
    )
    assert squad.token_f1(prediction, golds) == max(slow_f1(found, slow_squad(gold)) for gold in golds)


@calm
@given(TEXTS, GOLDS, LANGUAGES)
def test_mlqa_equals_its_twin(prediction: str, golds: list[str], language: str) -> None:
    found = slow_mlqa(prediction, language)
    assert mlqa.normalize(prediction, language) == " ".join(found)
    wanted = [slow_mlqa(gold, language) for gold in golds]
    assert mlqa.exact_match(prediction, golds, language) == (found in wanted)
    assert mlqa.token_f1(prediction, golds, language) == max(slow_f1(found, gold) for gold in wanted)


RANGES = "0e00-0fff 1000-109f a9e0-a9ff aa60-aa7f 1780-17ff 3005-3007 3041-30ff 31f0-31ff 3400-4dbf 4e00-9fff f900-faff"


def stands_alone(character: str) -> bool:
    ends = [[int(end, 16) for end in span.split("-")] for span in [*RANGES.split(), "20000-3ffff"]]
    return any(first <= ord(character) <= last for first, last in ends)


def slow_aware(text: str, language: str) -> list[str]:
    kept = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(character for character in kept if not is_punctuation(character))
    if language in ARTICLES:
        kept = without_articles(kept, ARTICLES[language])
    words = kept.split()
    if language == "ar":
        words = [word[2:] if word.startswith("\u0627\u0644") and len(word) > 2 else word for word in words]
    if language in {"zh", "ja", "th", "my"}:
        found = []
        for word in words:
            bases = [
                i for i, character in enumerate(word) if i == 0 or unicodedata.category(character)[0] != "M"
            ]
            clusters = [word[i:j] for i, j in zip(bases, [*bases[1:], len(word)], strict=True)]
            joined = ""
            for cluster in clusters:
                if stands_alone(cluster[0]):
                    found += [joined, cluster]
                    joined = ""
                else:
                    joined += cluster
            found.append(joined)
        words = [token for token in found if token]
    return words or text.split()


@calm
@given(TEXTS, AWARE)
def test_language_aware_tokens_equal_their_twin(text: str, language: str) -> None:
    assert language_aware_f1.tokens(text, language) == slow_aware(text, language)


@calm
@given(TEXTS, GOLDS, AWARE)
def test_language_aware_f1_is_that_of_its_tokens(prediction: str, golds: list[str], language: str) -> None:
    found = slow_aware(prediction, language)
    expected = max(slow_f1(found, slow_aware(gold, language)) for gold in golds)
    assert language_aware_f1.token_f1(prediction, golds, language) == expected


def scores(language: str) -> list[Callable[[str, list[str]], float]]:
    return [
        lambda text, golds: float(squad.exact_match(text, golds)),
        squad.token_f1,
        lambda text, golds: float(mlqa.exact_match(text, golds, language)),
        lambda text, golds: mlqa.token_f1(text, golds, language),
        lambda text, golds: language_aware_f1.token_f1(text, golds, language),
    ]


@calm
@given(TEXTS, GOLDS, LANGUAGES, st.permutations(range(3)))
def test_every_score_is_a_share_and_the_order_of_answers_does_not_matter(
    prediction: str, golds: list[str], language: str, order: list[int]
) -> None:
    shuffled = [golds[i] for i in order if i < len(golds)]
    for score in scores(language):
        assert 0 <= score(prediction, golds) <= 1
        assert score(prediction, golds) == score(prediction, shuffled)
        assert score(prediction, [*golds, prediction]) >= score(prediction, golds)


@calm
@given(TEXTS, GOLDS, LANGUAGES)
def test_an_exact_match_with_a_token_has_f1_1(prediction: str, golds: list[str], language: str) -> None:
    if squad.exact_match(prediction, golds) and slow_squad(prediction):
        assert squad.token_f1(prediction, golds) == 1
    if mlqa.exact_match(prediction, golds, language) and slow_mlqa(prediction, language):
        assert mlqa.token_f1(prediction, golds, language) == 1


@calm
@given(TEXTS, AWARE)
def test_a_right_answer_that_is_not_blank_scores_1_in_its_own_language(text: str, language: str) -> None:
    if text.strip():
        assert language_aware_f1.token_f1(text, [text], language) == 1


# -- the quirks, one by one -----------------------------------------------------------------


def test_squad_scores_an_answer_of_articles_alone_as_match_without_f1() -> None:
    assert squad.exact_match("the", ["a"]) and squad.token_f1("the", ["a"]) == 0


def test_squad_reads_chinese_and_thai_as_one_token() -> None:
    assert squad.token_f1("电化电池", ["电池"]) == 0
    assert mlqa.token_f1("电化电池", ["电池"], "zh") == pytest.approx(2 / 3)
    assert language_aware_f1.token_f1("电化电池", ["电池"], "zh") == pytest.approx(2 / 3)
    assert language_aware_f1.token_f1("กรุงเทพ", ["กรุง"], "th") > 0.5


def test_squad_keeps_unicode_punctuation_and_mlqa_removes_it() -> None:
    assert not squad.exact_match("«Rhine»", ["Rhine"])
    assert mlqa.exact_match("«Rhine»", ["Rhine"], "en")


def test_mlqa_deletes_the_arabic_article_inside_a_word_too() -> None:
    inside = "\u0628\u0627\u0644\u0628"
    assert mlqa.normalize(inside, "ar") == "\u0628 \u0628"
    assert language_aware_f1.tokens(inside, "ar") == [inside]


def test_mlqa_does_not_cut_han_characters_beyond_9fa5() -> None:
    assert mlqa.normalize("\u9fa5\u9fa6\u9fa6", "zh") == "\u9fa5 \u9fa6\u9fa6"


def test_articles_are_those_of_the_language() -> None:
    assert mlqa.exact_match("die Katze", ["Katze"], "de")
    assert not mlqa.exact_match("die Katze", ["Katze"], "en")
    assert not mlqa.exact_match("die Katze", ["Katze"], "hi")


def test_a_number_in_chinese_text_is_one_token() -> None:
    assert language_aware_f1.tokens("1990年NATO", "zh") == ["1990", "年", "nato"]


def test_a_thai_letter_keeps_its_marks() -> None:
    assert language_aware_f1.tokens("ที่", "th") == ["ที่"]


@pytest.mark.parametrize("language", ["fr", "", "EN"])
def test_mlqa_refuses_a_language_it_has_no_rules_for(language: str) -> None:
    with pytest.raises(ValueError, match="no rule"):
        mlqa.token_f1("a", ["a"], language)


def test_without_a_reference_answer_there_is_no_score() -> None:
    for score in scores("en"):
        with pytest.raises(ValueError, match="no reference"):
            score("a", [])
