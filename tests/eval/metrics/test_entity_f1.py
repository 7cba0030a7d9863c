"""Entity F1 against a plain walk by seqeval 0.0.12's rules (conlleval's)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.metrics.chunk_f1 import f1
from xpareto.eval.metrics.entity_f1 import entity_counts

calm = settings(deadline=None)  # the machine may be busy

Sentences = list[list[str]]
_ENDS = {"BB", "BS", "BO", "IB", "IS", "IO"}
_BEGINS = {"EE", "EI", "SE", "SI", "OE", "OI"}


def slow_entities(tags: list[str]) -> set[tuple[str, int, int]]:
    """Walk the tags with two letters and two types at hand, as conlleval does."""
    found = set()
    letter, kind, begin = "O", "", 0
    for place, tag in enumerate([*tags, "O"]):
        next_letter, next_kind = tag[0], tag.split("-")[-1]
        changed = kind != next_kind
        if letter in "ES" or letter + next_letter in _ENDS or (letter != "O" and changed):
            found.add((kind, begin, place - 1))
        if next_letter in "BS" or letter + next_letter in _BEGINS or (next_letter != "O" and changed):
            begin = place
        letter, kind = next_letter, next_kind
    return found


def slow_f1(gold: Sentences, predicted: Sentences) -> float:
    """Return seqeval's micro F1 in percent: sentences joined by an O, sets compared."""
    wanted, ours = (
        {*slow_entities([tag for tags in side for tag in [*tags, "O"]])} for side in (gold, predicted)
    )
    precision = len(wanted & ours) / len(ours) if ours else 0.0
    recall = len(wanted & ours) / len(wanted) if wanted else 0.0
    return 100 * 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def score(gold: Sentences, predicted: Sentences) -> float:
    return float(f1(*entity_counts(gold, predicted).sum(axis=0)))


def pairs(tags: list[str]) -> st.SearchStrategy[list[list[tuple[str, str]]]]:
    one = st.sampled_from(tags)
    return st.lists(st.lists(st.tuples(one, one), max_size=8), max_size=5)


IOB = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
IOBES = ["O", "B-A", "I-A", "E-A", "S-A", "B-x-A", "I-B", "S-B", "E-O"]


def sides(found: list[list[tuple[str, str]]]) -> tuple[Sentences, Sentences]:
    return [[one for one, _ in sentence] for sentence in found], [
        [two for _, two in sentence] for sentence in found
    ]


@calm
@given(st.one_of(pairs(IOB), pairs(IOB[:4]), pairs(IOBES)))
def test_counts_and_f1_equal_those_of_the_walk(found: list[list[tuple[str, str]]]) -> None:
    gold, predicted = sides(found)
    expected = []
    for one, other in zip(gold, predicted, strict=True):
        wanted, ours = slow_entities(one), slow_entities(other)
        expected.append([len(wanted & ours), len(ours), len(wanted)])
    assert entity_counts(gold, predicted).tolist() == expected
    assert score(gold, predicted) == pytest.approx(slow_f1(gold, predicted), abs=1e-9)


@calm
@given(pairs(IOB))
def test_f1_is_a_percentage_and_100_only_for_equal_entities(found: list[list[tuple[str, str]]]) -> None:
    gold, predicted = sides(found)
    counts = entity_counts(gold, predicted)
    assert 0 <= score(gold, predicted) <= 100
    assert (counts[:, 0] <= counts[:, 1:].min(axis=1)).all()
    same = all(slow_entities(one) == slow_entities(other) for one, other in zip(gold, predicted, strict=True))
    assert (score(gold, predicted) == 100) == (same and counts.sum() > 0)
    assert entity_counts(gold, gold)[:, 0].tolist() == counts[:, 2].tolist()


@calm
@given(pairs(IOB), st.randoms())
def test_the_order_of_sentences_does_not_matter_and_counts_add_up(
    found: list[list[tuple[str, str]]], random: object
) -> None:
    gold, predicted = sides(found)
    whole = entity_counts(gold, predicted)
    order = list(range(len(found)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = entity_counts([gold[i] for i in order], [predicted[i] for i in order])
    assert shuffled.tolist() == whole[order].tolist()
    half = len(found) // 2
    parts = [entity_counts(gold[:half], predicted[:half]), entity_counts(gold[half:], predicted[half:])]
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_an_i_without_its_b_begins_an_entity() -> None:
    assert entity_counts([["O", "B-PER", "I-PER"]], [["O", "I-PER", "I-PER"]]).tolist() == [[1, 1, 1]]
    assert entity_counts([["B-PER", "B-LOC"]], [["B-PER", "I-LOC"]]).tolist() == [[2, 2, 2]]


def test_two_entities_of_one_type_side_by_side_stay_two() -> None:
    assert entity_counts([["B-PER", "B-PER"]], [["B-PER", "I-PER"]]).tolist() == [[0, 1, 2]]


def test_empty_and_all_outside_sentences_count_nothing_and_score_zero() -> None:
    counts = entity_counts([[], ["O", "O"]], [[], ["O", "O"]])
    assert counts.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert float(f1(*counts.sum(axis=0))) == 0.0
    assert entity_counts([], []).shape == (0, 3)


def test_an_entity_ends_with_its_sentence() -> None:
    assert entity_counts([["B-PER"], ["I-PER"]], [["B-PER"], ["I-PER"]]).tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize("tag", ["NOUN", "", "B-", "B", "X-PER", "b-PER", "-PER"])
def test_what_is_no_iob_tag_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="IOB"):
        entity_counts([["O"]], [[tag]])


def test_sentences_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        entity_counts([["O", "O"]], [["O"]])
