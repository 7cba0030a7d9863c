"""What every kind's outcomes promise: percentages, 100 for the gold, additive rows in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.kinds._kind import Kind
from xpareto.eval.tasks import (
    KINDS,
    Answer,
    Choice,
    Example,
    Pair,
    Prediction,
    Question,
    Sentence,
    Tagged,
    Task,
    task,
)

calm = settings(deadline=None, max_examples=40)

Rows = list[tuple[Example, Prediction, Prediction]]  # example, prediction, the prediction that is the gold

LABELS = {name: st.sampled_from(task(name).labels) for name in ("xnli", "udpos", "panx")}
TEXTS = st.text("a 京ก\u0e35die\u0627\u0644x.", min_size=1, max_size=8).filter(
    lambda text: bool(text.strip())
)


def tagged(name: str) -> st.SearchStrategy[Any]:
    pairs = st.lists(st.tuples(LABELS[name], LABELS[name]), min_size=1, max_size=6)
    return pairs.map(
        lambda found: (
            Tagged(("w",) * len(found), tuple(gold for gold, _ in found)),
            tuple(other for _, other in found),
            tuple(gold for gold, _ in found),
        )
    )


def mined(found: tuple[str, str]) -> tuple[Example, Prediction, Prediction]:
    gold, kept = found
    return Sentence("de-1", "x", False, (gold,) if gold else ()), (kept, kept), (gold, gold)


IDS = st.sampled_from(("", "en-1", "en-2"))
DRAWN: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("xnli", "de"): st.tuples(LABELS["xnli"], LABELS["xnli"]).map(
        lambda found: (Pair("a", "b", found[0]), found[1], found[0])
    ),
    ("udpos", "de"): tagged("udpos"),
    ("panx", "de"): tagged("panx"),
    ("xquad", "zh"): st.tuples(TEXTS, TEXTS).map(
        lambda found: (Question("1", "?", "c", (Answer(found[0], 0),)), found[1], found[0])
    ),
    ("mlqa", "ar"): st.tuples(TEXTS, TEXTS).map(
        lambda found: (Question("1", "?", "c", (Answer(found[0], 0),)), found[1], found[0])
    ),
    ("bucc2018", "de"): st.tuples(IDS, IDS).map(mined),
}
CASES = sorted(DRAWN)


def fuzzed(name: str, language: str, check: Callable[[Task, Kind, Rows], None]) -> None:
    found = task(name)

    @calm
    @given(st.lists(DRAWN[name, language], min_size=1, max_size=8))
    def run(rows: Rows) -> None:
        check(found, KINDS.load(found.kind), rows)

    run()


def outcomes(kind: Kind, found: Task, language: str, rows: Rows, side: int = 1) -> np.ndarray:
    return kind.outcomes([row[0] for row in rows], [row[side] for row in rows], found, language)  # type: ignore[misc]


@pytest.mark.parametrize(("name", "language"), CASES)
def test_every_metric_is_a_percentage(name: str, language: str) -> None:
    def check(found: Task, kind: Kind, rows: Rows) -> None:
        metrics = kind.metrics(outcomes(kind, found, language, rows).sum(axis=0))
        assert set(found.metrics) <= set(metrics)
        assert all(0 <= float(value) <= 100 + 1e-9 for value in metrics.values())

    fuzzed(name, language, check)


@pytest.mark.parametrize(("name", "language"), CASES)
def test_outcomes_add_up_over_any_parts_in_any_order(name: str, language: str) -> None:
    def check(found: Task, kind: Kind, rows: Rows) -> None:
        whole = outcomes(kind, found, language, rows)
        assert whole.shape == (len(rows), len(kind.columns))
        alone = np.concatenate([outcomes(kind, found, language, [row]) for row in rows])
        assert alone.tolist() == whole.tolist()
        assert outcomes(kind, found, language, rows[::-1]).tolist() == whole[::-1].tolist()
        ours, theirs = kind.metrics(whole.sum(axis=0)), kind.metrics(alone[::-1].sum(axis=0))
        assert {key: float(ours[key]) for key in ours} == pytest.approx(
            {key: float(theirs[key]) for key in ours}
        )

    fuzzed(name, language, check)


@pytest.mark.parametrize(("name", "language"), CASES)
def test_the_gold_as_prediction_gets_all_there_is_to_get(name: str, language: str) -> None:
    def check(found: Task, kind: Kind, rows: Rows) -> None:
        metrics = kind.metrics(outcomes(kind, found, language, rows, side=2).sum(axis=0))
        ours = kind.metrics(outcomes(kind, found, language, rows).sum(axis=0))
        for key, value in metrics.items():
            assert float(value) >= float(ours[key]) - 1e-9
        nothing = (name == "panx" and all(tag == "O" for _, _, gold in rows for tag in gold)) or (  # type: ignore[union-attr]
            name == "bucc2018" and not any(gold[0] for _, _, gold in rows)  # type: ignore[index]
        )
        if name in ("xquad", "mlqa"):  # an answer of articles alone has no token, so its F1 is 0
            assert float(metrics["exact_match"]) == 100
            assert float(metrics["f1_language_aware"]) == pytest.approx(100)
        elif not nothing:
            assert float(metrics[found.metrics[0]]) == pytest.approx(100)

    fuzzed(name, language, check)


@calm
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_choices_are_scored_by_their_share_of_right_ones(rows: list[tuple[int, int]]) -> None:
    kind: Kind = KINDS.load("choose")
    examples = [Choice("c", "q", ("a", "b", "c", "d"), gold) for gold, _ in rows]
    counts = kind.outcomes(examples, [found for _, found in rows], task("xnli"), "")
    right = sum(1 for gold, found in rows if gold == found)
    assert float(kind.metrics(counts.sum(axis=0))["accuracy"]) == pytest.approx(100 * right / len(rows))
