"""What a layer of each width costs, in FLOPs or parameters."""

from __future__ import annotations

from typing import Literal

import numpy as np

from xpareto.compress.models.heterogeneous_config import Shape

CostUnit = Literal["flops", "parameters"]


def head_cost(unit: CostUnit, hidden: int, head_size: int, length: int) -> float:
    """Return what one attention head costs: its rows of four matrices, its scores and their use.

    FLOPs are those of one sequence of `length` tokens, a multiply-add counting two; softmax and biases
    (in FLOPs) are left out, being below 1 %.

    >>> head_cost("flops", 768, 64, 128) / (2 * 128)
    212992.0
    """
    if unit == "parameters":
        return 4.0 * hidden * head_size + 3 * head_size
    return 2.0 * length * (4 * hidden * head_size + 2 * length * head_size)


def neuron_cost(unit: CostUnit, hidden: int, length: int) -> float:
    """Return what one feed-forward neuron costs: its row of the first matrix, its column of the second."""
    if unit == "parameters":
        return 2.0 * hidden + 1
    return 2.0 * length * 2 * hidden


def width_costs(
    unit: CostUnit, shape: Shape, hidden: int, length: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return, per layer, the cost of keeping 0, 1, 2 ... heads, and the same of neurons."""
    head, neuron = head_cost(unit, hidden, shape.head_size, length), neuron_cost(unit, hidden, length)
    heads = [head * np.arange(count + 1) for count in shape.heads]
    return heads, [neuron * np.arange(count + 1) for count in shape.ffn]


def encoder_cost(unit: CostUnit, shape: Shape, hidden: int, length: int) -> float:
    """Return what all heads and neurons of a shape cost.

    >>> base = Shape((12,) * 12, (3072,) * 12, 64)
    >>> round(encoder_cost("flops", base, 768, 128) / 1e9, 1)
    22.3
    """
    heads, neurons = width_costs(unit, shape, hidden, length)
    return float(sum(cost[-1] for cost in (*heads, *neurons)))
