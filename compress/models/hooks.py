"""What a body computes on the way: hidden states, queries, keys and values of chosen layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xpareto.compress.architectures import architecture_of, part_of

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
    architecture = architecture_of(body)
    layers = architecture.layers_of(body)

    def keep(module: Any, into: Sequence[dict[int, Tensor]], at: int) -> None:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            output = output[0] if isinstance(output, tuple) else output
            for kept, part in zip(into, output.chunk(len(into), dim=-1), strict=True):
                kept.setdefault(at, part)  # DeBERTa's maps read positions as well, after the states

        handles.append(module.register_forward_hook(hook))

    compared = [trace.query, trace.key, trace.value]
    for at in hidden:
        keep(layers[at - 1] if at else body.embeddings, [trace.hidden], at)
    for at in attention:
        maps = [part_of(layers[at - 1], path) for path in architecture.projections]
        for module, into in zip(
            maps, [compared] if len(maps) == 1 else [[one] for one in compared], strict=True
        ):
            keep(module, into, at)
    try:
        yield trace
    finally:
        for handle in handles:
            handle.remove()


def attention_heads(body: Any, layer: int) -> int:
    """Return the number of attention heads of a layer, counted from 1; 0 where all are pruned."""
    architecture = architecture_of(body)
    if not architecture.own_shapes:
        return int(body.config.num_attention_heads)
    return int(getattr(_attention(body, layer), "num_attention_heads", 0))


def attention_width(body: Any, layer: int) -> int:
    """Return the width of the queries of a layer, counted from 1: all its heads together."""
    architecture = architecture_of(body)
    if architecture.own_shapes and not hasattr(_attention(body, layer), "query"):
        return 0
    maps = architecture.projections
    first = part_of(architecture.layers_of(body)[layer - 1], maps[0])
    return int(first.out_features) * len(maps) // 3


def _attention(body: Any, layer: int) -> Any:
    return getattr(body.encoder.layer[layer - 1].attention, "self")  # noqa: B009 (mypy takes .self for a name)
