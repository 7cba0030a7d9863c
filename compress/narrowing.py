"""Take heads, neurons and hidden channels out of a model's matrices: smaller shapes, the rest unchanged."""

from __future__ import annotations

from typing import Any

from compress.uneven import count_heads, modules


def set_linear(parent: Any, name: str, weight: Any, bias: Any) -> None:
    """Put a Linear (weight: out x in) in a module's place; one without inputs becomes its bias."""
    import torch

    out, width = weight.shape
    linear: Any = torch.nn.Linear
    # skip_init: fresh weights would move the process' random numbers, and are overwritten anyway
    made = torch.nn.utils.skip_init(linear, width, out) if width else modules().BiasOnly(out)
    with torch.no_grad():
        if width:
            made.weight.copy_(weight)
        made.bias.copy_(bias)
    made.train(parent.training)
    setattr(parent, name, made)


def narrow_layer(layer: Any, heads: list[int], neurons: list[int]) -> None:
    """Keep these attention heads and feed-forward neurons of a layer, in place, weights taken over."""
    import torch

    attention = layer.attention.self
    found = getattr(attention, "num_attention_heads", 0)
    if heads != list(range(found)):
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
    found = layer.intermediate.dense.out_features if hasattr(layer.intermediate, "dense") else 0
    if neurons != list(range(found)):
        kept = torch.tensor(neurons, dtype=torch.long)
        up, down = layer.intermediate.dense, layer.output.dense
        set_linear(layer.output, "dense", down.weight[:, kept], down.bias)
        if neurons:
            set_linear(layer.intermediate, "dense", up.weight[kept], up.bias[kept])
        else:
            layer.intermediate = torch.nn.Identity()
