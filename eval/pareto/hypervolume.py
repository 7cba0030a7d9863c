"""Two arms' frontiers compared: hypervolume, and the cost of equal scores.

Costs are compared as octaves: log2 of a candidate's cost over that of the recipe's baseline, so that one
unit is a factor of two and every unit of measure drops out. Where more is better (throughput) the sign is
turned, so that less is better for every cost.

The reference point of every hypervolume is fixed here, before any experiment: a score of 0 % and, in
each cost, one octave more than the baseline's. A candidate that costs more than twice what the baseline
does adds nothing. Volumes are in points × octaves (of each cost).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from xpareto.eval.pareto.frontier import Frontier, Sense

REFERENCE_SCORE = 0.0  # percent
REFERENCE_OCTAVES = 1.0  # above the baseline's cost


def octaves(cost: np.ndarray, baseline: float, sense: Literal["max", "min"]) -> np.ndarray:
    """Return log2 of costs over the baseline's, turned so that less is better.

    >>> octaves(np.array([2.0, 4.0]), 2.0, "min").tolist(), octaves(np.array([4.0]), 2.0, "max").tolist()
    ([0.0, 1.0], [-1.0])
    """
    turned = -1.0 if sense == "max" else 1.0
    return turned * np.log2(np.asarray(cost, dtype=np.float64) / baseline)


def hypervolume(scores: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return the area that each set of candidates dominates, shape (...), in points × octaves.

    `scores` is (..., candidates) in percent, `cost` (candidates,) in octaves, or of the scores' shape where
    costs are drawn too. The area is that below the best score that can be had for at most a cost, from
    the cheapest candidate to the reference.

    >>> float(hypervolume(np.array([50.0, 60.0]), np.array([-1.0, 0.0])))
    110.0
    """
    order = np.argsort(cost, axis=-1, kind="stable")
    if cost.ndim == 1:
        sorted_scores = scores[..., order]
    else:
        sorted_scores = np.take_along_axis(scores, order, axis=-1)
    limited = np.minimum(np.take_along_axis(cost, order, axis=-1), REFERENCE_OCTAVES)
    steps = np.diff(limited, append=np.full((*cost.shape[:-1], 1), REFERENCE_OCTAVES), axis=-1)
    best = np.maximum.accumulate(sorted_scores - REFERENCE_SCORE, axis=-1)
    return (np.maximum(best, 0.0) * steps).sum(axis=-1)


def joint_hypervolume(scores: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Return the volume that each set of candidates dominates in the score and all costs, shape (...).

    `scores` is (..., candidates), `costs` (candidates, costs) in octaves.
    """
    lower: Sense = "min"
    senses: list[Sense] = ["max", *(lower for _ in range(costs.shape[1]))]
    reference = [REFERENCE_SCORE] + [REFERENCE_OCTAVES] * costs.shape[1]
    flat = scores.reshape(-1, scores.shape[-1])
    volumes = [
        Frontier.of(np.column_stack([row, costs]), senses).hypervolume(reference) if len(row) else 0.0
        for row in flat
    ]
    return np.array(volumes).reshape(scores.shape[:-1])


def iso_cost(a: np.ndarray, b: np.ndarray, cost_a: np.ndarray, cost_b: np.ndarray) -> np.ndarray:
    """Return the natural log of arm B's cost over arm A's at equal scores, shape (...).

    `a` and `b` are scores (..., candidates), the costs (candidates,) in octaves. Each arm's frontier is
    joined by straight lines in the logarithm of cost, and the ratio is averaged over the scores that
    both reach (Bjøntegaard's delta rate, VCEG-M33, 2001, with lines instead of cubics). NaN where the
    ranges of scores have no overlap, or an arm's frontier is a single candidate.

    >>> cost = np.array([0.0, 1.0])
    >>> round(float(np.exp(iso_cost(np.array([50.0, 60.0]), np.array([50.0, 60.0]), cost, cost + 1))), 6)
    2.0
    """
    shape = a.shape[:-1]
    rows_a, rows_b = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
    log_ratios = [_iso(x, y, cost_a, cost_b) for x, y in zip(rows_a, rows_b, strict=True)]
    return np.array(log_ratios).reshape(shape)


def _iso(a: np.ndarray, b: np.ndarray, cost_a: np.ndarray, cost_b: np.ndarray) -> float:
    score_a, frontier_a = _staircase(a, cost_a)
    score_b, frontier_b = _staircase(b, cost_b)
    low, high = max(score_a[0], score_b[0]), min(score_a[-1], score_b[-1])
    if high <= low:
        return float("nan")
    inner = np.concatenate([score_a, score_b])
    at = np.unique(np.concatenate([[low, high], inner[(inner > low) & (inner < high)]]))
    gap = np.interp(at, score_b, frontier_b) - np.interp(at, score_a, frontier_a)
    # Both curves are straight between neighbouring scores, so the trapezoids are exact.
    area = float(((gap[1:] + gap[:-1]) / 2 * np.diff(at)).sum())
    return area / float(high - low) * float(np.log(2.0))


def _staircase(score: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the non-dominated candidates, cheapest first: scores and costs both strictly rise."""
    order = np.lexsort((-score, cost))
    score, cost = score[order], cost[order]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(score)[:-1]])
    kept = score > before
    return score[kept], cost[kept]
