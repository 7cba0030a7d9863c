"""What a body computes on the way: hidden states, queries, keys and values of chosen layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Trace:
    """Tensors of one forward pass by layer: (rows, length, width). Layer 0 are the embeddings."""

    hidden: dict[int, Tensor] = field(default_factory=dict)
    query: dict[int, Tensor] = field(default_factory=dict)
    key: dict[int, Tensor] = field(default_factory=dict)
    value: dict[int, Tensor] = field(default_factory=dict)


@contextmanager
def traced(body: Any, hidden: Collection[int], attention: Collection[int]) -> Iterator[Trace]:
    """Fill the yielded trace in the next forward pass: `hidden` states, and what `attention` layers compare.

    Taken where they arise, so the faster attention kernels stay in use, and layers may be heterogeneous.
    """
    trace = Trace()
    handles = []

    def keep(module: Any, into: dict[int, Tensor], at: int) -> None:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            into[at] = output[0] if isinstance(output, tuple) else output

        handles.append(module.register_forward_hook(hook))

    for at in hidden:
        keep(body.encoder.layer[at - 1] if at else body.embeddings, trace.hidden, at)
    for at in attention:
        attention_module = _attention(body, at)
        for name in ("query", "key", "value"):
            keep(getattr(attention_module, name), getattr(trace, name), at)
    try:
        yield trace
    finally:
        for handle in handles:
            handle.remove()


def attention_heads(body: Any, layer: int) -> int:
    """Return the number of attention heads of a layer, counted from 1; 0 where all are pruned."""
    return int(getattr(_attention(body, layer), "num_attention_heads", 0))


def attention_width(body: Any, layer: int) -> int:
    """Return the width of the queries of a layer, counted from 1: all its heads together."""
    attention_module = _attention(body, layer)
    return int(attention_module.query.out_features) if hasattr(attention_module, "query") else 0


def _attention(body: Any, layer: int) -> Any:
    return getattr(body.encoder.layer[layer - 1].attention, "self")  # noqa: B009 (mypy takes .self for a name)
