"""Micro and macro F1 of several labels against their definitions, and scikit-learn where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.metrics.label_f1 import macro_f1, micro_f1

SETS = st.lists(st.tuples(*[st.lists(st.booleans(), min_size=3, max_size=3)] * 2), min_size=1, max_size=12)


def counts(pairs: list[tuple[list[bool], list[bool]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    gold, found = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    return (gold & found).sum(0), found.sum(0), gold.sum(0)


def f1(hits: float, predicted: float, gold: float) -> float:
    precision, recall = hits / max(predicted, 1), hits / max(gold, 1)
    return 100 * 2 * precision * recall / (precision + recall) if hits else 0.0


@given(SETS)
def test_both_are_what_their_definitions_say(pairs: list[tuple[list[bool], list[bool]]]) -> None:
    by_label = counts(pairs)
    assert float(micro_f1(*by_label)) == pytest.approx(f1(*(float(side.sum()) for side in by_label)))
    each = [f1(*map(float, label)) for label in zip(*by_label, strict=True)]
    assert float(macro_f1(*by_label)) == pytest.approx(np.mean(each))
    stacked = [np.stack([side, side]) for side in by_label]
    assert micro_f1(*stacked).shape == macro_f1(*stacked).shape == (2,)


GOLD = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]], bool)
FOUND = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)


def test_both_are_what_scikit_learn_prints() -> None:
    """f1_score(GOLD, FOUND, average=..., zero_division=0) of scikit-learn 1.9."""
    by_label = counts([*zip(GOLD.tolist(), FOUND.tolist(), strict=True)])
    assert float(micro_f1(*by_label)) == pytest.approx(100 * 0.6666666666666666)
    assert float(macro_f1(*by_label)) == pytest.approx(100 * 0.3666666666666667)


@given(SETS)
def test_both_are_those_of_scikit_learn(pairs: list[tuple[list[bool], list[bool]]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, found = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    for average, ours in (("micro", micro_f1), ("macro", macro_f1)):
        theirs = metrics.f1_score(gold, found, average=average, zero_division=0)
        assert float(ours(*counts(pairs))) == pytest.approx(100 * theirs)
