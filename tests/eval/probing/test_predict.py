from __future__ import annotations

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.kinds.retrieve import KIND as RETRIEVE
from xpareto.eval.probing.predict import withheld
from xpareto.eval.tasks import Answer, Bitext, Choice, Example, Pair, Question, Sentence, Tagged, task

LABELLED: list[Example] = [
    Pair("a", "b", "0"),
    Tagged((), ()),
    Bitext("a", "b"),
    Question("1", "q", "c", (Answer("c", 0),)),
    Question("1", "q", "c", ()),
    Choice("c", "q", ("a", "b"), 0),
    Sentence("fr-1", "a", False, ()),
]
UNLABELLED: list[Example] = [
    Pair("a", "b", None),
    Tagged(("a",), None),
    Question("1", "q", "c", None),
    Choice("c", "q", ("a", "b"), None),
    Sentence("fr-1", "a", False, None),
]


def test_gold_that_is_empty_or_zero_is_still_gold() -> None:
    assert [withheld([example]) for example in LABELLED] == [""] * len(LABELLED)


@pytest.mark.parametrize("example", UNLABELLED, ids=lambda example: type(example).__name__)
def test_one_example_without_gold_withholds_the_score(example: Example) -> None:
    assert withheld([*LABELLED, example]) == "gold labels withheld"


def test_sorted_english_sentences_withhold_the_gold_and_say_where_it_is() -> None:
    assert withheld([Bitext("a", "b", aligned=False)]).startswith("gold labels withheld: the English")
    with pytest.raises(InputError, match="sorted"):
        RETRIEVE.outcomes([Bitext("a", "b", aligned=False)], [0], task("tatoeba"), "de")
