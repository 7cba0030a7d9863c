"""Which heads, neurons and channels of an encoder stay, by what each is worth and what it may cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xpareto.compress.models import encoder_cost, shape_of, width_costs
from xpareto.compress.pruning.mask_search import allowed, best, rearrange, search, uniform

if TYPE_CHECKING:
    from xpareto.compress.models import Shape
    from xpareto.compress.pruning.mask_gradients import Units


@dataclass(frozen=True)
class Kept:
    """The units that stay, by layer, and the hidden channels; how many were exchanged for others."""

    heads: tuple[list[int], ...]
    neurons: tuple[list[int], ...]
    hidden: list[int]
    exchanged: int


def counts_by_cost(
    importance: Units,
    shape: Shape,
    hidden_size: int,
    length: int,
    *,
    keep: float,
    cost: Literal["flops", "parameters"],
    multiple: int,
) -> list[int]:
    """Return how many heads, then how many neurons, each layer keeps for a share of the encoder's cost.

    `length`: tokens of the sequence that flops are counted for. Neurons stay in multiples.
    """
    heads, neurons = width_costs(cost, shape, hidden_size, length)
    return search(
        [*importance.heads, *importance.neurons],
        [*heads, *_only_allowed(neurons, multiple)],
        keep * encoder_cost(cost, shape, hidden_size, length),
    )


def counts_by_share(
    importance: Units,
    shape: Shape,
    *,
    heads: float,
    ffn: float,
    budget: Literal["global", "uniform"],
    multiple: int,
) -> list[int]:
    """Return how many heads, then how many neurons, each layer keeps for a share of each kind.

    uniform: the share of every layer; global: of all layers together.
    """
    counts: list[int] = []
    for scores, widths, share, step in (
        (importance.heads, shape.heads, heads, 1),
        (importance.neurons, shape.ffn, ffn, multiple),
    ):
        if budget == "uniform" or share == 1:
            counts += uniform(widths, share, step)
        else:
            numbers = [np.arange(width + 1.0) for width in widths]
            counts += search(scores, _only_allowed(numbers, step), round(share * sum(widths)))
    return counts


def kept_units(importance: Units, counts: Sequence[int], channels: list[int], together: Units | None) -> Kept:
    """Return which units stay: so many of each layer's heads, then of its neurons, and these channels.

    `together`: gradients by which units are then exchanged for what they do together; None: not at all.
    """
    layers = len(importance.heads)
    scores = [*importance.heads, *importance.neurons]
    units = [best(one, count) for one, count in zip(scores, counts, strict=True)]
    exchanged = 0
    if together is not None:
        before = units
        units = [
            rearrange(one, kept)
            for one, kept in zip([*together.heads, *together.neurons], units, strict=True)
        ]
        exchanged = sum(len({*one} - {*other}) for one, other in zip(units, before, strict=True))
    return Kept(tuple(units[:layers]), tuple(units[layers:]), channels, exchanged)


def spread(importance: Units, kept: Kept) -> dict[str, Any]:
    """Return how importance lies over the layers, and which share of it went, as notes."""
    notes: dict[str, Any] = {}
    for name, scores, stay in (
        ("heads", importance.heads, kept.heads),
        ("ffn", importance.neurons, kept.neurons),
    ):
        whole = sum(float(one.sum()) for one in scores) or 1.0
        stays = sum(float(one[units].sum()) for one, units in zip(scores, stay, strict=True))
        every = np.concatenate(scores)
        notes[name] = {
            "share_by_layer": [round(float(one.sum()) / whole, 4) for one in scores],
            "lost_share": round(1 - stays / whole, 4),
            "greatest_over_median": round(float(every.max() / np.median(every)), 2)
            if len(every) and np.median(every) > 0
            else None,
        }
    return notes


def _only_allowed(costs: Sequence[np.ndarray], multiple: int) -> list[np.ndarray]:
    return [np.where(allowed(len(cost) - 1, multiple), cost, np.inf) for cost in costs]


def size_notes(model: Any, student: Any, kept: Kept, length: int) -> dict[str, Any]:
    """Return the sizes of a narrowed model and of the whole one; FLOPs are those of one sequence of `length` tokens."""
    shape, before, hidden = shape_of(student), shape_of(model), model.config.hidden_size
    return {
        "heads": list(shape.heads),
        "heads_before": list(before.heads),
        "ffn": list(shape.ffn),
        "ffn_before": list(before.ffn),
        "hidden": len(kept.hidden),
        "hidden_before": hidden,
        "heads_kept": [list(heads) for heads in kept.heads],
        "parameters": sum(weight.numel() for weight in student.parameters()),
        "parameters_before": sum(weight.numel() for weight in model.parameters()),
        "flops": encoder_cost("flops", shape, len(kept.hidden), length),
        "flops_before": encoder_cost("flops", before, hidden, length),
        "flops_of": f"heads and neurons, one sequence of {length} tokens",
    }
