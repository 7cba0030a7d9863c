"""The span of a context that answers a question, scored by exact match and F1 of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import question_of_row, questions, settle_empty
from xpareto.eval.encoding import (
    Encoded,
    EncodedQuestions,
    TextEncoder,
    TrainingExamples,
    best_answers,
    encode_questions,
    n_best,
    training_windows,
)
from xpareto.eval.kinds._kind import Kind, finite
from xpareto.eval.metrics import language_aware_f1, mlqa, squad
from xpareto.eval.submission import Answers
from xpareto.eval.tasks import Example, HubSource, Prediction, Question, Task, TrainingSet


class Span(Kind):
    """See eval.kinds.Kind. A question has one sequence per window on its context.

    MLQA has rules of its own for exact match and F1; the others are scored as SQuAD 1.1. The
    language-aware F1 is beside them (see eval.metrics.language_aware_f1).
    """

    name = "span"
    leaderboard = Answers()
    columns = ("exact", "f1", "f1_language_aware", "questions")
    units = dict.fromkeys(("exact_match", "f1", "f1_language_aware"), "questions")

    def read(
        self,
        files: Sequence[Path],
        wanted: Task | TrainingSet,
        labelled: bool,
        translated: bool = False,
        limit: int | None = None,
    ) -> list[Example]:
        (file,) = files
        return [*questions(file, labelled, translated)]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        return question_of_row(row, source.columns, where)

    def settled(self, examples: list[Example]) -> list[Example]:
        """Return the questions: where none of a set has an answer, the answers are withheld."""
        return [*settle_empty(_questions(examples))]

    def training_examples(
        self, examples: Sequence[Example], tokenizer: TextEncoder, max_length: int, labels: Sequence[str]
    ) -> TrainingExamples:
        return training_windows(_questions(examples), tokenizer, max_length)

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> Encoded:
        return encode_questions(_questions(examples), tokenizer, task.max_length, task.labels)

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        """Return the start and end logits of each window, (length, 2): eight bytes a token."""
        kept = [rows[:length].astype(np.float32) for rows, length in zip(output, lengths, strict=True)]
        finite(np.concatenate(kept))
        return kept

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        if not isinstance(encoded, EncodedQuestions):
            raise ValueError("question answering needs the windows that `encode` made")
        if not reduced:
            return []
        owners = np.asarray(encoded.owners, dtype=np.int64)
        return [*best_answers(encoded.windows, owners, n_best(reduced))]

    def blind_answers(self, examples: Sequence[Example], task: Task) -> Iterator[Sequence[Prediction]]:
        """Yield no answer, and the whole context, whose words hold those of the answer."""
        yield [""] * len(examples)
        yield [question.context for question in _questions(examples)]

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        outcomes = np.ones((len(examples), 4), dtype=np.float64)
        for row, example, prediction in zip(outcomes, examples, predictions, strict=True):
            if not isinstance(example, Question) or example.answers is None:
                raise InputError("The answers of this test set are withheld: it cannot be scored here.")
            text = str(prediction)
            if not example.answers:  # SQuAD 2.0: saying nothing is right
                row[:3] = not text
                continue
            golds = [answer.text for answer in example.answers]
            if task.name == "mlqa":
                row[:2] = mlqa.exact_match(text, golds, language), mlqa.token_f1(text, golds, language)
            else:
                row[:2] = squad.exact_match(text, golds), squad.token_f1(text, golds)
            row[2] = language_aware_f1.token_f1(text, golds, language)
        return outcomes

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        sums = np.asarray(totals, dtype=np.float64)
        names = ("exact_match", "f1", "f1_language_aware")
        questions = sums[..., 3]
        return {
            name: np.divide(
                100.0 * sums[..., at], questions, out=np.zeros_like(questions), where=questions > 0
            )
            for at, name in enumerate(names)
        }


def _questions(examples: Sequence[Example]) -> list[Question]:
    return [example for example in examples if isinstance(example, Question)]


KIND = Span()
