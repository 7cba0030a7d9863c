"""Which layers of an encoder stay: by their place, or by how little is lost without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np

Place = Literal["bottom", "top", "spread", "ends"]


def at_places(place: Place, layers: int, keep: int, *, lowest_stays: bool = False) -> tuple[int, ...]:
    """Return the indices of the layers that stay, rising (Sajjad et al. 2023, section 3).

    bottom, top: the lowest or the highest ones. spread: every k-th, counted so that the last layer,
    which the head was trained on, stays. ends: as many of the lowest as of the highest, one more of the
    lowest where the number is odd.

    With `lowest_stays` layer 0 is one of those that stay, and the others are chosen among the layers above it.

    >>> [at_places(place, 6, 3) for place in ("bottom", "top", "spread", "ends")]
    [(0, 1, 2), (3, 4, 5), (1, 3, 5), (0, 1, 5)]
    >>> [at_places(place, 6, 3, lowest_stays=True) for place in ("bottom", "top", "spread", "ends")]
    [(0, 1, 2), (0, 4, 5), (0, 2, 5), (0, 1, 5)]
    """
    if lowest_stays:
        return (0, *(at + 1 for at in at_places(place, layers - 1, keep - 1)))
    if place == "bottom":
        return tuple(range(keep))
    if place == "top":
        return tuple(range(layers - keep, layers))
    if place == "spread":
        return tuple((at + 1) * layers // keep - 1 for at in range(keep))
    upper = keep // 2
    return (*range(keep - upper), *range(layers - upper, layers))


def most_important(importance: Sequence[float], keep: int) -> tuple[int, ...]:
    """Return the indices of the `keep` most important layers, rising; of equal ones, the lower.

    >>> most_important([0.5, 0.1, 0.3, 0.1], 3)
    (0, 1, 2)
    """
    order = sorted(range(len(importance)), key=lambda at: (-importance[at], at))
    return tuple(sorted(order[:keep]))


def leave_one_out(
    layers: int, keep: int, loss: Callable[[tuple[int, ...]], float]
) -> tuple[tuple[int, ...], list[tuple[int, float]]]:
    """Return the layers that stay and (dropped layer, loss without it) in the order of dropping.

    `loss` takes the indices of the layers that are there. Every round drops the layer without which it
    is least, of equal ones the highest, given those that are gone already: greedy backward elimination,
    as in shortened transformers (Kim et al. 2024, arXiv 2402.02834, section 3, there in one round).

    >>> leave_one_out(3, 1, lambda there: sum(2**at for at in (0, 1, 2) if at not in there))
    ((2,), [(0, 1.0), (1, 3.0)])
    """
    there = tuple(range(layers))
    dropped = []
    while len(there) > keep:
        tried = []
        for at in reversed(there):
            tried.append((float(loss(tuple(other for other in there if other != at))), at))
        value, at = min(tried, key=lambda pair: pair[0])
        there = tuple(other for other in there if other != at)
        dropped.append((at, value))
    return there, dropped


def block_influence(states: Iterable[Sequence[np.ndarray]]) -> list[float]:
    """Return how much each layer turns its input: 1 - mean cosine of a token's state before and after it.

    Block Influence (Men et al. 2024, arXiv 2403.03853, equation 1). `states` yields, per batch, the
    hidden states 0 to the last of the same tokens, each (tokens, width). A state of zeros has cosine 0.

    >>> [block_influence([[np.eye(2), np.eye(2), -np.eye(2)]])]
    [[0.0, 2.0]]
    """
    total: np.ndarray | None = None
    tokens = 0
    for batch in states:
        wide = [np.asarray(state, np.float64) for state in batch]
        lengths = [np.linalg.norm(state, axis=-1) for state in wide]
        sums = np.array(
            [
                (((before * after).sum(-1)) / np.maximum(one * other, np.finfo(np.float64).tiny)).sum()
                for before, after, one, other in zip(wide, wide[1:], lengths, lengths[1:], strict=False)
            ]
        )
        total = sums if total is None else total + sums
        tokens += len(wide[0])
    assert total is not None and tokens, "at least one batch with a token"
    return (1.0 - total / tokens).tolist()


def layer_read(layer: int | None, kept: Sequence[int]) -> int | None:
    """Return the hidden state to read after a cut: as many as there are kept layers below the old one.

    None is the last one; so is the number of all layers. State 0 are the embeddings.

    >>> layer_read(3, [0, 2, 5]), layer_read(6, [0, 2, 5]), layer_read(None, [0, 2]), layer_read(0, [0, 2])
    (2, None, None, 0)
    """
    if layer is None:
        return None
    below = sum(at < layer for at in kept)
    return None if below == len(kept) else below
