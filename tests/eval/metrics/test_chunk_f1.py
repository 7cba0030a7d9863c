"""Chunk F1 against a plain reading of seqeval 0.0.12's rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.metrics.chunk_f1 import chunk_counts, f1
from xpareto.eval.tasks.udpos import LABELS


def slow_chunks(tags: list[str]) -> set[tuple[str, int, int]]:
    """Walk the tags one by one with the state machine of seqeval 0.0.12 (conlleval's rules)."""
    chunks = set()
    previous, previous_type, begin = "O", "", 0
    for place, tag in enumerate([*tags, "O"]):
        prefix, kind = tag[0], tag.split("-")[-1]
        changed = previous_type != kind
        ends = previous in "ES" or (previous in "BI" and prefix in "BSO")
        ends = ends or (previous not in "O." and changed)
        starts = prefix in "BS" or (previous in "ESO" and prefix in "EI")
        starts = starts or (prefix not in "O." and changed)
        if ends:
            chunks.add((previous_type, begin, place - 1))
        if starts:
            begin = place
        previous, previous_type = prefix, kind
    return chunks


def slow_counts(gold: list[str], predicted: list[str]) -> list[int]:
    ours, theirs = slow_chunks(predicted), slow_chunks(gold)
    return [len(ours & theirs), len(ours), len(theirs)]


TAG_PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), max_size=12)
FEW = st.sampled_from(("NOUN", "SCONJ", "SYM", "INTJ", "B", "E", "X"))
FEW_PAIRS = st.lists(st.tuples(FEW, FEW), max_size=12)


@given(st.lists(st.one_of(TAG_PAIRS, FEW_PAIRS), max_size=5))
def test_counts_equal_the_rules_applied_word_by_word(sentences: list[list[tuple[str, str]]]) -> None:
    gold = [[one for one, _ in pairs] for pairs in sentences]
    predicted = [[other for _, other in pairs] for pairs in sentences]
    expected = [slow_counts(one, other) for one, other in zip(gold, predicted, strict=True)]
    assert chunk_counts(gold, predicted).tolist() == expected


@given(st.lists(FEW_PAIRS, max_size=5))
def test_swapping_gold_and_prediction_swaps_their_counts(sentences: list[list[tuple[str, str]]]) -> None:
    gold = [[one for one, _ in pairs] for pairs in sentences]
    predicted = [[other for _, other in pairs] for pairs in sentences]
    assert chunk_counts(predicted, gold).tolist() == chunk_counts(gold, predicted)[:, [0, 2, 1]].tolist()


def test_equal_neighbours_merge_but_sconj_and_sym_never_do() -> None:
    assert chunk_counts(
        [["NOUN", "NOUN"], ["SCONJ", "SCONJ"]], [["NOUN", "NOUN"], ["SYM", "SYM"]]
    ).tolist() == [
        [1, 1, 1],
        [0, 2, 2],
    ]


def test_chunks_do_not_cross_sentences() -> None:
    assert chunk_counts([["NOUN"], ["NOUN"]], [["NOUN"], ["NOUN"]]).tolist() == [[1, 1, 1], [1, 1, 1]]


def test_cconj_for_sconj_is_an_error_unlike_in_seqeval_1() -> None:
    assert chunk_counts([["SCONJ"]], [["CCONJ"]]).tolist() == [[0, 1, 1]]


def test_sentences_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        chunk_counts([["NOUN", "VERB"]], [["NOUN"]])


def test_iob_tags_are_refused() -> None:
    with pytest.raises(ValueError, match="bare"):
        chunk_counts([["B-PER"]], [["O"]])


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_f1_is_the_harmonic_mean_of_precision_and_recall(matching: int, more: int, missed: int) -> None:
    predicted, gold = matching + more, matching + missed
    precision = matching / predicted if predicted else 0.0
    recall = matching / gold if gold else 0.0
    slow = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert f1(np.array(matching), np.array(predicted), np.array(gold)) == pytest.approx(100 * slow)
