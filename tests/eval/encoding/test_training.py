"""Dev examples carry the score that weights are chosen by: that of their kind, as the official scripts have it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.training import training_examples

SENTENCE = [
    ("Ada", "B-PER"),
    ("Bell", "I-PER"),
    ("saw", "O"),
    ("Rome", "B-LOC"),
    ("and", "O"),
    ("Oslo", "B-LOC"),
]
CONTEXT = "the red fox sleeps under the old tree"


@pytest.fixture
def data(tmp_path: Path) -> Data:
    tags = tmp_path / "xtreme" / "panx" / "dev-en.tsv"
    tags.parent.mkdir(parents=True)
    tags.write_text("".join(f"{word}\t{tag}\n" for word, tag in SENTENCE) + "\n", "utf-8")
    question = {"id": "1", "question": "who sleeps ?", "answers": [{"text": "red fox", "answer_start": 4}]}
    paragraphs = [
        {"context": CONTEXT + " now" * at, "qas": [question | {"id": str(at)}]} for at in range(40, 0, -1)
    ]
    spans = tmp_path / "xtreme" / "squad" / "train-v1.1.json"
    spans.parent.mkdir(parents=True)
    spans.write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs}]}), "utf-8")
    return Data.open(DataSpec(str(tmp_path)))


def test_names_are_scored_by_the_f1_of_whole_entities(
    data: Data, unigram: Callable[[Sequence[str]], Path]
) -> None:
    labels = data.labels("panx")
    dev = training_examples(data, "panx", "dev", unigram([word for word, _ in SENTENCE]), 64)
    assert dev.metric is not None
    outputs = [np.eye(len(labels), dtype=np.float32)[np.maximum(row, 0)] for row in dev.labels]  # type: ignore[arg-type]
    assert dev.metric(outputs) == 100.0
    second = next(at for at, label in enumerate(dev.labels[0]) if label == labels.index("I-PER"))  # type: ignore[arg-type]
    outputs[0][second] = np.eye(len(labels))[labels.index("O")]
    # Five of six words are right, and two of three entities: their F1 is two thirds.
    assert dev.metric(outputs) == pytest.approx(200 / 3)


def test_answers_are_scored_by_exact_match_and_f1(
    data: Data, unigram: Callable[[Sequence[str]], Path]
) -> None:
    dev = training_examples(data, "squad_v1", "dev", unigram([CONTEXT, "who sleeps ? now"]), 64)
    assert dev.metric is not None and len(dev.input_ids) == 2  # the last 5 % are held out as dev

    def answer(spans: Sequence[tuple[int, int]]) -> list[np.ndarray]:
        rows = [np.zeros((len(ids), 2), np.float32) for ids in dev.input_ids]
        for row, (start, end) in zip(rows, spans, strict=True):
            row[start, 0] = row[end, 1] = 9.0
        return rows

    gold = [(start, end) for start, end in dev.labels]  # type: ignore[misc]
    assert dev.metric(answer(gold)) == 100.0
    longer = (gold[1][0], len(dev.input_ids[1]) - 2)  # from "red" to the end
    exact, f1 = 50.0, 50.0 * (1 + 2 * 2 / (7 + 2))  # two of seven tokens, without "the": SQuAD drops it
    assert dev.metric(answer([gold[0], longer])) == pytest.approx((exact + f1) / 2)


def test_what_is_trained_on_and_sets_without_a_metric_of_their_own_carry_none(
    data: Data, unigram: Callable[[Sequence[str]], Path], tmp_path: Path
) -> None:
    (tmp_path / "xtreme" / "panx" / "train-en.tsv").write_text("Ada\tB-PER\n\n", "utf-8")
    assert training_examples(data, "panx", "train", unigram(["Ada"]), 64).metric is None
    pairs = tmp_path / "intermediate" / "ccg" / "dev.tsv"
    pairs.parent.mkdir(parents=True)
    pairs.write_text("Ada\tN\n\n", "utf-8")
    pairs.with_name("train.tsv").write_text("Ada\tN\n\n", "utf-8")
    assert training_examples(data, "ccg", "dev", unigram(["Ada"]), 64).metric is None
