"""One label per token; tokens without a label, such as a word's later subwords, bear no loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from xpareto.compress.core import Head
from xpareto.compress.data import IGNORED
from xpareto.compress.heads.losses import cross_entropy_each, drawn_labels
from xpareto.compress.heads.spec import HeadLogits, HeadSpec

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Tagging(HeadSpec):
    """See HeadSpec."""

    name: ClassVar[Head] = "tagging"
    class_ending = "ForTokenClassification"
    labels_tokens = True
    has_label_names = True

    def logits(self, model: Any, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> HeadLogits:
        assert counted is not None, "tags are asked for at tokens"
        answer = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        return HeadLogits(answer.logits[counted], counted.nonzero()[:, 0])

    def example_losses(
        self, model: Any, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
    ) -> Tensor:
        mask = batch["attention_mask"]
        logits = self.output(model, layer, input_ids=batch["input_ids"], attention_mask=mask).float()
        labels = batch.get("labels")
        if labels is None:
            labels = drawn_labels(logits, generator).masked_fill(mask == 0, IGNORED)
        losses = cross_entropy_each(logits.transpose(1, 2), labels)
        return losses.sum(1) / (labels != IGNORED).sum(1).clamp(min=1)

    def without_labels(self, scores: np.ndarray) -> np.ndarray:
        """Return the decisions between <s> and </s>."""
        return scores[1:-1] if len(scores) > 2 else scores


SPEC = Tagging()
