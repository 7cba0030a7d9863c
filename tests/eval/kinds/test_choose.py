"""Choosing an option: the largest of a question's scores, and accuracy over questions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.encoding.text import Encoded
from xpareto.eval.tasks import KINDS, Choice, Example, Task

CHOOSE = KINDS.load("choose")
TASK = Task("some", "choose", "classification", ("en",), "hellaswag", ("accuracy",))
SCORES = st.lists(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=5), max_size=6)


def scored(gold: list[int | None], predictions: list[int]) -> dict[str, float]:
    examples: list[Example] = [Choice("", "q", ("a", "b", "c"), index) for index in gold]
    return dict(CHOOSE.score(examples, predictions, TASK).metrics)


@given(SCORES)
def test_the_answer_is_the_best_of_a_question_s_own_options(questions: list[list[float]]) -> None:
    flat = [np.array([score], dtype=np.float32) for scores in questions for score in scores]
    owners = [owner for owner, scores in enumerate(questions) for _ in scores]
    encoded = Encoded([[0]] * len(flat), len(questions), owners=owners)
    expected = [scores.index(max(scores)) for scores in questions]
    assert CHOOSE.predict(encoded, flat) == expected


def test_accuracy_counts_questions_and_not_options() -> None:
    assert scored([0, 2, 1], [0, 2, 2]) == {"accuracy": pytest.approx(200 / 3)}
    assert scored([], []) == {"accuracy": 0.0}


def test_a_withheld_answer_cannot_be_scored() -> None:
    with pytest.raises(InputError, match="withheld"):
        scored([0, None], [0, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_broken_model_gets_an_error_and_no_answer(value: float) -> None:
    with pytest.raises(ArithmeticError, match="not finite"):
        CHOOSE.reduce(np.array([[0.0], [value]], np.float32), np.array([3, 3]))


def test_reduced_scores_do_not_keep_the_batch_alive() -> None:
    output = np.zeros((2, 1), np.float32)
    assert all(not np.shares_memory(row, output) for row in CHOOSE.reduce(output, np.array([3, 2])))


def test_the_order_of_an_artifact_s_labels_does_not_matter() -> None:
    examples: list[Example] = [Choice("", "q", ("a", "b"), 1)]
    other = replace(TASK, labels=("score",))
    assert CHOOSE.score(examples, [1], other).metrics == {"accuracy": 100.0}
