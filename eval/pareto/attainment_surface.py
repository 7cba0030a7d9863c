"""Empirical attainment: which trade-offs a recipe reaches in how many of its training seeds.

Points are (cost in octaves, score in percent): less cost and more score are better. A trade-off is
attained by a seed when one of its candidates costs at most that and scores at least that (Grunert da
Fonseca, Fonseca and Hall 2001). Computed by moocore (Fonseca, Guerreiro, Lopez-Ibanez and Paquete 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Surface:
    """The best trade-offs that at least `seeds` seeds attain: corners of a staircase, cheapest first."""

    seeds: int
    corners: np.ndarray  # (corners, 2)


@dataclass(frozen=True)
class Region:
    """A rectangle of trade-offs in which the shares of seeds that attain them differ by `difference`.

    Costs run from `cheap` to `dear`, scores from `low` to `high`; infinite where it has no end.
    """

    cheap: float
    dear: float
    low: float
    high: float
    difference: float  # share of B's seeds less that of A's


def attainment(sets: Sequence[np.ndarray]) -> tuple[Surface, ...]:
    """Return one surface for each number of seeds, from 1 to all; `sets` holds (points, 2) per seed.

    >>> one, both = attainment([np.array([[0.0, 50.0]]), np.array([[1.0, 60.0]])])
    >>> one.corners.tolist(), both.corners.tolist()
    ([[0.0, 50.0], [1.0, 60.0]], [[1.0, 50.0]])
    """
    import moocore

    points, owners = _joined(sets)
    count = len(sets)
    percentiles = [100.0 * (k + 1) / count for k in range(count)]
    eaf_points = moocore.eaf(points, owners)
    surfaces = []
    for at, percentile in enumerate(percentiles):
        corners = eaf_points[np.isclose(eaf_points[:, 2], percentile, atol=1e-6)][:, :2] * (1.0, -1.0)
        surfaces.append(Surface(at + 1, corners[np.argsort(corners[:, 0], kind="stable")]))
    return tuple(surfaces)


def share_attained(sets: Sequence[np.ndarray], cost: float, score: float) -> float:
    """Return the share of seeds that attain a trade-off, by the definition.

    >>> share_attained([np.array([[0.0, 50.0]]), np.array([[1.0, 60.0]])], 1.0, 55.0)
    0.5
    """
    return float(np.mean([bool(((points[:, 0] <= cost) & (points[:, 1] >= score)).any()) for points in sets]))


def attainment_difference(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> tuple[Region, ...]:
    """Return where the arms' attainment differs, as rectangles; both need equally many seeds.

    Elsewhere both are attained by equal shares.
    """
    import moocore

    if len(a) != len(b):
        raise ValueError(f"expected as many seeds of both arms, found {len(a)} and {len(b)}")
    levels = zip(attainment(a), attainment(b), strict=True)
    if all(np.array_equal(one.corners, other.corners) for one, other in levels):
        return ()  # moocore 0.3 fails where there is nothing to return
    sides = [np.column_stack(_joined(side)) for side in (b, a)]  # moocore: the first less the second
    rectangles = moocore.eafdiff(*sides, rectangles=True)
    return tuple(
        Region(float(left), float(right), 0.0 - float(upper), 0.0 - float(lower), float(gap) / len(a))
        for left, lower, right, upper, gap in rectangles
        if gap
    )


def _joined(sets: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return all points to be minimised (points, 2) and the number of each one's set, from 1."""
    if not sets or not all(len(seed_points) for seed_points in sets):
        raise ValueError("expected at least one seed, each with at least one point")
    points = np.concatenate([np.asarray(seed_points, dtype=np.float64) for seed_points in sets]) * (1.0, -1.0)
    owners = np.repeat(np.arange(1, len(sets) + 1), [len(seed_points) for seed_points in sets])
    return np.ascontiguousarray(points), owners.astype(np.float64)
