"""The gradient of every example's loss in the mask of every head, neuron and hidden channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xpareto.compress.core import Head
from xpareto.compress.data import CalibrationSet, mask_tokens
from xpareto.compress.heads import HEADS
from xpareto.compress.models import shape_of

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 16
MASKED_SHARE = 0.15  # of the tokens of a masked LM's calibration text


@dataclass(frozen=True)
class Units:
    """One array per layer for heads and for neurons, and one for the channels of the residual stream.

    The last axis counts units; gradients have one row per example before it.
    """

    heads: tuple[np.ndarray, ...]
    neurons: tuple[np.ndarray, ...]
    hidden: np.ndarray


@dataclass
class Masks:
    """Mask variables, one row per example of a batch, all 1: what they multiply is left as it is.

    A head's mask multiplies its context before the output matrix, a neuron's its activation, and a
    hidden channel's what every layer normalisation of the body gives.
    """

    heads: list[Tensor]
    neurons: list[Tensor]
    hidden: Tensor | None

    def all(self) -> list[Tensor]:
        return [*self.heads, *self.neurons, *([] if self.hidden is None else [self.hidden])]


def batches_of(
    head: Head, examples: CalibrationSet, labelled: bool, seed: int
) -> Iterator[Mapping[str, np.ndarray]]:
    """Yield the calibration in batches for `HeadSpec.example_losses`; a masked LM's tokens are hidden by the seed."""
    if labelled:
        yield from examples.labelled_batches(BATCH)
        return
    random = np.random.default_rng(seed)
    for batch in examples.batches(BATCH):
        rows = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        if HEADS[head].predicts_tokens:
            ids, labels = mask_tokens(batch.input_ids, examples.special, MASKED_SHARE, random)
            rows = {**rows, "input_ids": ids, "labels": labels}
        yield rows


def unit_gradients(
    model: Any,
    head: Head,
    layer: int | None,
    batches: Iterator[Mapping[str, np.ndarray]],
    *,
    hidden: bool,
    seed: int,
) -> Units:
    """Return d loss(example) / d mask(unit) for all examples, in the order of the batches, float32.

    One pass forward and back per batch: each example has mask variables of its own, so their gradients
    are those of the examples apart. `hidden`: also those of the hidden channels (else no columns).
    The weights get no gradient; dropout is off.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    shape, width = shape_of(model), model.config.hidden_size
    parts: list[list[np.ndarray]] = []
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        for arrays in batches:
            batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
            count = len(batch["input_ids"])
            masks = Masks(
                [torch.ones(count, heads, requires_grad=True) for heads in shape.heads],
                [torch.ones(count, ffn, requires_grad=True) for ffn in shape.ffn],
                torch.ones(count, width, requires_grad=True) if hidden else None,
            )
            with masked(model, masks, _owners(batch)):
                losses = HEADS[head].example_losses(model, layer, batch, generator)
                gradients = torch.autograd.grad(losses.sum(), masks.all(), allow_unused=True)
            # What nothing reads, such as a layer above the one that retrieval takes, gets no gradient.
            parts.append(
                [
                    np.zeros(mask.shape, np.float32) if one is None else one.numpy()
                    for one, mask in zip(gradients, masks.all(), strict=True)
                ]
            )
    finally:
        for weight in learning:
            weight.requires_grad_(True)
    joined = [np.concatenate(arrays_of_unit) for arrays_of_unit in zip(*parts, strict=True)]
    layers = shape.layers
    none = np.zeros((len(joined[0]), 0), np.float32)
    return Units(tuple(joined[:layers]), tuple(joined[layers : 2 * layers]), joined[-1] if hidden else none)


@contextmanager
def masked(model: Any, masks: Masks, owners: Tensor) -> Iterator[None]:
    """Let masks multiply the model's units while inside; owners[i] is the mask row of sequence i."""
    hooks = []
    body = model.base_model
    size = shape_of(model).head_size

    def on_input(mask: Tensor, repeat: int) -> Any:
        def hook(_: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
            rows = mask[owners]
            return (inputs[0] * (rows.repeat_interleave(repeat, 1) if repeat > 1 else rows)[:, None],)

        return hook

    for layer, heads, neurons in zip(body.encoder.layer, masks.heads, masks.neurons, strict=True):
        if heads.shape[1]:
            hooks.append(layer.attention.output.dense.register_forward_pre_hook(on_input(heads, size)))
        if neurons.shape[1]:
            hooks.append(layer.output.dense.register_forward_pre_hook(on_input(neurons, 1)))
    channels = masks.hidden
    if channels is not None:

        def on_output(_: Any, __: Any, output: Tensor) -> Tensor:
            return output * channels[owners][:, None]

        norms = [body.embeddings.LayerNorm]
        for layer in body.encoder.layer:
            norms += [layer.attention.output.LayerNorm, layer.output.LayerNorm]
        hooks += [norm.register_forward_hook(on_output) for norm in norms]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _owners(batch: Mapping[str, Tensor]) -> Tensor:
    """Return the example of each sequence that goes through the model, as multiple choice picks them."""
    import torch

    mask = batch["attention_mask"]
    if mask.ndim == 3:
        return mask.any(-1).nonzero()[:, 0]
    return torch.arange(len(mask))
