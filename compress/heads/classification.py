"""One label per sequence, or pair of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from xpareto.compress.core import Head
from xpareto.compress.heads.losses import cross_entropy_each, drawn_labels
from xpareto.compress.heads.spec import MULTI_LABEL, HeadLogits, HeadSpec

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Classification(HeadSpec):
    """See HeadSpec. Reads the first token of a sequence."""

    name: ClassVar[Head] = "classification"
    class_ending = "ForSequenceClassification"
    texts = "either"
    per_token = False
    has_label_names = True

    def owns(self, labels: Sequence[str], problem_type: str | None) -> bool:
        return len(labels) != 1 and problem_type != MULTI_LABEL

    def logits(self, model: Any, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> HeadLogits:
        import torch

        ids = batch["input_ids"]
        answer = model(input_ids=ids, attention_mask=batch["attention_mask"])
        return HeadLogits(answer.logits, torch.arange(len(ids), device=ids.device))

    def example_losses(
        self, model: Any, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
    ) -> Tensor:
        logits = self.logits(model, batch).logits.float()
        labels = batch.get("labels")
        return cross_entropy_each(logits, drawn_labels(logits, generator) if labels is None else labels)

    def packed_output(self, model: Any, layer: int | None, first: Tensor, **inputs: Any) -> Tensor:
        return classified(model, first, **inputs)

    def operations(self, batch: int, tokens: int, hidden: int, labels: int) -> int:
        return 2 * batch * hidden * (hidden + self.output_width(labels, hidden))


def classified(model: Any, first: Tensor, **inputs: Any) -> Tensor:
    """Return the logits (sequences, labels) of rows of several sequences: the head reads the first tokens."""
    states = model.base_model(**inputs).last_hidden_state
    logits: Tensor = model.classifier(states[first].unsqueeze(1))
    return logits


SPEC = Classification()
