"""What a model loses when some of its layers are left out, on calibration examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from xpareto.compress.architectures import architecture_of
from xpareto.compress.core import Head
from xpareto.compress.data import CalibrationSet, mask_tokens
from xpareto.compress.heads import HEADS
from xpareto.compress.models import layer_read

BATCH = 16
_MASKED_SHARE = 0.15
_MASK_SEED = 0  # the same tokens are guessed whichever layers are there


@contextmanager
def only_layers(model: Any, kept: Sequence[int]) -> Iterator[None]:
    """Let the model have the layers of these indices only; give them all back at the end."""
    architecture, body = architecture_of(model), model.base_model
    with architecture.given_layers(body):
        architecture.put_layers(body, kept)
        yield


def token_states(model: Any, examples: CalibrationSet) -> Iterator[list[np.ndarray]]:
    """Yield the hidden states of each batch, embeddings first, each (tokens, width) without padding."""
    import torch

    for batch in examples.batches(BATCH):
        mask = torch.from_numpy(batch.attention_mask)
        with torch.inference_mode():
            outputs = model.base_model(
                input_ids=torch.from_numpy(batch.input_ids), attention_mask=mask, output_hidden_states=True
            )
        yield [state[mask == 1].numpy() for state in outputs.hidden_states]


def loss_without(
    model: Any, head: Head, layer: int | None, examples: CalibrationSet
) -> Callable[[Sequence[int]], float]:
    """Return a function: indices of the layers that are there -> mean loss over the examples.

    Labelled examples: the loss that the head is trained by. Text: of a masked language model its own
    loss, the tokens to be guessed drawn once; of an encoder 1 - the cosine between the mean of the
    tokens' states at the layer that is read, and that of the whole model, which is how retrieval reads
    it; of any other head the KL divergence from the whole model's answers (of choice, which has one
    score for a sequence, the squared difference).
    """
    if examples.labelled or HEADS[head].predicts_tokens:
        return _own_loss(model, head, examples)
    return _change(model, head, layer, examples)


def _own_loss(model: Any, head: Head, examples: CalibrationSet) -> Callable[[Sequence[int]], float]:
    import torch

    batches: list[Mapping[str, np.ndarray]]
    if examples.labelled:
        batches = list(examples.labelled_batches(BATCH))
    else:
        random = np.random.default_rng(_MASK_SEED)
        batches = []
        for batch in examples.batches(BATCH):
            ids, labels = mask_tokens(batch.input_ids, examples.special, _MASKED_SHARE, random)
            batches.append({"input_ids": ids, "attention_mask": batch.attention_mask, "labels": labels})

    def loss(kept: Sequence[int]) -> float:
        total = 0.0
        with only_layers(model, kept), torch.inference_mode():
            for batch in batches:
                tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
                total += float(HEADS[head].loss(model, tensors)) * len(batch["labels"])
        return total / sum(len(batch["labels"]) for batch in batches)

    return loss


def _change(
    model: Any, head: Head, layer: int | None, examples: CalibrationSet
) -> Callable[[Sequence[int]], float]:
    import torch

    spec = HEADS[head]
    batches = [
        {
            "input_ids": torch.from_numpy(batch.input_ids),
            "attention_mask": torch.from_numpy(batch.attention_mask),
        }
        for batch in examples.batches(BATCH)
    ]
    with torch.inference_mode():
        whole = [spec.compared(model, layer, batch) for batch in batches]

    def loss(kept: Sequence[int]) -> float:
        total, rows = 0.0, 0
        read = layer_read(layer, kept)
        with only_layers(model, kept), torch.inference_mode():
            for expected, batch in zip(whole, batches, strict=True):
                distances = spec.distance(expected, spec.compared(model, read, batch))
                total += float(distances.double().sum())
                rows += len(distances)
        return total / rows

    return loss
