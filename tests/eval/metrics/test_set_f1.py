from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.metrics.chunk_f1 import f1
from xpareto.eval.metrics.set_f1 import set_counts

calm = settings(deadline=None)  # the machine may be busy

PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), max_size=10)
Pairs = list[tuple[str, str]]


def slow_f1(gold: Pairs, predicted: Pairs) -> float:
    """Return XTREME's bucc_f1: loops over lists without repeats."""
    wanted: Pairs = []
    ours: Pairs = []
    for side, kept in ((gold, wanted), (predicted, ours)):
        for pair in side:
            if pair not in kept:
                kept.append(pair)
    correct = sum(pair in wanted for pair in ours)
    if not correct:
        return 0.0
    precision, recall = correct / len(ours), correct / len(wanted)
    return 100 * 2 * precision * recall / (precision + recall)


@calm
@given(PAIRS, PAIRS)
def test_f1_of_the_counts_equals_the_loop(gold: Pairs, predicted: Pairs) -> None:
    assert f1(*set_counts(gold, predicted)) == pytest.approx(slow_f1(gold, predicted), abs=1e-9)


@calm
@given(PAIRS, PAIRS)
def test_order_and_repeats_do_not_matter_and_sides_swap(gold: Pairs, predicted: Pairs) -> None:
    matching, ours, wanted = set_counts(gold, predicted)
    assert set_counts(gold[::-1] + gold, predicted * 2) == (matching, ours, wanted)
    assert set_counts(predicted, gold) == (matching, wanted, ours)
    assert 0 <= matching <= min(ours, wanted)


@calm
@given(PAIRS)
def test_the_gold_itself_scores_100(gold: Pairs) -> None:
    assert f1(*set_counts(gold, gold)) == (100 if gold else 0)


def test_nothing_found_scores_zero() -> None:
    assert f1(*set_counts([("a", "w")], [])) == 0
