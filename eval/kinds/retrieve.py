"""Each English sentence queries the foreign set by cosine of mean-pooled states (Tatoeba)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import bitext, bitext_rows
from xpareto.eval.encoding import Encoded, TextEncoder
from xpareto.eval.kinds._kind import Kind, Searched, pooled
from xpareto.eval.metrics.accuracy import accuracy
from xpareto.eval.metrics.nearest import nearest
from xpareto.eval.submission import Indices
from xpareto.eval.tasks import Bitext, Example, HubSource, Prediction, Task, TrainingSet


class Retrieve(Kind):
    """See eval.kinds.Kind. The sequences are all foreign sentences, then all English ones.

    Pooling is the mean over all tokens, special ones included, as in XTREME, or what a sentence encoder's own
    files say; gold is by position.
    """

    name = "retrieve"
    leaderboard = Indices()
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
        if isinstance(wanted, Task) and wanted.own and len(files) == 1:
            return [*bitext_rows(files[0], wanted.columns, wanted.where)]
        return [*bitext(*files)]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        texts = [row[source.columns[side]].strip() for side in ("source", "target")]
        return Bitext(*texts)  # stripped, since the hub keeps the line feeds of the original files

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> Encoded:
        pairs = [example for example in examples if isinstance(example, Bitext)]
        texts = [pair.source for pair in pairs] + [pair.target for pair in pairs]
        return Encoded(tokenizer.texts(texts, task.max_length), len(pairs))

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        return pooled(output, lengths)

    def searched(self, examples: Sequence[Example], task: Task, language: str) -> Searched:
        sources, targets = np.split(np.arange(2 * len(examples)), 2)
        if task.own:  # nobody says that its targets are English
            return Searched(targets, sources, {language: np.concatenate([sources, targets])})
        return Searched(targets, sources, {language: sources, "en": targets})

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        if not encoded.examples:
            return []
        states = np.stack(reduced)
        nearest_indices = nearest(queries=states[encoded.examples :], candidates=states[: encoded.examples])
        return [int(index) for index in nearest_indices]

    def guessing(self, task: Task, examples: int) -> float:
        return 100.0 / max(examples, 1)

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        if any(isinstance(example, Bitext) and not example.aligned for example in examples):
            raise InputError("The English sentences of this test set are sorted, which withholds its gold.")
        counts = np.ones((len(examples), 2), dtype=np.int64)
        counts[:, 0] = [index == position for position, index in enumerate(predictions)]
        return counts

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        return {"accuracy": accuracy(totals[..., 0], totals[..., 1])}


KIND = Retrieve()
