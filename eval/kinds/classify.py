"""Texts, or pairs of texts, with one label each, scored by accuracy, macro F1 or Matthews' correlation."""

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
from xpareto.eval.metrics.confusion import macro_f1, mcc
from xpareto.eval.submission import Labels
from xpareto.eval.tasks import Example, HubSource, Pair, Prediction, Task, Text, TrainingSet


class Classify(Kind):
    """See eval.kinds.Kind. A declaration whose `columns` name a text has texts, any other has pairs.

    Where another metric than accuracy is the score, outcomes have three more columns by label: hit, predicted and gold
    (a label's recall is hit / gold); where it only stands beside, they are counted and not kept.
    """

    name = "classify"
    leaderboard = Labels()
    columns = ("correct", "examples")
    gives_logits = True
    units: ClassVar[Mapping[str, str]] = dict.fromkeys(("accuracy", "macro_f1", "mcc"), "examples")

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
        """Return what labels drawn evenly have: of macro F1 at most that, of a correlation none."""
        return 100.0 / len(task.labels) if task.labels and task.metrics[0] != "mcc" else 0.0

    def blind_answers(self, examples: Sequence[Example], task: Task) -> Iterator[Sequence[Prediction]]:
        for label, _ in Counter(_labels(examples)).most_common(1):
            yield [label or ""] * len(examples)

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        classes = _by_class(task.metrics)
        counts = np.zeros((len(examples), 2 + 3 * len(task.labels) * classes), dtype=np.int64)
        counts[:, 1] = 1
        places = {name: 2 + 3 * at for at, name in enumerate(task.labels)}
        for row, label, prediction in zip(counts, _labels(examples), predictions, strict=True):
            if label is None:
                raise InputError("The gold labels of this test set are withheld: it cannot be scored here.")
            row[0] = label == prediction
            if classes:
                row[places[label]] = label == prediction
                row[places[str(prediction)] + 1] = 1
                row[places[label] + 2] = 1
        return counts

    def recalls(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
    ) -> dict[str, tuple[int, int]]:
        golds = _labels(examples)
        counts = Counter(golds)
        hits = Counter(gold for gold, found in zip(golds, predictions, strict=True) if gold == found)
        return {label: (hits[label], counts[label]) for label in task.labels if counts[label]}

    def columns_of(self, task: Task) -> tuple[str, ...]:
        if not _by_class(task.metrics[: task.scored_by]):
            return self.columns
        by_label = (f"{name} {label}" for label in task.labels for name in ("hit", "predicted", "gold"))
        return (*self.columns, *by_label)

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        found = {"accuracy": accuracy(totals[..., 0], totals[..., 1])}
        if totals.shape[-1] > 2:
            by_label = [totals[..., at::3] for at in (2, 3, 4)]
            found |= {"macro_f1": macro_f1(*by_label), "mcc": mcc(*by_label)}
        return found

    def example_scores(self, outcomes: np.ndarray, metrics: Sequence[str]) -> np.ndarray:
        """Return 100 for a right label, 0 for a wrong one: of one example neither F1 nor a correlation says more."""
        scores: np.ndarray = 100.0 * np.asarray(outcomes[:, 0], dtype=np.float64)
        return scores

    def unit_points(self, totals: np.ndarray, metrics: Sequence[str]) -> float:
        """Return what one more example changes at most: of macro F1 one of the rarest label, see the metrics."""
        gold, total = np.asarray(totals[4::3], np.float64), float(totals[1])
        classes = gold[gold > 0]
        points = {"accuracy": 100.0 / (total + 2)}
        if classes.size:
            points["macro_f1"] = 100.0 / (classes.size * (float(classes.min()) + 2))
            shares = classes / classes.sum()
            points["mcc"] = points["accuracy"] / max(1.0 - float((shares**2).sum()), 1.0 / (total + 2))
        return float(np.mean([points[metric] for metric in metrics]))


def _by_class(metrics: Sequence[str]) -> bool:
    """Tell whether some metrics need counts by class."""
    return bool({*metrics} - {"accuracy"})


def _labels(examples: Sequence[Example]) -> list[str | None]:
    return [example.label for example in examples if isinstance(example, Text | Pair)]


def _sequences(examples: Sequence[Example], tokenizer: TextEncoder, max_length: int) -> list[list[int]]:
    """Return one sequence per text or pair; all examples are of one type."""
    texts = [example.text for example in examples if isinstance(example, Text)]
    if texts:
        return tokenizer.texts(texts, max_length)
    return encode_pairs([example for example in examples if isinstance(example, Pair)], tokenizer, max_length)


KIND = Classify()
