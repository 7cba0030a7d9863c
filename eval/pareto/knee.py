"""The knee of a frontier: where giving up more score begins to buy less cost."""

from __future__ import annotations

import numpy as np


def knees(scores: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Return the knee of each draw, its place among the systems, -1 where there is none; shape (draws,).

    `scores` (draws, n) in percent and `costs` (draws, n), logarithms. The knee is the frontier's point
    farthest above the straight line that joins its ends, its cheapest and its best-scoring point (Das
    1999, the normal-boundary intersection in two objectives). A frontier of fewer than three points, or
    one that never rises above that line, has none. Neither scale matters, since distances to one line
    keep their order when an axis is stretched.

    >>> knees(np.array([[50.0, 58.0, 60.0]]), np.array([[0.0, 1.0, 5.0]])).tolist()
    [1]
    """
    draws, count = scores.shape
    if not count:
        return np.full(draws, -1)
    order = np.lexsort((-scores, costs), axis=-1)
    score, cost = (np.take_along_axis(values, order, axis=-1) for values in (scores, costs))
    before = np.maximum.accumulate(score, axis=-1)
    on = np.ones(score.shape, bool)
    on[:, 1:] = score[:, 1:] > before[:, :-1]
    last = count - 1 - np.argmax(on[:, ::-1], axis=-1)
    rows = np.arange(draws)
    rise, run = score[rows, last] - score[:, 0], cost[rows, last] - cost[:, 0]
    above = (score - score[:, :1]) * run[:, None] - (cost - cost[:, :1]) * rise[:, None]
    above = np.where(on, above, -np.inf)
    best = np.argmax(above, axis=-1)
    knee_places = order[rows, best]
    inner = (best > 0) & (best < last)
    return np.where(inner & (above[rows, best] > 1e-9 * np.abs(rise * run)), knee_places, -1)
