"""What training needs of the outside world: `pipelines` satisfies it from eval's tasks.

Declared here so that compress imports nothing of ours (dependency inversion).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from xpareto.compress.core.artifact import Head

if TYPE_CHECKING:
    import numpy as np

Split = Literal["train", "dev"]


class Examples(Protocol):
    """Encoded training examples, special tokens included, not padded.

    labels[i] is one class index for classification; for multi_label_classification a 0 or 1 for each label; for
    tagging one index per subword with -100 wherever no loss is wanted; for qa the positions (start, end) of the
    answer's first and last subword in the sequence, (0, 0) where the window holds none. For choice,
    `options[i]` consecutive sequences are the options of question i and labels[i] is the index of the right one;
    elsewhere `options` is None, and labels[i] belongs to sequence i.

    `metric` gives dev examples' own score in percent, from the model's output for each sequence in their order
    (tagging: (length, labels), qa: (length, 2)); None: it is the share of right labels.
    """

    @property
    def input_ids(self) -> Sequence[Sequence[int]]: ...

    @property
    def labels(self) -> Sequence[int] | Sequence[Sequence[int]]: ...

    @property
    def options(self) -> Sequence[int] | None: ...

    @property
    def metric(self) -> Callable[[Sequence[np.ndarray]], float] | None: ...


class DataProvider(Protocol):
    """Training sets by name, and unlabelled text by name."""

    def head(self, training_set: str) -> Head:
        """Return the head that the training set trains ("encoder": nothing to train)."""
        ...

    def labels(self, training_set: str) -> tuple[str, ...]:
        """Return the label names in the order of their indices."""
        ...

    def examples(
        self, training_set: str, split: Split, tokenizer: Path, max_length: int, limit: int | None
    ) -> Examples:
        """Return the encoded examples of one split.

        `training_set` may name a language (``mnli@de``); `tokenizer` is a tokenizer.json; `limit`
        keeps the first examples only. A training set without a dev split gives none for "dev".
        """
        ...

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        """Return unlabelled lines by language.

        For "parallel", line i of every language says the same; an empty line means none.
        """
        ...
