"""The bare body: its answer is a hidden state, of which retrieval takes the mean over the tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from xpareto.compress.core import Examples, Head
from xpareto.compress.data import IGNORED
from xpareto.compress.heads.losses import random_signs
from xpareto.compress.heads.sentence_vectors import SentenceVectors
from xpareto.compress.heads.spec import HeadLogits, HeadSpec, Outputs

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Encoder(HeadSpec):
    """See HeadSpec. `layer` is the hidden state that is read, 0 for the embeddings; None: the last."""

    name: ClassVar[Head] = "encoder"
    class_ending = "Model"
    supervised = False
    has_logits = False
    text_objective = "reconstruction of the hidden state"

    def logits(self, model: Any, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> HeadLogits:
        raise ValueError("expected a model with a head, found a bare encoder, which has no logits")

    def example_losses(
        self, model: Any, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
    ) -> Tensor:
        mask = batch["attention_mask"]
        states = self.output(model, layer, input_ids=batch["input_ids"], attention_mask=mask)
        signed = states * random_signs(states.shape, generator) * mask[..., None]
        return signed.sum((1, 2)) / mask.sum(1).sqrt()

    def compared(self, model: Any, layer: int | None, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the vector of each sequence as the model pools its states, (rows, width)."""
        mask = batch["attention_mask"]
        states = self.output(model, layer, input_ids=batch["input_ids"], attention_mask=mask)
        vectors: Tensor = SentenceVectors.of(vars(model.config)).pooled(states, mask)
        return vectors

    def distance(self, expected: Tensor, changed: Tensor) -> Tensor:
        """Return 1 - the cosine of each row."""
        import torch

        return 1 - torch.nn.functional.cosine_similarity(expected, changed, dim=-1)

    def output(self, model: Any, layer: int | None, **inputs: Any) -> Tensor:
        states: Tensor
        if layer is None:
            states = model(**inputs).last_hidden_state
        else:
            states = model(**inputs, output_hidden_states=True).hidden_states[layer]
        return states

    def exports(self) -> tuple[str, ...]:
        return ("last_hidden_state",)

    def read_outputs(self, layer: int | None, layers: int) -> tuple[str, ...]:
        # An export ends at the layer that is read; those of xpareto 0.2.0 gave it beside the last one.
        return ("last_hidden_state",) if layer in (None, layers) else (f"hidden_state_{layer}",)

    def output_width(self, labels: int, hidden: int) -> int:
        return hidden

    def operations(self, batch: int, tokens: int, hidden: int, labels: int) -> int:
        return 0

    def scores(self, outputs: Outputs, layer: int | None, mask: np.ndarray) -> np.ndarray:
        """Return the mean of the states over all tokens as a unit vector, (width,)."""
        states = outputs.get(f"hidden_state_{layer}", outputs["last_hidden_state"])[mask == 1]
        vector = states.astype(np.float64).mean(axis=0)
        unit: np.ndarray = vector / max(float(np.linalg.norm(vector)), 1e-12)
        return unit

    def decisions(
        self, scores: Sequence[np.ndarray], rows: Examples, labelled: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        return np.stack(scores), np.full(len(scores), IGNORED)


SPEC = Encoder()
