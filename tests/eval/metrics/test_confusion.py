"""Macro F1 and Matthews' correlation against their definitions, and as scores: additive, paired, in flips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.kinds.classify import KIND
from xpareto.eval.statistics.bootstrap import generator
from xpareto.eval.statistics.prediction_flips import flips
from xpareto.eval.statistics.score_draws import task_scores
from xpareto.eval.tasks import Prediction, Task, Text

LABELS = ("a", "b", "c")
MINE = Task(
    "mine",
    "classify",
    "classification",
    ("de", "en"),
    "mine",
    ("macro_f1", "mcc", "accuracy"),
    LABELS,
    own=True,
)
ANSWERS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


def outcomes(pairs: list[tuple[str, str]], found: Task = MINE) -> np.ndarray:
    return KIND.outcomes([Text("t", gold) for gold, _ in pairs], [answer for _, answer in pairs], found, "de")


def defined(pairs: list[tuple[str, str]]) -> tuple[float, float]:
    """Return macro F1 and the correlation by their definitions: precision and recall, and covariances of indicators."""
    scores = []
    for label in sorted({label for pair in pairs for label in pair}):
        gold, answered = ([pair[side] == label for pair in pairs] for side in (0, 1))
        hit = sum(one and other for one, other in zip(gold, answered, strict=True))
        precision, recall = hit / max(sum(answered), 1), hit / max(sum(gold), 1)
        scores.append(2 * precision * recall / (precision + recall) if hit else 0.0)
    one, other = (
        np.array([[pair[side] == label for label in LABELS] for pair in pairs], float) for side in (0, 1)
    )

    def covariance(x: np.ndarray, y: np.ndarray) -> float:
        return float(((x - x.mean(0)) * (y - y.mean(0))).mean(0).sum())

    spread = covariance(one, one) * covariance(other, other)
    return 100 * float(np.mean(scores)), 100 * covariance(one, other) / spread**0.5 if spread > 1e-12 else 0.0


@given(ANSWERS)
def test_both_are_what_their_definitions_say(pairs: list[tuple[str, str]]) -> None:
    rows = outcomes(pairs)
    assert rows.shape == (len(pairs), len(KIND.columns_of(MINE))) and rows.dtype == np.int64
    found = KIND.metrics(rows.sum(axis=0))
    f1, correlation = defined(pairs)
    assert float(found["macro_f1"]) == pytest.approx(f1) and float(found["mcc"]) == pytest.approx(correlation)
    right = sum(gold == answer for gold, answer in pairs)
    assert float(found["accuracy"]) == pytest.approx(100 * right / len(pairs))
    recalls = rows.sum(axis=0)[2::3], rows.sum(axis=0)[4::3]
    assert [int(x) for x in recalls[1]] == [sum(gold == label for gold, _ in pairs) for label in LABELS]


@pytest.mark.parametrize(
    ("gold", "answers", "f1", "correlation"),
    [  # as scikit-learn's pages print them: f1_score(average="macro") and matthews_corrcoef
        ("abcabc", "acbaab", 26.6667, None),
        ("aaab", "abaa", None, -33.3333),
        ("abc", "abc", 100.0, 100.0),
        ("aab", "aaa", 40.0, 0.0),  # 0.8 and 0 over two classes; one class alone correlates with nothing
    ],
)
def test_both_are_what_scikit_learn_prints(
    gold: str, answers: str, f1: float | None, correlation: float | None
) -> None:
    found = KIND.metrics(outcomes([*zip(gold, answers, strict=True)]).sum(axis=0))
    for name, value in (("macro_f1", f1), ("mcc", correlation)):
        assert value is None or float(found[name]) == pytest.approx(value, abs=1e-3)


@given(ANSWERS)
def test_answers_that_need_no_look_have_learnt_nothing(pairs: list[tuple[str, str]]) -> None:
    examples = [Text("t", gold) for gold, _ in pairs]
    assert KIND.chance(examples, replace(MINE, metrics=("mcc",))) == 0
    assert 0 < KIND.chance(examples, MINE) <= 100


def test_accuracy_alone_keeps_the_two_columns_that_runs_have() -> None:
    plain = replace(MINE, metrics=("accuracy",))
    assert outcomes([("a", "b"), ("c", "c")], plain).tolist() == [[0, 1], [1, 1]]
    assert KIND.columns_of(plain) == KIND.columns
    beside = KIND.score(
        [Text("t", "a"), Text("t", "b")], ["a", "c"], replace(MINE, metrics=("accuracy", "mcc"))
    )
    assert beside.outcomes.tolist() == [[1, 1], [0, 1]] and set(beside.metrics) == {"accuracy", "mcc"}
    assert KIND.score([Text("t", "a")], ["a"], MINE).outcomes.shape == (1, 2 + 3 * len(LABELS))


@pytest.mark.parametrize("metric", ["macro_f1", "mcc"])
def test_draws_are_centred_on_the_score_and_as_wide_as_a_plain_bootstrap(metric: str) -> None:
    rng = np.random.default_rng(0)
    gold = rng.choice(3, 400, p=[0.6, 0.3, 0.1])
    models = [np.where(rng.random(400) < share, gold, rng.integers(0, 3, 400)) for share in (0.9, 0.8)]
    pairs = [[(LABELS[g], LABELS[m]) for g, m in zip(gold, model, strict=True)] for model in models]
    found = replace(MINE, metrics=(metric,))
    rows = np.stack([outcomes(of_model, found) for of_model in pairs])
    scores = task_scores(found, {"de": rows}, 0, 2000, normal_from=100)  # from influences, as reports do
    assert scores.points[:, 0] == pytest.approx(
        [float(KIND.metrics(one.sum(axis=0))[metric]) for one in rows]
    )
    picks = generator(1, "x").integers(0, 400, (2000, 400))
    plain = np.stack([KIND.metrics(one[picks].sum(axis=1))[metric] for one in rows])
    for one, other in (
        (scores.draws[:, 0], plain),
        (np.diff(scores.draws[:, 0], axis=0), np.diff(plain, axis=0)),
    ):
        assert one.std(axis=-1) == pytest.approx(other.std(axis=-1), rel=0.12)
    assert float(scores.units[0]) > 100 / 402  # an example of a rare label, or a correlation, weighs more


def test_flips_count_answers_and_not_what_a_single_one_correlates_with() -> None:
    examples = [Text("t", gold) for gold in "aabbc"]
    sides: list[tuple[list[Prediction], np.ndarray]] = []
    for answers in ("aabbb", "abbbc"):
        predictions: list[Prediction] = [*answers]
        sides.append((predictions, KIND.outcomes(examples, predictions, MINE, "de")))
    for metric in ("mcc", "macro_f1"):
        counts = flips(replace(MINE, metrics=(metric,)), KIND, *sides)
        assert (counts.examples, counts.changed, counts.lost, counts.won) == (5, 2, 1, 1)
