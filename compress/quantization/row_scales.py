"""Few scales for many rows: levels that no row's own scale is above, and as little below as can be."""

from __future__ import annotations

import numpy as np

LEVELS = 256  # as many as one byte tells apart
_HALVINGS = 40


def scale_levels(scales: np.ndarray, most: int = LEVELS) -> tuple[np.ndarray, np.ndarray]:
    """Return (levels, codes): rising float32 levels, at most `most`, and the uint8 level of each scale.

    `scales` (rows,) are positive. `levels[codes]` is nowhere below them, so that codes made with it never
    leave their range, and its greatest ratio to them is the least that so many levels allow: the
    logarithms are covered by as short intervals as suffice (greedy from the lowest, the length found by
    bisection), and each interval's level is the greatest scale in it. Up to `most` distinct scales stay
    as they are.

    >>> levels, codes = scale_levels(np.array([1.0, 8.0, 1.1, 7.0], np.float32), most=2)
    >>> levels.tolist(), codes.tolist()
    ([1.100000023841858, 8.0], [0, 1, 0, 1])
    """
    distinct = np.unique(scales)
    tops = np.arange(len(distinct))
    if len(distinct) > most:
        logs = np.log(distinct.astype(np.float64))
        # Intervals of the first length suffice: so many of them reach from the lowest to the highest.
        short, long = 0.0, (logs[-1] - logs[0]) / (most - 1)
        tops = _tops(logs, long)
        for _ in range(_HALVINGS):
            middle = (short + long) / 2
            middle_tops = _tops(logs, middle, most)
            if len(middle_tops) <= most:
                long, tops = middle, middle_tops
            else:
                short = middle
    levels = distinct[tops]
    return levels, np.searchsorted(levels, scales).astype(np.uint8)


def _tops(logs: np.ndarray, length: float, most: int | None = None) -> np.ndarray:
    """Return the last index of each interval of a length that covers sorted values; stop above `most`."""
    tops: list[int] = []
    start = 0
    while start < len(logs) and (most is None or len(tops) <= most):
        end = int(np.searchsorted(logs, logs[start] + length, side="right"))
        start = max(end, start + 1)
        tops.append(start - 1)
    return np.array(tops)
