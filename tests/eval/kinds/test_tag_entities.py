"""Tagging with IOB tags is scored by entities, with bare tags by chunks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.metrics.chunk_f1 import chunk_counts
from xpareto.eval.metrics.entity_f1 import entity_counts
from xpareto.eval.tasks import KINDS, Example, Tagged, task

TAG, PANX, UDPOS = KINDS.load("tag"), task("panx"), task("udpos")


def sentences(labels: tuple[str, ...]) -> st.SearchStrategy[list[tuple[list[str], list[str]]]]:
    pair = st.tuples(st.sampled_from(labels), st.sampled_from(labels))
    return st.lists(st.lists(pair, max_size=6), max_size=4).map(
        lambda many: [([one for one, _ in tags], [other for _, other in tags]) for tags in many]
    )


def outcomes(name: str, found: list[tuple[list[str], list[str]]]) -> np.ndarray:
    examples: list[Example] = [Tagged(("w",) * len(gold), tuple(gold)) for gold, _ in found]
    return TAG.score(examples, [tuple(tags) for _, tags in found], task(name)).outcomes


@given(sentences(PANX.labels))
def test_panx_counts_entities_invalid_ones_included(found: list[tuple[list[str], list[str]]]) -> None:
    counts = outcomes("panx", found)
    gold, predicted = [one for one, _ in found], [other for _, other in found]
    assert counts[:, :3].tolist() == entity_counts(gold, predicted).tolist()
    right = [sum(a == b for a, b in zip(one, other, strict=True)) for one, other in found]
    assert counts[:, 3].tolist() == right
    assert counts[:, 4].tolist() == [len(one) for one in gold]


@given(sentences(UDPOS.labels))
def test_udpos_counts_chunks(found: list[tuple[list[str], list[str]]]) -> None:
    gold, predicted = [one for one, _ in found], [other for _, other in found]
    assert outcomes("udpos", found)[:, :3].tolist() == chunk_counts(gold, predicted).tolist()


def test_a_set_without_any_entity_scores_zero_and_not_nan() -> None:
    examples: list[Example] = [Tagged(("a", "b"), ("O", "O"))]
    assert TAG.score(examples, [("O", "O")], PANX).metrics == {"f1": 0.0, "accuracy": 100.0}
    assert TAG.score([], [], PANX).metrics == {"f1": 0.0, "accuracy": 0.0}


def test_an_all_o_sentence_beside_others_changes_nothing() -> None:
    one: list[Example] = [Tagged(("a",), ("B-PER",))]
    both: list[Example] = [*one, Tagged(("b",), ("O",))]
    assert TAG.score(both, [("B-PER",), ("O",)], PANX).metrics["f1"] == 100.0
    assert TAG.score(one, [("I-PER",)], PANX).metrics["f1"] == 100.0  # lenient on an I- that begins
