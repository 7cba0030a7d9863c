from __future__ import annotations

from typing import Any

import pytest

from xpareto.compress.core.sources import checked_on, parse_source, title, unknown_source
from xpareto.compress.core.step import DataNeed

KNOWN = ["mnli", "squad_v1", "each", "encoder"]


def test_a_name_says_what_is_read() -> None:
    assert parse_source("mnli").reads() == (DataNeed("training", "mnli"),)
    assert parse_source("tlm:parallel").reads() == (DataNeed("text", "parallel"),)
    # the dev split is English, so English data count, too
    assert parse_source("mnli@de").reads() == (DataNeed("training", "mnli@de"), DataNeed("training", "mnli"))
    assert [need.name for need in parse_source("mnli", ["fr", "en"]).reads()] == ["mnli@fr", "mnli"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnil", 'unknown training set "mnil". Did you mean "mnli"?'),
        ("mnil@de", 'unknown training set "mnil". Did you mean "mnli"?'),
        ("mnli@ed", 'unknown language "ed" of mnli'),
        ("mnli@", 'unknown language "" of mnli'),
        ("each@de", "has no languages"),
        ("mml:parallel", 'unknown use of text "mml:". Did you mean "mlm"?'),
        ("mlm:", "names no text. Write mlm:TEXT"),
    ],
)
def test_a_wrong_name_is_told_with_a_near_miss(name: str, words: str) -> None:
    assert words in str(unknown_source(name, KNOWN, {"de", "en", "fr"}))


@pytest.mark.parametrize("name", ["mnli", "mnli@de", "mlm:anything", "tlm:parallel", "each", "encoder"])
def test_a_good_name_has_nothing_wrong(name: str) -> None:
    assert unknown_source(name, KNOWN, {"de", "en"}) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "expected a training set or a list"),
        ([], "expected a training set or a list"),
        (["mnli", 3], "expected a training set or a list"),
        (["mnli", "each"], "each cannot be part of a list"),
        (["mnli", "mnli"], "mnli stands twice"),
    ],
)
def test_the_shape_of_on_is_checked(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked_on(value)


def test_a_title_is_one_word() -> None:
    assert title(["mnli", "tlm:parallel"]) == "mnli+tlm:parallel"
    assert title("mnli@de") == "mnli@de"
