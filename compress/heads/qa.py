"""The span of a context that answers a question: the first and the last of its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from xpareto.compress.core import Head
from xpareto.compress.data import IGNORED
from xpareto.compress.heads.losses import cross_entropy, cross_entropy_each, drawn_labels
from xpareto.compress.heads.scores import log_softmax
from xpareto.compress.heads.spec import HeadLogits, HeadSpec, Outputs

if TYPE_CHECKING:
    from torch import Generator, Tensor

_OUTPUTS = ("start_logits", "end_logits")


class QuestionAnswering(HeadSpec):
    """See HeadSpec. Labels (rows, 2): start and end, (0, 0) where a window holds no answer."""

    name: ClassVar[Head] = "qa"
    class_ending = "ForQuestionAnswering"
    texts = "two"
    max_length = 384  # as in XTREME
    dev_batch = 16

    def configure(self, config: Any, labels: Sequence[str]) -> None:
        super().configure(config, labels)
        config.num_labels = 2  # start and end; the checkpoint may tell the number of its own head's labels

    def no_labels(self, input_ids: np.ndarray, labels: int) -> np.ndarray:
        return np.full((len(input_ids), 2), IGNORED, dtype=np.int64)

    def logits(self, model: Any, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> HeadLogits:
        import torch

        start, end = span_logits(model, batch)
        rows = torch.arange(len(start), device=start.device)
        return HeadLogits(torch.cat([start, end]), torch.cat([rows, rows]))

    def gold(self, labels: Tensor, counted: Tensor | None = None) -> Tensor:
        import torch

        return torch.cat([labels[:, 0], labels[:, 1]])

    def loss(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean of the cross-entropies of an answer's first and last token.

        As in transformers' question answering, except that padding takes no share of the probability:
        the loss of a sequence does not depend on what it is batched with.
        """
        start, end = span_logits(model, batch)
        labels = batch["labels"]
        return (cross_entropy(start, labels[:, 0]) + cross_entropy(end, labels[:, 1])) / 2

    def right(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return one truth value per window: are both the best start and the best end right?"""
        start, end = span_logits(model, batch)
        labels = batch["labels"]
        return (start.argmax(-1) == labels[:, 0]) & (end.argmax(-1) == labels[:, 1])

    def example_losses(
        self, model: Any, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
    ) -> Tensor:
        start, end = span_logits(model, batch)
        if "labels" in batch:
            first, last = batch["labels"].T
        else:
            first, last = drawn_labels(start, generator), drawn_labels(end, generator)
        return (cross_entropy_each(start, first) + cross_entropy_each(end, last)) / 2

    def compared(self, model: Any, layer: int | None, batch: Mapping[str, Tensor]) -> Tensor:
        import torch

        both = self.logits(model, batch).logits
        # A finite least number at the padding, since the divergence of -inf from -inf is NaN.
        return both.masked_fill(both == float("-inf"), torch.finfo(both.dtype).min).log_softmax(-1)

    def output(self, model: Any, layer: int | None, **inputs: Any) -> Tensor:
        import torch

        answer = model(**inputs)
        return torch.stack([answer.start_logits, answer.end_logits], dim=-1)

    def exports(self) -> tuple[str, ...]:
        return _OUTPUTS

    def output_width(self, labels: int, hidden: int) -> int:
        return 2

    def scores(self, outputs: Outputs, layer: int | None, mask: np.ndarray) -> np.ndarray:
        return log_softmax(np.stack([outputs[name][mask == 1] for name in _OUTPUTS]))


def span_logits(model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the logits of start and end, each (rows, length), float32, -inf at the padding."""
    mask = batch["attention_mask"]
    answer = model(input_ids=batch["input_ids"], attention_mask=mask)
    padding = mask == 0
    start, end = (
        logits.float().masked_fill(padding, float("-inf"))
        for logits in (answer.start_logits, answer.end_logits)
    )
    return start, end


SPEC = QuestionAnswering()
