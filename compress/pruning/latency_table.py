"""What the parts of an encoder cost on this machine, in measured milliseconds (ZipLM's latency table)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xpareto.compress.core import Run, interleaved
from xpareto.compress.pruning.onnx_widths import with_widths

if TYPE_CHECKING:
    from onnx import ModelProto

    from xpareto.compress.models import Shape

GRID = (1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8, 1)
"""Shares of a layer's neurons at which its feed-forward block is measured."""
STEP = 16  # neurons: widths between two measured ones are offered in steps of a vector register


@dataclass(frozen=True)
class Table:
    """Milliseconds of one block by its width: `heads[h]`, `neurons[n]` at measured n, and of the rest.

    The rest are the embeddings, the norms and residuals of all layers, and the head.
    """

    heads: Mapping[int, float]
    neurons: Mapping[int, float]
    rest: float

    def costs(self, shape: Shape) -> list[np.ndarray]:
        """Return the cost of 0, 1, ... units of each group: the heads of all layers, then the neurons.

        inf where a width is not offered. Between measured widths the cost is interpolated.
        """
        heads = [np.array([self.heads[count] for count in range(most + 1)]) for most in shape.heads]
        return heads + [self._neuron_costs(most) for most in shape.ffn]

    def predicted(self, shape: Shape) -> float:
        """Return the milliseconds of a whole model of this shape."""
        groups = zip(self.costs(shape), (*shape.heads, *shape.ffn), strict=True)
        return self.rest + float(sum(cost[units] for cost, units in groups))

    def _neuron_costs(self, most: int) -> np.ndarray:
        measured = sorted(self.neurons)
        offered = sorted({*range(0, most + 1, STEP), *(at for at in measured if at <= most), most})
        costs = np.full(most + 1, np.inf)
        costs[offered] = np.interp(offered, measured, [self.neurons[at] for at in measured])
        return costs

    def notes(self) -> dict[str, Any]:
        """Return the table as plain data for a manifest: pairs of width and milliseconds."""
        return {
            "heads_ms": [[count, round(cost, 4)] for count, cost in sorted(self.heads.items())],
            "neurons_ms": [[count, round(cost, 4)] for count, cost in sorted(self.neurons.items())],
            "rest_ms": round(self.rest, 4),
        }


def grid(most: int) -> list[int]:
    """Return the numbers of neurons at which a block is measured, rising.

    >>> grid(3072)
    [96, 192, 384, 576, 768, 1152, 1536, 1920, 2304, 2688, 3072]
    >>> grid(24)
    [16, 24]
    """
    shares = (round(share * most / STEP) * STEP for share in GRID)
    return sorted({*(count for count in shares if 0 < count < most), most})


def rising(costs: Sequence[float]) -> list[float]:
    """Return the costs made never to fall, and not below 0: the mean of the running maximum and of the later minimum.

    More units cannot take less time; where the measured times say so, it is noise.

    >>> rising([1.0, 3.0, 2.0, 4.0])
    [1.0, 2.5, 2.5, 4.0]
    """
    array = np.asarray(costs, np.float64)
    below = np.minimum.accumulate(array[::-1])[::-1]
    return np.maximum((np.maximum.accumulate(array) + below) / 2, 0.0).tolist()


def measure(
    model: ModelProto,
    shape: Shape,
    open_run: Callable[[ModelProto], Run],
    rounds: int,
    seed: int,
    clock: Callable[[], float],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Table:
    """Return the table of an exported model, measured in graphs of all its layers.

    One graph has h heads in every layer that has as many, and no neurons; one has n neurons and no
    heads; one has neither, which is the rest. A block costs the difference to that, by layer: measured
    in a row of layers, as in use, and not one block alone, whose weights would stay in the cache.
    `open_run` makes a graph ready to be timed (ZipLM, Kurtic et al. 2023, arXiv 2302.04089, section 3.2).
    """

    none = [0] * shape.layers
    runs = {"rest": open_run(with_widths(model, none, none, shape.head_size))}
    for count in range(1, max(shape.heads) + 1):
        heads = [count if most >= count else 0 for most in shape.heads]
        runs[f"heads {count}"] = open_run(with_widths(model, heads, none, shape.head_size))
    points = grid(max(shape.ffn)) if max(shape.ffn) else []
    for count in points:
        ffn = [count if most >= count else 0 for most in shape.ffn]
        runs[f"neurons {count}"] = open_run(with_widths(model, none, ffn, shape.head_size))
    times = interleaved(runs, rounds, seed, clock=clock, progress=progress)

    def by_layer(kind: str, counts: Sequence[int], most: Sequence[int]) -> dict[int, float]:
        """Return width -> milliseconds of one block: the median over rounds of the difference to the rest."""
        block_ms = [
            float(np.median(times[f"{kind} {count}"] - times["rest"]))
            / sum(layer_width >= count for layer_width in most)
            for count in counts
        ]
        return dict(zip([0, *counts], rising([0.0, *block_ms]), strict=True))

    return Table(
        by_layer("heads", range(1, max(shape.heads) + 1), shape.heads),
        by_layer("neurons", points, shape.ffn),
        float(np.median(times["rest"])),
    )
