"""Several labels for each text as a score: additive, paired, in flips, above what a constant answer reaches."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.encoding.text import Encoded
from xpareto.eval.kinds.multilabel import KIND
from xpareto.eval.statistics.bootstrap import generator
from xpareto.eval.statistics.prediction_flips import flips
from xpareto.eval.statistics.score_draws import task_scores
from xpareto.eval.tasks import HEAD_OF_KIND, Labelled, Prediction, Task

LABELS = ("a", "b", "c")
MINE = Task(
    "mine", "multilabel", "classification", ("de", "en"), "mine", ("micro_f1", "macro_f1", "subset_accuracy"),
    LABELS, own=True,
)  # fmt: skip
SET = st.sets(st.sampled_from(LABELS)).map(lambda labels: tuple(sorted(labels)))
PAIRS = st.lists(st.tuples(SET, SET), min_size=1, max_size=15)


def examples(golds: list[tuple[str, ...]]) -> list[Labelled]:
    return [Labelled(("t",), gold) for gold in golds]


def outcomes(pairs: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> np.ndarray:
    return KIND.outcomes(examples([gold for gold, _ in pairs]), [found for _, found in pairs], MINE, "de")


@given(PAIRS)
def test_outcomes_add_up_and_recall_is_found_by_label(
    pairs: list[tuple[tuple[str, ...], tuple[str, ...]]],
) -> None:
    rows = outcomes(pairs)
    assert rows.shape == (len(pairs), len(KIND.columns_of(MINE))) and rows[:, 1].all()
    assert np.concatenate([outcomes([pair]) for pair in pairs]).tolist() == rows.tolist()
    metrics = KIND.metrics(rows.sum(axis=0))
    assert float(metrics["subset_accuracy"]) == pytest.approx(
        100 * np.mean([gold == found for gold, found in pairs])
    )
    perfect = KIND.metrics(outcomes([(gold, gold) for gold, _ in pairs]).sum(axis=0))
    assert all(float(perfect[name]) >= float(metrics[name]) - 1e-9 for name in metrics)
    recalls = KIND.recalls(examples([gold for gold, _ in pairs]), [found for _, found in pairs], MINE)
    assert recalls == {
        label: (sum(label in gold and label in found for gold, found in pairs), count)
        for label in LABELS
        if (count := sum(label in gold for gold, _ in pairs))
    }


@settings(deadline=None)
@given(st.lists(SET, min_size=1, max_size=12))
def test_chance_is_the_best_of_all_constant_answers(golds: list[tuple[str, ...]]) -> None:
    constant = [answer for size in range(len(LABELS) + 1) for answer in itertools.combinations(LABELS, size)]
    for metric in MINE.metrics:
        task = replace(MINE, metrics=(metric,))
        best = max(
            KIND.score(examples(golds), [answer] * len(golds), task).metrics[metric] for answer in constant
        )
        assert KIND.chance(examples(golds), task) == pytest.approx(best)


def test_a_label_is_answered_above_a_half() -> None:
    encoded = Encoded([[0, 2]] * 2, 2, LABELS)
    reduced = KIND.reduce(np.array([[0.1, -0.1, 0.0], [-1, -2, -3]]), np.array([2, 2]))
    assert KIND.predict(encoded, reduced) == [("a",), ()]
    with pytest.raises(ArithmeticError):
        KIND.reduce(np.array([[np.nan, 0, 0]]), np.array([2]))
    assert HEAD_OF_KIND[KIND.name] == "multi_label_classification"


def test_withheld_gold_is_not_scored() -> None:
    with pytest.raises(InputError, match="withheld"):
        KIND.outcomes([Labelled(("t",), None)], [()], MINE, "de")
    assert Labelled(("t",), ()).gold == () and Labelled(("t",), None).gold is None


@pytest.mark.parametrize("metric", MINE.metrics)
def test_draws_are_centred_on_the_score_and_as_wide_as_a_plain_bootstrap(metric: str) -> None:
    rng = np.random.default_rng(0)
    gold = rng.random((400, 3)) < (0.6, 0.3, 0.1)
    models = [np.where(rng.random((400, 3)) < share, gold, ~gold) for share in (0.95, 0.85)]
    named = [[tuple(np.array(LABELS)[row]) for row in side] for side in (gold, *models)]
    found = replace(MINE, metrics=(metric,))
    rows = np.stack([outcomes([*zip(named[0], model, strict=True)]) for model in named[1:]])
    scores = task_scores(found, {"de": rows}, 0, 2000, normal_from=100)
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


def test_flips_count_what_one_example_gains_and_loses() -> None:
    golds = examples([("a",), (), ("a", "b"), ("c",)])
    sides: list[tuple[list[Prediction], np.ndarray]] = []
    answers: list[list[Prediction]] = [[("a",), (), ("a",), ()], [("a",), ("c",), ("a", "b"), ()]]
    for predictions in answers:
        sides.append((predictions, KIND.outcomes(golds, predictions, MINE, "de")))
    for metric in MINE.metrics:
        found = flips(replace(MINE, metrics=(metric,)), KIND, *sides)
        assert (found.examples, found.changed, found.lost, found.won) == (4, 2, 1, 1)


def test_a_unit_is_one_label_more() -> None:
    totals = outcomes([(("a", "b"), ("a",)), (("a",), ("a",)), ((), ())]).sum(axis=0)
    assert KIND.unit_points(totals, ["micro_f1"]) == pytest.approx(100 / 5)
    assert KIND.unit_points(totals, ["macro_f1"]) == pytest.approx(100 / (3 * 3))
    assert KIND.unit_points(totals, ["subset_accuracy"]) == pytest.approx(100 / 5)
