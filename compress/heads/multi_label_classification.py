"""Any number of labels per sequence, or pair of texts: each label is a yes or no of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from xpareto.compress.core import Head
from xpareto.compress.data import IGNORED
from xpareto.compress.heads.classification import classified
from xpareto.compress.heads.losses import cross_entropy_each, drawn_labels
from xpareto.compress.heads.scores import log_softmax
from xpareto.compress.heads.spec import MULTI_LABEL, HeadLogits, HeadSpec, Outputs

if TYPE_CHECKING:
    from torch import Generator, Tensor


class MultiLabelClassification(HeadSpec):
    """See HeadSpec. Labels (rows, labels) of 0 and 1: transformers' multi_label_classification.

    A logit z is the pair (0, z), whose softmax gives the label sigmoid(z). So the loss is torch's BCEWithLogitsLoss,
    and what a student learns of a teacher's logits is the divergence of each label's yes and no: the
    one-versus-all reduction of Yang et al. 2023, "Multi-Label Knowledge Distillation", section 3.2.
    """

    name: ClassVar[Head] = "multi_label_classification"
    class_ending = "ForSequenceClassification"
    problem_type = MULTI_LABEL
    texts = "either"
    per_token = False
    has_label_names = True

    def owns(self, labels: Sequence[str], problem_type: str | None) -> bool:
        return problem_type == MULTI_LABEL

    def no_labels(self, input_ids: np.ndarray, labels: int) -> np.ndarray:
        return np.full((len(input_ids), labels), IGNORED, dtype=np.int64)

    def logits(self, model: Any, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> HeadLogits:
        """Return one row per label of every sequence, over no and yes."""
        import torch

        yes = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        pairs = torch.stack([torch.zeros_like(yes), yes], -1).flatten(0, 1)
        rows = torch.arange(len(yes), device=yes.device)
        return HeadLogits(pairs, rows.repeat_interleave(yes.shape[1]))

    def gold(self, labels: Tensor, counted: Tensor | None = None) -> Tensor:
        return labels.flatten()

    def example_losses(
        self, model: Any, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
    ) -> Tensor:
        logits = self.logits(model, batch).logits.float()
        gold = self.gold(batch["labels"]) if "labels" in batch else drawn_labels(logits, generator)
        return cross_entropy_each(logits, gold).unflatten(0, (len(batch["input_ids"]), -1)).mean(1)

    def packed_output(self, model: Any, layer: int | None, first: Tensor, **inputs: Any) -> Tensor:
        return classified(model, first, **inputs)

    def operations(self, batch: int, tokens: int, hidden: int, labels: int) -> int:
        return 2 * batch * hidden * (hidden + self.output_width(labels, hidden))

    def scores(self, outputs: Outputs, layer: int | None, mask: np.ndarray) -> np.ndarray:
        """Return the log-probabilities of no and yes, (labels, 2)."""
        yes = outputs["logits"]
        return log_softmax(np.stack([np.zeros_like(yes), yes], axis=-1))


SPEC = MultiLabelClassification()
