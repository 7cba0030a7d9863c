"""How much a model needs each head, neuron and hidden channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xpareto.compress.data import CalibrationSet
from xpareto.compress.models import shape_of
from xpareto.compress.pruning.mask_gradients import BATCH, Units

if TYPE_CHECKING:
    from torch import Tensor

Importance = Literal["fisher", "taylor", "magnitude", "activation", "random"]


def from_gradients(gradients: Units, by: Literal["fisher", "taylor"]) -> Units:
    """Return the importance of each unit from the examples' gradients in its mask.

    fisher: the mean square, the diagonal of the Fisher information (Kwon et al. 2022, arXiv 2204.09656,
    equation 9). taylor: the mean absolute value, first-order (Michel et al. 2019, arXiv 1905.10650,
    equation 3; Molchanov et al. 2017).
    """

    def score(array: np.ndarray) -> np.ndarray:
        wide = array.astype(np.float64)
        return np.square(wide).mean(0) if by == "fisher" else np.abs(wide).mean(0)

    return Units(
        tuple(map(score, gradients.heads)), tuple(map(score, gradients.neurons)), score(gradients.hidden)
    )


def by_magnitude(model: Any) -> Units:
    """Return the squared norm of each unit's weights.

    A head: its rows of the query, key and value matrices and its columns of the output matrix. A
    neuron: its row of the first matrix and its column of the second. A hidden channel: its columns of
    the matrices that read it and its rows of those that write it, embeddings left out, since their
    hundreds of thousands of rows would outvote the layers.
    """
    shape, width = shape_of(model), model.config.hidden_size
    heads, neurons, hidden = [], [], np.zeros(width)
    for layer, count, ffn in zip(model.base_model.encoder.layer, shape.heads, shape.ffn, strict=True):
        readers, writers = [], []
        if count:
            attention = layer.attention
            inner = [getattr(attention.self, name).weight for name in ("query", "key", "value")]
            readers += inner
            writers.append(attention.output.dense.weight)
            rows = sum(_squares(weight, 1) for weight in inner) + _squares(writers[-1], 0)
            heads.append(np.asarray(rows).reshape(count, -1).sum(1))
        else:
            heads.append(np.zeros(0))
        if ffn:
            readers.append(layer.intermediate.dense.weight)
            writers.append(layer.output.dense.weight)
            neurons.append(_squares(readers[-1], 1) + _squares(writers[-1], 0))
        else:
            neurons.append(np.zeros(0))
        hidden = hidden + sum(_squares(weight, 0) for weight in readers)
        hidden = hidden + sum(_squares(weight, 1) for weight in writers)
    return Units(tuple(heads), tuple(neurons), hidden)


def activation(model: Any, examples: CalibrationSet) -> Units:
    """Return the mean square, over tokens, of the norm of what each unit adds to the residual stream.

    A neuron adds its activation times its column of the second matrix, a head its context times its
    columns of the output matrix. A hidden channel: the mean square of what the layer normalisations
    give it, summed over them.
    """
    import torch

    shape, width = shape_of(model), model.config.hidden_size
    body = model.base_model
    heads = [torch.zeros(count, dtype=torch.float64) for count in shape.heads]
    neurons = [torch.zeros(count, dtype=torch.float64) for count in shape.ffn]
    hidden, tokens = torch.zeros(width, dtype=torch.float64), 0
    there: Tensor

    def on_input(total: Tensor, size: int) -> Any:
        def hook(dense: Any, inputs: tuple[Tensor, ...]) -> None:
            rows = inputs[0][there]
            for unit, head_context in enumerate(rows.split(size, 1)) if size > 1 else ():
                added = head_context @ dense.weight[:, unit * size : (unit + 1) * size].T
                total[unit] += added.double().square().sum()
            if size == 1:
                total.add_(rows.double().square().sum(0) * dense.weight.double().square().sum(0))

        return hook

    def on_output(_: Any, __: Any, output: Tensor) -> None:
        hidden.add_(output[there].double().square().sum(0))

    hooks = [body.embeddings.LayerNorm.register_forward_hook(on_output)]
    for at, layer in enumerate(body.encoder.layer):
        for norm in (layer.attention.output.LayerNorm, layer.output.LayerNorm):
            hooks.append(norm.register_forward_hook(on_output))
        if shape.heads[at]:
            head_hook = on_input(heads[at], shape.head_size)
            hooks.append(layer.attention.output.dense.register_forward_pre_hook(head_hook))
        if shape.ffn[at]:
            hooks.append(layer.output.dense.register_forward_pre_hook(on_input(neurons[at], 1)))
    try:
        for batch in examples.batches(BATCH):
            mask = torch.from_numpy(batch.attention_mask)
            there, tokens = mask == 1, tokens + int(mask.sum())
            with torch.inference_mode():
                body(input_ids=torch.from_numpy(batch.input_ids), attention_mask=mask)
    finally:
        for hook in hooks:
            hook.remove()
    return Units(
        tuple((total / tokens).numpy() for total in heads),
        tuple((total / tokens).numpy() for total in neurons),
        (hidden / tokens).numpy(),
    )


def at_random(model: Any, seed: int) -> Units:
    """Return importance drawn uniformly: the control that every other measure should beat.

    A head, whose weights are those of 2 head_size neurons, counts as so many: under a common budget the
    same share of heads and neurons goes.
    """
    random, shape = np.random.default_rng(seed), shape_of(model)
    return Units(
        tuple(random.random(count) * 2 * shape.head_size for count in shape.heads),
        tuple(random.random(count) for count in shape.ffn),
        random.random(model.config.hidden_size),
    )


def _squares(weight: Tensor, axis: int) -> np.ndarray:
    """Return the sum of squares over an axis, float64."""
    return np.asarray(weight.detach().double().square().sum(axis).numpy())
