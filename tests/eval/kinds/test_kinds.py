"""What each kind makes of model output, and that counts carry the metrics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.encoding.text import Encoded
from xpareto.eval.kinds._kind import Kind
from xpareto.eval.tasks import HEAD_OF_KIND, KINDS, TASKS, Bitext, Example, Pair, Tagged, task

XNLI, UDPOS, TATOEBA = task("xnli"), task("udpos"), task("tatoeba")
CLASSIFY, TAG, RETRIEVE = (KINDS.load(name) for name in ("classify", "tag", "retrieve"))


def test_every_kind_and_every_task_fit_each_other() -> None:
    kinds = KINDS.all()
    assert {name: kind.name for name, kind in kinds.items()} == {name: name for name in kinds}
    assert set(HEAD_OF_KIND) == set(kinds)
    for found in TASKS.all().values():
        kind = kinds[found.kind]
        assert isinstance(kind, Kind)
        assert set(found.metrics) <= set(kind.metrics(np.ones(len(kind.columns))))


def test_the_padding_of_a_batch_changes_nothing() -> None:
    output = np.random.default_rng(0).normal(size=(2, 6, 17)).astype(np.float32)
    lengths = np.array([3, 6])
    spoilt = output.copy()
    spoilt[0, 3:] = np.nan
    for kind in (TAG, RETRIEVE):
        for one, other in zip(kind.reduce(output, lengths), kind.reduce(spoilt, lengths), strict=True):
            assert np.array_equal(one, other)
        alone = kind.reduce(output[:1, :3], lengths[:1])[0]
        assert np.array_equal(alone, kind.reduce(output, lengths)[0])


@pytest.mark.parametrize(
    ("name", "shape"), [("classify", (2, 3)), ("tag", (2, 4, 17)), ("retrieve", (2, 4, 8))]
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_broken_model_gets_an_error_and_no_score(name: str, shape: tuple[int, ...], value: float) -> None:
    output = np.zeros(shape, np.float32)
    output[(1,) + (0,) * (len(shape) - 1)] = value
    with pytest.raises(ArithmeticError, match="not finite"):
        KINDS.load(name).reduce(output, np.array([4, 4]))


def test_reduced_arrays_do_not_keep_the_batch_alive() -> None:
    output = np.zeros((2, 4, 17), np.float32)
    for kind in (TAG, RETRIEVE):
        assert all(not np.shares_memory(row, output) for row in kind.reduce(output, np.array([4, 2])))


def test_a_label_is_the_largest_logit_in_the_model_s_order() -> None:
    encoded = Encoded([[0], [0]], 2, labels=("neutral", "entailment", "contradiction"))
    reduced = CLASSIFY.reduce(np.array([[0.1, 3.0, 1.0], [2.0, 1.0, 0.0]]), np.array([1, 1]))
    assert CLASSIFY.predict(encoded, reduced) == ["entailment", "neutral"]


def test_accuracy_of_pairs_counts_the_right_labels() -> None:
    examples = [Pair("a", "b", "neutral"), Pair("c", "d", "entailment"), Pair("e", "f", "neutral")]
    scored = CLASSIFY.score(examples, ["neutral", "neutral", "neutral"], XNLI)
    assert scored.metrics == {"accuracy": pytest.approx(200 / 3)}
    assert scored.outcomes.tolist() == [[1, 1], [0, 1], [1, 1]]


def test_pieces_of_a_sentence_are_joined_to_one_tag_per_word() -> None:
    encoded = Encoded(
        [[0, 5, 6, 2], [0, 7, 8, 2], [0, 9, 2]], 2, UDPOS.labels, owners=[0, 0, 1], starts=[[1, 2], [2], [1]]
    )
    best = [np.array([16, 0, 1, 16]), np.array([16, 16, 2, 16]), np.array([16, 3, 16])]
    assert TAG.predict(encoded, best) == [("ADJ", "ADP", "ADV"), ("AUX",)]


def test_an_empty_sentence_gets_no_tags() -> None:
    encoded = Encoded([[0, 2]], 1, UDPOS.labels, owners=[0], starts=[[]])
    assert TAG.predict(encoded, [np.array([1, 1])]) == [()]


TAGS = st.lists(st.sampled_from(UDPOS.labels), min_size=1, max_size=6)


@given(st.lists(st.tuples(TAGS, st.randoms(use_true_random=False)), min_size=1, max_size=5))
def test_metrics_of_a_resample_come_from_its_summed_counts(sentences: list[tuple[list[str], object]]) -> None:
    examples: list[Example] = [Tagged(("w",) * len(tags), tuple(tags)) for tags, _ in sentences]
    predictions = [tuple(random.choice(UDPOS.labels) for _ in tags) for tags, random in sentences]  # type: ignore[attr-defined]
    scored = TAG.score(examples, predictions, UDPOS)
    draw = np.random.default_rng(3).integers(len(examples), size=len(examples))
    again = TAG.score([examples[i] for i in draw], [predictions[i] for i in draw], UDPOS)
    totals = scored.outcomes[draw].sum(axis=0)
    assert {name: float(value) for name, value in TAG.metrics(totals).items()} == again.metrics
    both = TAG.metrics(np.stack([totals, totals]))
    assert both["f1"].tolist() == [again.metrics["f1"]] * 2


def test_tagging_reports_f1_first_then_token_accuracy() -> None:
    scored = TAG.score([Tagged(("a", "b"), ("NOUN", "NOUN"))], [("NOUN", "VERB")], UDPOS)
    assert list(scored.metrics.items()) == [("f1", 0.0), ("accuracy", 50.0)]


def test_english_queries_the_foreign_set_and_not_the_other_way() -> None:
    # Both English sentences are nearest to foreign 0, though foreign 1 is nearest to English 1.
    foreign, english = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.9], [1.0, 1.2]])
    predictions = RETRIEVE.predict(Encoded([[0]] * 4, 2), [*foreign, *english])
    assert predictions == [0, 0]
    assert RETRIEVE.score([Bitext("x", "a"), Bitext("y", "b")], predictions, TATOEBA).metrics == {
        "accuracy": 50.0
    }


def test_pooling_takes_the_mean_over_all_tokens_special_ones_included() -> None:
    output = np.array([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]]], dtype=np.float32)
    assert RETRIEVE.reduce(output, np.array([2]))[0].tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("kind", "example", "prediction", "name"),
    [(CLASSIFY, Pair("a", "b", None), "neutral", "xnli"), (TAG, Tagged(("a",), None), ("NOUN",), "udpos")],
)
def test_withheld_gold_cannot_be_scored(kind: Kind, example: Example, prediction: str, name: str) -> None:
    with pytest.raises(InputError, match="withheld"):
        kind.score([example], [prediction], task(name))


def test_a_prediction_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="1 examples but 0 predictions"):
        CLASSIFY.score([Pair("a", "b", "neutral")], [], XNLI)


def test_no_examples_make_no_sequences() -> None:
    assert RETRIEVE.predict(Encoded([], 0), []) == []
    assert TAG.score([], [], UDPOS).metrics == {"f1": 0.0, "accuracy": 0.0}
