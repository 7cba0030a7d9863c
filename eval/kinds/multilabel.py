"""Texts, or pairs of texts, with any number of labels each, scored by micro F1, macro F1 or subset accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import label_set, labelled_sets
from xpareto.eval.encoding import Encoded, TextEncoder, TrainingExamples, encode_pairs
from xpareto.eval.kinds._kind import Kind, finite
from xpareto.eval.metrics.accuracy import accuracy
from xpareto.eval.metrics.label_f1 import macro_f1, micro_f1
from xpareto.eval.tasks import Example, HubSource, Labelled, Pair, Prediction, Task, TrainingSet

_THRESHOLD = 0.0  # of a logit, whose sigmoid is 0.5 there


class Multilabel(Kind):
    """See eval.kinds.Kind. A label is predicted where its probability, the sigmoid of its logit, is above 0.5.

    Outcomes have three columns by label behind the first two: hit, predicted and gold (its recall is hit / gold).
    """

    name = "multilabel"
    labels_in_data = True
    columns = ("exact", "examples")
    units: ClassVar[Mapping[str, str]] = {
        "micro_f1": "gold labels", "macro_f1": "gold labels", "subset_accuracy": "examples",
    }  # fmt: skip

    def read(
        self,
        files: Sequence[Path],
        wanted: Task | TrainingSet,
        labelled: bool,
        translated: bool = False,
        limit: int | None = None,
    ) -> list[Example]:
        (file,) = files
        assert isinstance(wanted, Task), "no set of several labels is built in"
        return [
            *labelled_sets(
                file,
                wanted.columns,
                wanted.label_columns,
                wanted.separator,
                wanted.labels,
                labelled,
                wanted.where,
            )
        ]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        names = ("text",) if "text" in source.columns else ("first", "second")
        texts = tuple(str(row[source.columns[name]]).strip() for name in names)

        def known(cell: Any, _: str) -> str:
            return label(cell) or ""

        labels = label_set(row, source.columns, source.label_columns, source.separator, known, where)
        return Labelled(texts, labels)

    def labels_of(self, examples: Sequence[Example]) -> tuple[str, ...]:
        return tuple(sorted({label for example in _examples(examples) for label in example.labels or ()}))

    def training_examples(
        self, examples: Sequence[Example], tokenizer: TextEncoder, max_length: int, labels: Sequence[str]
    ) -> TrainingExamples:
        golds = [
            [int(label in example.labels) for label in labels]
            for example in _examples(examples)
            if example.labels is not None
        ]
        return TrainingExamples(_sequences(examples, tokenizer, max_length), golds)

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> Encoded:
        return Encoded(_sequences(examples, tokenizer, task.max_length), len(examples), task.labels)

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        return list(finite(np.array(output, dtype=np.float32)))

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        return [
            tuple(label for label, yes in zip(encoded.labels, logits > _THRESHOLD, strict=True) if yes)
            for logits in reduced
        ]

    def blind_answers(self, examples: Sequence[Example], task: Task) -> Iterator[Sequence[Prediction]]:
        """Yield the same labels for all: the commonest combination, all labels, and those that micro F1 is best of.

        Of so many labels as the answer has, the commonest give the best micro F1, and all labels the best macro F1.
        """
        golds = [example.labels or () for example in _examples(examples)]
        counts = Counter(label for gold in golds for label in gold).most_common()
        total, hits = sum(count for _, count in counts), np.cumsum([count for _, count in counts])
        ((commonest, _),) = Counter(tuple(sorted(gold)) for gold in golds).most_common(1)
        answers = [commonest]
        if counts:
            best = int((hits / (len(golds) * np.arange(1, len(counts) + 1) + total)).argmax()) + 1
            answers += [task.labels, tuple(label for label, _ in counts[:best])]
        for answer in dict.fromkeys(answers):
            yield [answer] * len(examples)

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        counts = np.zeros((len(examples), 2 + 3 * len(task.labels)), dtype=np.int64)
        counts[:, 1] = 1
        places = {name: 2 + 3 * at for at, name in enumerate(task.labels)}
        for row, example, prediction in zip(counts, _examples(examples), predictions, strict=True):
            if example.labels is None:
                raise InputError("The gold labels of this test set are withheld: it cannot be scored here.")
            assert isinstance(prediction, tuple), "the answer is a set of labels"
            gold, predicted = {*example.labels}, {*prediction}
            row[0] = gold == predicted
            row[[places[label] for label in gold & predicted]] = 1
            row[[places[label] + 1 for label in predicted]] = 1
            row[[places[label] + 2 for label in gold]] = 1
        return counts

    def recalls(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
    ) -> dict[str, tuple[int, int]]:
        totals = self.outcomes(examples, predictions, task, "").sum(axis=0)
        by_label = zip(task.labels, totals[2::3].tolist(), totals[4::3].tolist(), strict=True)
        return {label: (hit, gold) for label, hit, gold in by_label if gold}

    def columns_of(self, task: Task) -> tuple[str, ...]:
        by_label = (f"{name} {label}" for label in task.labels for name in ("hit", "predicted", "gold"))
        return (*self.columns, *by_label)

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        by_label = [totals[..., at::3] for at in (2, 3, 4)]
        return {
            "micro_f1": micro_f1(*by_label),
            "macro_f1": macro_f1(*by_label),
            "subset_accuracy": accuracy(totals[..., 0], totals[..., 1]),
        }

    def example_scores(self, outcomes: np.ndarray, metrics: Sequence[str]) -> np.ndarray:
        """Return 100 for an example with exactly its labels, 0 for one without, where subset accuracy is the score.

        Else the F1 of its labels, 100 where it has none and none is predicted: of one example macro F1 says no more.
        """
        counts = np.asarray(outcomes, dtype=np.float64)
        if {*metrics} == {"subset_accuracy"}:
            return 100.0 * counts[:, 0]
        return np.where(counts[:, 0] > 0, 100.0, micro_f1(*(counts[:, at::3] for at in (2, 3, 4))))

    def unit_points(self, totals: np.ndarray, metrics: Sequence[str]) -> float:
        """Return what one more label changes at most: of macro F1 one of the rarest, see the metrics."""
        gold = np.asarray(totals[4::3], np.float64)
        rarest = float(gold[gold > 0].min(initial=gold.sum()))
        points = {
            "subset_accuracy": 100.0 / (float(totals[1]) + 2),
            "micro_f1": 100.0 / (float(gold.sum()) + 2),
            "macro_f1": 100.0 / (gold.size * (rarest + 2)),
        }
        return float(np.mean([points[metric] for metric in metrics]))


def _examples(examples: Sequence[Example]) -> list[Labelled]:
    return [example for example in examples if isinstance(example, Labelled)]


def _sequences(examples: Sequence[Example], tokenizer: TextEncoder, max_length: int) -> list[list[int]]:
    """Return one sequence per text or pair; all examples are of one shape."""
    texts = [example.texts for example in _examples(examples)]
    if all(len(sides) == 1 for sides in texts):
        return tokenizer.texts([text for (text,) in texts], max_length)
    return encode_pairs([Pair(first, second, None) for first, second in texts], tokenizer, max_length)


KIND = Multilabel()
