"""Texts, or pairs of texts, with one label each, scored by accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import labelled_texts, pairs
from xpareto.eval.encoding import Encoded, TextEncoder, TrainingExamples, encode_pairs
from xpareto.eval.kinds._kind import Kind, finite
from xpareto.eval.metrics.accuracy import accuracy
from xpareto.eval.submission import Labels
from xpareto.eval.tasks import Example, HubSource, Pair, Prediction, Task, Text, TrainingSet


class Classify(Kind):
    """See eval.kinds.Kind. A declaration whose `columns` name a text has texts, any other has pairs."""

    name = "classify"
    leaderboard = Labels()
    columns = ("correct", "examples")
    units: ClassVar[Mapping[str, str]] = {"accuracy": "examples"}

    def read(
        self,
        files: Sequence[Path],
        wanted: Task | TrainingSet,
        labelled: bool,
        translated: bool = False,
        limit: int | None = None,
    ) -> list[Example]:
        (file,) = files
        if wanted.columns:
            where = wanted.where if isinstance(wanted, Task) else {}
            return [*labelled_texts(file, wanted.columns, wanted.labels, labelled, where)]
        return [*pairs(file, wanted.labels, labelled)]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        value = {ours: row[theirs] for ours, theirs in source.columns.items()}
        if "text" in value:
            return Text(value["text"].strip(), label(value["label"]))
        return Pair(value["first"].strip(), value["second"].strip(), label(value["label"]))  # as XTREME's are

    def labels_of(self, examples: Sequence[Example]) -> tuple[str, ...]:
        return tuple(sorted({label for label in _labels(examples) if label is not None}))

    def training_examples(
        self, examples: Sequence[Example], tokenizer: TextEncoder, max_length: int, labels: Sequence[str]
    ) -> TrainingExamples:
        index = {label: number for number, label in enumerate(labels)}
        golds = [index[label] for label in _labels(examples) if label is not None]
        return TrainingExamples(_sequences(examples, tokenizer, max_length), golds)

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> Encoded:
        return Encoded(_sequences(examples, tokenizer, task.max_length), len(examples), task.labels)

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        return list(finite(np.array(output, dtype=np.float32)))

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        return [encoded.labels[int(logits.argmax())] for logits in reduced]

    def guessing(self, task: Task, examples: int) -> float:
        return 100.0 / len(task.labels) if task.labels else 0.0

    def blind_answers(self, examples: Sequence[Example], task: Task) -> Iterator[Sequence[Prediction]]:
        for label, _ in Counter(_labels(examples)).most_common(1):
            yield [label or ""] * len(examples)

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        counts = np.ones((len(examples), 2), dtype=np.int64)
        for row, label, prediction in zip(counts, _labels(examples), predictions, strict=True):
            if label is None:
                raise InputError("The gold labels of this test set are withheld: it cannot be scored here.")
            row[0] = label == prediction
        return counts

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        return {"accuracy": accuracy(totals[..., 0], totals[..., 1])}


def _labels(examples: Sequence[Example]) -> list[str | None]:
    return [example.label for example in examples if isinstance(example, Text | Pair)]


def _sequences(examples: Sequence[Example], tokenizer: TextEncoder, max_length: int) -> list[list[int]]:
    """Return one sequence per text or pair; all examples are of one type."""
    texts = [example.text for example in examples if isinstance(example, Text)]
    if texts:
        return tokenizer.texts(texts, max_length)
    return encode_pairs([example for example in examples if isinstance(example, Pair)], tokenizer, max_length)


KIND = Classify()
