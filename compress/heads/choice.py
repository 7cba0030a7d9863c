"""Multiple choice: each option is a sequence of its own with one score; the best option is the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from xpareto.compress.core import Examples, Head
from xpareto.compress.heads.classification import classified
from xpareto.compress.heads.losses import cross_entropy_each, random_signs
from xpareto.compress.heads.scores import log_softmax, padded_scores
from xpareto.compress.heads.spec import MULTI_LABEL, HeadLogits, HeadSpec, Outputs

if TYPE_CHECKING:
    from torch import Generator, Tensor


class MultipleChoice(HeadSpec):
    """See HeadSpec. A labelled batch holds questions; sequences without labels are options by themselves."""

    name: ClassVar[Head] = "choice"
    class_ending = "ForSequenceClassification"  # with one label: the score of one option
    texts = "two"
    reads_text = False
    per_token = False
    max_length = 256  # half of the choices of HellaSwag and CosmosQA are longer than 128; as in jiant
    dev_batch = 16

    def owns(self, labels: Sequence[str], problem_type: str | None) -> bool:
        return len(labels) == 1 and problem_type != MULTI_LABEL

    def configure(self, config: Any, labels: Sequence[str]) -> None:
        super().configure(config, labels)
        config.id2label, config.label2id = {0: "score"}, {"score": 0}

    def logits(self, model: Any, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> HeadLogits:
        """Return one row per question, one logit per option: float32, -inf where a question has none.

        input_ids and attention_mask (questions, most options, length); see batching.collate_choices. Only
        real options go through the model, which gives one logit for each sequence.
        """
        import torch

        mask = batch["attention_mask"]
        real = mask.any(-1)
        scores = model(input_ids=batch["input_ids"][real], attention_mask=mask[real]).logits[:, 0]
        none = scores.float().new_full(real.shape, float("-inf"))
        return HeadLogits(
            none.masked_scatter(real, scores.float()), torch.arange(len(mask), device=mask.device)
        )

    def example_losses(
        self, model: Any, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
    ) -> Tensor:
        if "labels" in batch:
            return cross_entropy_each(self.logits(model, batch).logits, batch["labels"])
        scores = self.compared(model, layer, batch)[:, 0]
        return scores * random_signs(scores.shape, generator)

    def compared(self, model: Any, layer: int | None, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the score of each sequence, (rows, 1)."""
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        return self.output(model, layer, **inputs)

    def distance(self, expected: Tensor, changed: Tensor) -> Tensor:
        """Return the squared difference of the scores."""
        return ((expected - changed) ** 2).sum(-1)

    def packed_output(self, model: Any, layer: int | None, first: Tensor, **inputs: Any) -> Tensor:
        return classified(model, first, **inputs)

    def output_width(self, labels: int, hidden: int) -> int:
        return 1

    def operations(self, batch: int, tokens: int, hidden: int, labels: int) -> int:
        return 2 * batch * hidden * (hidden + 1)

    def scores(self, outputs: Outputs, layer: int | None, mask: np.ndarray) -> np.ndarray:
        """Return the score of one option, (1, 1), which only those of its question make a probability."""
        return np.atleast_2d(outputs["logits"]).astype(np.float64)

    def decisions(
        self, scores: Sequence[np.ndarray], rows: Examples, labelled: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return one row per question, over its options."""
        assert rows.options is not None, "a multiple-choice model is shown questions"
        logits, ends = np.concatenate(scores), np.cumsum(rows.options)
        parts = [
            log_softmax(logits[end - count : end].T) for end, count in zip(ends, rows.options, strict=True)
        ]
        return padded_scores(parts), np.asarray(rows.labels, np.int64)


SPEC = MultipleChoice()
