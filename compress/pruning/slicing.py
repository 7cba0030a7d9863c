"""Take heads, neurons and hidden channels out of a model's matrices: smaller shapes, the rest unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xpareto.compress.models import count_heads, modules, rank_of


def narrow(
    model: Any, heads: Sequence[Sequence[int]], neurons: Sequence[Sequence[int]], hidden: Sequence[int]
) -> None:
    """Keep these heads and neurons of every layer, and these channels of the residual stream, in place."""
    for layer, kept_heads, kept_neurons in zip(model.base_model.encoder.layer, heads, neurons, strict=True):
        narrow_layer(layer, kept_heads, kept_neurons)
    if list(hidden) != list(range(model.config.hidden_size)):
        narrow_hidden(model, hidden)


def set_linear(parent: Any, name: str, weight: Any, bias: Any | None) -> None:
    """Put a Linear (weight: out x in) in a module's place; one without inputs becomes its bias."""
    import torch

    out, width = weight.shape
    linear: Any = torch.nn.Linear
    # skip_init: fresh weights would move the process' random numbers, and are overwritten anyway
    if width:
        made = torch.nn.utils.skip_init(linear, width, out, bias=bias is not None)
    else:
        made = modules().BiasOnly(out)
    with torch.no_grad():
        if width:
            made.weight.copy_(weight)
        if bias is not None:
            made.bias.copy_(bias)
    made.train(parent.training)
    setattr(parent, name, made)


def narrow_layer(layer: Any, heads: Sequence[int], neurons: Sequence[int]) -> None:
    """Keep these attention heads and feed-forward neurons of a layer, in place, weights taken over."""
    import torch

    attention = layer.attention.self
    head_count = getattr(attention, "num_attention_heads", 0)
    if list(heads) != list(range(head_count)):
        size = attention.attention_head_size
        rows = torch.tensor([head * size + at for head in heads for at in range(size)], dtype=torch.long)
        dense = layer.attention.output.dense
        set_linear(layer.attention.output, "dense", dense.weight[:, rows], dense.bias)
        if heads:
            for name in ("query", "key", "value"):
                linear = getattr(attention, name)
                set_linear(attention, name, linear.weight[rows], linear.bias[rows])
            count_heads(attention, len(heads), size)
        else:
            layer.attention.self = modules().Nothing()
    neuron_count = layer.intermediate.dense.out_features if hasattr(layer.intermediate, "dense") else 0
    if list(neurons) != list(range(neuron_count)):
        kept = torch.tensor(list(neurons), dtype=torch.long)
        up, down = layer.intermediate.dense, layer.output.dense
        set_linear(layer.output, "dense", down.weight[:, kept], down.bias)
        if neurons:
            set_linear(layer.intermediate, "dense", up.weight[kept], up.bias[kept])
        else:
            layer.intermediate = torch.nn.Identity()


def narrow_hidden(model: Any, kept: Sequence[int]) -> None:
    """Keep these channels of the residual stream, in place: in the embeddings, every layer and the head.

    Layer normalisations take their mean and variance over what is left. These are the channels that
    torch-pruning's dependency graph groups with one channel of a layer normalisation (a test compares);
    its graph does not know our modules of heterogeneous layers, so the matrices are cut here.

    The inner width of a classification head equals the hidden size in transformers' class: of its
    units those stay whose weights in and out have the largest product of norms. A masked LM's inner
    channels are those that its output, the word embeddings, has.
    """
    import torch

    at = torch.tensor(list(kept), dtype=torch.long)
    body = model.base_model
    embeddings = body.embeddings
    table = embeddings.word_embeddings
    tied = getattr(model.get_output_embeddings(), "weight", None) is table.weight
    if rank_of(table) is None:
        _cut_embedding(embeddings, "word_embeddings", at)
    else:
        _cut(table, "projection", rows=at)
    for name in ("position_embeddings", "token_type_embeddings"):
        _cut_embedding(embeddings, name, at)
    _cut_norm(embeddings, "LayerNorm", at)
    for layer in body.encoder.layer:
        for name in ("query", "key", "value"):
            if hasattr(layer.attention.self, name):
                _cut(layer.attention.self, name, columns=at)
        if hasattr(layer.intermediate, "dense"):
            _cut(layer.intermediate, "dense", columns=at)
        for output in (layer.attention.output, layer.output):
            _cut(output, "dense", rows=at)
            _cut_norm(output, "LayerNorm", at)
    model.config.hidden_size = len(kept)
    for name, part in list(model.named_children()):
        if part is body:
            continue
        if isinstance(part, torch.nn.Linear):
            _cut(model, name, columns=at)
        elif name == "classifier":
            norms = part.dense.weight.norm(dim=1) * part.out_proj.weight.norm(dim=0)
            inner = torch.argsort(norms, descending=True, stable=True)[: len(kept)].sort().values
            _cut(part, "dense", rows=inner, columns=at)
            _cut(part, "out_proj", columns=inner)
        elif name == "lm_head":
            _cut(part, "dense", rows=at, columns=at)
            _cut_norm(part, "layer_norm", at)
            if tied:
                part.decoder.weight = embeddings.word_embeddings.weight
                part.decoder.in_features = len(kept)
            elif rank_of(table) is None:
                _cut(part, "decoder", columns=at)


def _cut(parent: Any, name: str, *, rows: Any = None, columns: Any = None) -> None:
    """Keep rows and columns of a Linear, or rows of what has a bias only."""
    import torch

    part = getattr(parent, name)
    bias = part.bias
    if bias is not None and rows is not None:
        bias = bias[rows]
    if not hasattr(part, "weight"):
        part.bias = torch.nn.Parameter(bias.detach().clone())
        return
    weight = part.weight if rows is None else part.weight[rows]
    set_linear(parent, name, weight if columns is None else weight[:, columns], bias)


def _cut_embedding(parent: Any, name: str, columns: Any) -> None:
    import torch

    part = getattr(parent, name)
    made = torch.nn.utils.skip_init(
        torch.nn.Embedding, part.num_embeddings, len(columns), padding_idx=part.padding_idx
    )
    with torch.no_grad():
        made.weight.copy_(part.weight[:, columns])
    setattr(parent, name, made)


def _cut_norm(parent: Any, name: str, channels: Any) -> None:
    import torch

    part = getattr(parent, name)
    made = torch.nn.LayerNorm(len(channels), eps=part.eps)
    with torch.no_grad():
        made.weight.copy_(part.weight[channels])
        made.bias.copy_(part.bias[channels])
    setattr(parent, name, made)
