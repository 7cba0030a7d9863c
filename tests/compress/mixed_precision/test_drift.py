"""Drift between two models' predictions, against slow twins written from its definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from xpareto.compress.core.artifact import Head
from xpareto.compress.data.batching import Rows
from xpareto.compress.heads.sentence_vectors import SentenceVectors
from xpareto.compress.mixed_precision.drift import Sample, drift, halves, predict, reading

LABELS = 3


class Model:
    """A model of random tables: what it gives depends on each token and, a little, on the sequence."""

    def __init__(self, head: Head, noise: float) -> None:
        random = np.random.default_rng(1)
        self.head = head
        self.table = random.normal(size=(60, 4)) + noise * np.random.default_rng(2).normal(size=(60, 4))

    def of_tokens(self, row: list[int]) -> np.ndarray:
        return self.table[row] + 0.1 * self.table[row].sum(axis=0)

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
        tokens = self.table[ids] + 0.1 * (self.table[ids] * mask[:, :, None]).sum(axis=1, keepdims=True)
        if self.head == "encoder":
            return {"last_hidden_state": tokens, "hidden_state_1": tokens**2}
        if self.head == "qa":
            return {"start_logits": tokens[:, :, 0], "end_logits": tokens[:, :, 1]}
        if self.head == "tagging":
            return {"logits": tokens[:, :, :LABELS]}
        sums = (tokens * mask[:, :, None]).sum(axis=1)
        return {"logits": sums[:, : 1 if self.head == "choice" else LABELS]}


ROWS = [[0, *(5 + (i * k) % 50 for k in range(1, 3 + i % 5)), 2] for i in range(1, 13)]


def softmax(values: list[float]) -> list[float]:
    top = max(values)
    parts = [math.exp(value - top) for value in values]
    return [part / sum(parts) for part in parts]


def slow(head: Head, sample: Sample, before: Model, after: Model) -> tuple[float, float]:
    """Return (points, divergence) one decision after the other."""
    decisions: list[tuple[list[float], list[float], int | None]] = []
    rows = sample.rows
    if head == "choice":
        at = 0
        for count, gold in zip(rows.options or [], rows.labels, strict=True):
            sides: list[list[float]] = []
            for model in (before, after):
                one = [
                    float(model.of_tokens(list(row)).sum(axis=0)[0])
                    for row in rows.input_ids[at : at + count]
                ]
                sides.append(one)
            decisions.append((*sides, gold))  # type: ignore[arg-type]
            at += count
    for index, row in enumerate(rows.input_ids if head != "choice" else []):
        label: Any = rows.labels[index]
        two = [model.of_tokens(list(row)) for model in (before, after)]
        if head == "classification":
            sums = [one.sum(axis=0)[:LABELS].tolist() for one in two]
            decisions.append((*sums, label if sample.labelled else None))  # type: ignore[arg-type]
        elif head == "qa":
            for side in (0, 1):
                pair = [one[:, side].tolist() for one in two]
                decisions.append((*pair, label[side] if sample.labelled else None))  # type: ignore[arg-type]
        else:
            for place in range(len(row)):
                inner = 0 < place < len(row) - 1
                if (sample.labelled and label[place] == -100) or (not sample.labelled and not inner):
                    continue
                pair = [one[place, :LABELS].tolist() for one in two]
                decisions.append((*pair, label[place] if sample.labelled else None))  # type: ignore[arg-type]
    changed = right = right_after = 0
    divergence = 0.0
    for old, new, gold in decisions:
        best, other = old.index(max(old)), new.index(max(new))
        changed += best != other
        right += best == gold
        right_after += other == gold
        divergence += sum(p * math.log(p / q) for p, q in zip(softmax(old), softmax(new), strict=True))
    points = (right - right_after if sample.labelled else changed) / len(decisions) * 100
    return points, divergence / len(decisions)


def labels_of(head: Head) -> list[Any]:
    if head == "tagging":
        return [[-100, *(token % LABELS for token in row[1:-1]), -100] for row in ROWS]
    if head == "qa":
        return [(1, len(row) - 2) for row in ROWS]
    return [row[1] % LABELS for row in ROWS]


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("head", ["classification", "tagging", "qa"])
def test_drift_is_that_of_the_slow_twin(head: Head, labelled: bool) -> None:
    sample = Sample("en", Rows(ROWS, labels_of(head)), labelled)
    before, after = Model(head, 0.0), Model(head, 0.6)
    found = drift(predict(before, head, None, sample, 1), predict(after, head, None, sample, 1))
    assert found == pytest.approx(slow(head, sample, before, after))
    assert found[1] > 0 and (labelled or found[0] > 0)


def test_drift_of_questions_with_options_is_that_of_the_slow_twin() -> None:
    sample = Sample("en", Rows(ROWS, [0, 1, 2, 1], [2, 3, 4, 3]), labelled=True)
    before, after = Model("choice", 0.0), Model("choice", 0.6)
    found = drift(predict(before, "choice", None, sample, 1), predict(after, "choice", None, sample, 1))
    assert found == pytest.approx(slow("choice", sample, before, after))


@pytest.mark.parametrize("layer", [None, 1])
def test_an_encoder_drifts_by_its_nearest_neighbours_and_by_the_cosine(layer: int | None) -> None:
    sample = Sample("en", Rows(ROWS, [0] * len(ROWS)))
    models = Model("encoder", 0.0), Model("encoder", 0.6)
    found = drift(*(predict(model, "encoder", layer, sample, 1) for model in models))
    pooled = []
    for model in models:
        states = [model.of_tokens(row) ** (2 if layer else 1) for row in ROWS]
        pooled.append([state.mean(axis=0) / np.linalg.norm(state.mean(axis=0)) for state in states])
    nearest = [
        [
            max((j for j in range(len(ROWS)) if j != i), key=lambda j: float(one[i] @ one[j]))
            for i in range(len(ROWS))
        ]
        for one in pooled
    ]
    changed = sum(a != b for a, b in zip(*nearest, strict=True)) / len(ROWS) * 100
    cosine = sum(1 - float(a @ b) for a, b in zip(*pooled, strict=True)) / len(ROWS)
    assert found == pytest.approx((changed, cosine))


def test_an_encoder_that_reads_its_first_token_is_compared_by_it() -> None:
    model, rows = Model("encoder", 0.3), [row[1:] for row in ROWS]
    found = predict(
        model, "encoder", None, Sample("en", Rows(rows, [0] * len(rows))), 1, SentenceVectors(("cls",))
    )
    states = np.stack([model.of_tokens(row)[0] for row in rows])
    np.testing.assert_allclose(
        found.scores, states / np.linalg.norm(states, axis=1, keepdims=True), atol=1e-6
    )


@pytest.mark.parametrize("head", ["classification", "tagging", "qa", "encoder"])
def test_a_model_does_not_drift_from_itself(head: Head) -> None:
    sample = Sample("en", Rows(ROWS, [0] * len(ROWS)))
    one = predict(Model(head, 0.0), head, None, sample, 1)
    assert drift(one, one) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_outputs_that_are_not_finite_count_as_infinitely_far() -> None:
    sample = Sample("en", Rows(ROWS, [0] * len(ROWS)))
    broken = Model("tagging", 0.0)
    source = {"en": predict(Model("tagging", 0.0), "tagging", None, sample, 1)}
    broken.table[:] = np.nan
    assert reading(source, {"en": predict(broken, "tagging", None, sample, 1)}).divergence["en"] == np.inf


def test_halves_share_no_example_and_keep_all() -> None:
    whole = Sample("en", Rows(ROWS, [0, 1, 2, 1], [2, 3, 4, 3]), labelled=True)
    one, other = halves(whole)
    assert one.rows.options == [2, 4] and other.rows.options == [3, 3]
    assert one.rows.input_ids == ROWS[:2] + ROWS[5:9] and other.rows.input_ids == ROWS[2:5] + ROWS[9:]
    assert (one.rows.labels, other.rows.labels) == ([0, 2], [1, 1])
