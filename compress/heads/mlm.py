"""A masked language model: guesses the hidden tokens of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from xpareto.compress.architectures import architecture_of
from xpareto.compress.core import Head
from xpareto.compress.heads.losses import cross_entropy_each
from xpareto.compress.heads.spec import HeadLogits, HeadSpec

if TYPE_CHECKING:
    from torch import Generator, Tensor


class MaskedLM(HeadSpec):
    """See HeadSpec. No runtime opens it: it has no answer to deploy."""

    name: ClassVar[Head] = "mlm"
    class_ending = "ForMaskedLM"
    supervised = False
    predicts_tokens = True
    labels_tokens = True
    deployable = False
    text_objective = "masked language modelling"

    def logits(self, model: Any, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> HeadLogits:
        """Return the logits over the whole vocabulary, of the counted tokens alone.

        Only these go through the head: its product with the vocabulary is the largest cost of a step, and
        85 % of the rows would be thrown away.
        """
        assert counted is not None, "a masked LM is asked for hidden tokens"
        body = model.base_model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        logits = architecture_of(model).vocabulary_logits(model, body.last_hidden_state[counted])
        return HeadLogits(logits, counted.nonzero()[:, 0])

    def example_losses(
        self, model: Any, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
    ) -> Tensor:
        labels = batch["labels"]
        counted = self.counted(labels)
        answer = self.logits(model, batch, counted)
        losses = cross_entropy_each(answer.logits.float(), self.gold(labels, counted))
        summed = losses.new_zeros(len(labels)).index_add(0, answer.row, losses)
        return summed / counted.sum(1).clamp(min=1)


SPEC = MaskedLM()
