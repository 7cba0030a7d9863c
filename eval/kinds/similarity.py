"""How similar two texts are: the cosine of their vectors, scored by its rank correlation with people's scores.

As the STS tasks of SemEval (Agirre et al. 2012) and MTEB are scored: Spearman's correlation, Pearson's beside it
(Reimers, Beyer and Gurevych 2016 show why the former). Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import number_of, scored_pairs
from xpareto.eval.encoding import Encoded, TextEncoder
from xpareto.eval.kinds._kind import Resampled, Searched, pooled
from xpareto.eval.metrics.correlation import pearson, pearson_influence, spearman, spearman_influence
from xpareto.eval.tasks import Example, HubSource, Prediction, Similar, Task, TrainingSet

_DIGITS = 6  # of a cosine: float32 states know no more, and equal texts are then equal
_METRICS = {"spearman": (spearman, spearman_influence), "pearson": (pearson, pearson_influence)}


class Similarity(Resampled):
    """See eval.kinds.Kind. The sequences are all first texts, then all second ones; pooling is as in `retrieve`."""

    name = "similarity"
    columns = ("cosine", "gold", "examples")
    units: ClassVar[Mapping[str, str]] = dict.fromkeys(_METRICS, "examples")

    def read(
        self,
        files: Sequence[Path],
        wanted: Task | TrainingSet,
        labelled: bool,
        translated: bool = False,
        limit: int | None = None,
    ) -> list[Example]:
        (file,) = files
        where = wanted.where if isinstance(wanted, Task) else {}
        return [*scored_pairs(file, wanted.columns, labelled, where)]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        first, second = (str(row[source.columns[side]]).strip() for side in ("first", "second"))
        return Similar(first, second, number_of(row[source.columns["score"]], f"{where}: score"))

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> Encoded:
        pairs = [example for example in examples if isinstance(example, Similar)]
        texts = [pair.first for pair in pairs] + [pair.second for pair in pairs]
        return Encoded(tokenizer.texts(texts, task.max_length, task.prompts.get("text")), len(pairs))

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        return pooled(output, lengths)

    def searched(self, examples: Sequence[Example], task: Task, language: str) -> Searched:
        first, second = np.split(np.arange(2 * len(examples)), 2)
        return Searched(first, second, {language: np.concatenate([first, second])})

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        sides = zip(reduced[: encoded.examples], reduced[encoded.examples :], strict=True)
        return [_cosine(first, second) for first, second in sides]

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        outcomes = np.ones((len(examples), 3), dtype=np.float64)
        for row, example, prediction in zip(outcomes, examples, predictions, strict=True):
            if not isinstance(example, Similar) or example.score is None:
                raise InputError("The scores of this test set are withheld: it cannot be scored here.")
            assert isinstance(prediction, int | float), "the answer is a cosine"
            row[:2] = prediction, example.score
        return outcomes

    def redrawn(self, outcomes: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
        if not len(outcomes):
            return {name: np.zeros(len(times)) for name in _METRICS}
        return {
            name: 100.0 * found(outcomes[:, 0], outcomes[:, 1], times)
            for name, (found, _) in _METRICS.items()
        }

    def influences(self, outcomes: np.ndarray) -> dict[str, np.ndarray]:
        return {name: 100.0 * moved(outcomes[:, 0], outcomes[:, 1]) for name, (_, moved) in _METRICS.items()}


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Return the cosine of two vectors, 0 where one has no direction."""
    one, other = (np.asarray(vector, np.float64) for vector in (first, second))
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return round(float(one @ other) / lengths, _DIGITS) if lengths > 0 else 0.0


KIND = Similarity()
