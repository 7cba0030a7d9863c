"""Multiple choice: each option is scored by itself, the best one is the answer; accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import choice_of_row, choices
from xpareto.eval.encoding import Encoded, TextEncoder, TrainingExamples, encode_choices
from xpareto.eval.kinds._kind import Kind, finite
from xpareto.eval.metrics.accuracy import accuracy
from xpareto.eval.tasks import Choice, Example, HubSource, Prediction, Task, TrainingSet


class Choose(Kind):
    """See eval.kinds.Kind. Sequence s is an option of the question owners[s]; a tie goes to the first."""

    name = "choose"
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
        return [*choices(file, labelled)]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        return choice_of_row(row, source.columns, where)

    def training_examples(
        self, examples: Sequence[Example], tokenizer: TextEncoder, max_length: int, labels: Sequence[str]
    ) -> TrainingExamples:
        questions = [example for example in examples if isinstance(example, Choice)]
        sequences, options = encode_choices(questions, tokenizer, max_length)
        golds = [question.gold for question in questions if question.gold is not None]
        return TrainingExamples(sequences, golds, options)

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> Encoded:
        questions = [example for example in examples if isinstance(example, Choice)]
        sequences, options = encode_choices(questions, tokenizer, task.max_length)
        owners = [owner for owner, count in enumerate(options) for _ in range(count)]
        return Encoded(sequences, len(questions), owners=owners)

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        return list(finite(np.array(output, dtype=np.float32)))

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        scores = np.array([float(score[0]) for score in reduced])
        counts = np.bincount(np.array(encoded.owners, dtype=np.int64), minlength=encoded.examples)
        ends = list(accumulate(counts.tolist()))
        return [
            int(scores[end - count : end].argmax()) for end, count in zip(ends, counts.tolist(), strict=True)
        ]

    def blind_answers(self, examples: Sequence[Example], task: Task) -> Iterator[Sequence[Prediction]]:
        """Yield the same place among the options for all examples, each in turn."""
        most = max((len(example.options) for example in examples if isinstance(example, Choice)), default=0)
        for place in range(most):
            yield [place] * len(examples)

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        counts = np.ones((len(examples), 2), dtype=np.int64)
        for row, example, prediction in zip(counts, examples, predictions, strict=True):
            if not isinstance(example, Choice) or example.gold is None:
                raise InputError("The answers of this test set are withheld: it cannot be scored here.")
            row[0] = example.gold == prediction
        return counts

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        return {"accuracy": accuracy(totals[..., 0], totals[..., 1])}


KIND = Choose()
