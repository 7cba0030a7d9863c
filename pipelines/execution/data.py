"""What compress needs of the outside world (compress.core.data_protocol.DataProvider), made of eval's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xpareto.compress.core import Examples, Head, Split
from xpareto.eval.encoding import training_examples
from xpareto.eval.tasks import ENCODER

if TYPE_CHECKING:
    from xpareto.eval.data import Data


@dataclass(frozen=True)
class TaskDataProvider:
    """Training sets and text of one opened data folder."""

    data: Data
    own_labels: tuple[str, ...] = ()  # in the order of the outputs of the model at hand; (): that of the data

    def head(self, training_set: str) -> Head:
        if training_set == ENCODER:
            return "encoder"
        return self.data.training_set(training_set).head

    def labels(self, training_set: str) -> tuple[str, ...]:
        if training_set == ENCODER:
            return ()
        labels = self.data.labels(training_set)
        return self.own_labels if sorted(self.own_labels) == sorted(labels) else labels

    def examples(
        self, training_set: str, split: Split, tokenizer: Path, max_length: int, limit: int | None
    ) -> Examples:
        labels = self.labels(training_set)
        return training_examples(self.data, training_set, split, tokenizer, max_length, limit, labels)

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        return self.data.text(name)
