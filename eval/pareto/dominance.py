"""Who dominates whom, in draws: probabilities, and the set of systems that nothing significantly dominates.

Every objective is turned so that less is better, and costs are logarithms. A dominates B when it is
nowhere worse and somewhere better; with a tolerance (the noise floor of each objective) nowhere worse by
more than it, and somewhere better by more than it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.eval.statistics import LEVEL, Uncertain, pairs_of, simultaneous

_CHUNK = 1 << 22  # comparisons at once


@dataclass(frozen=True)
class Dominance:
    """What the draws say of n systems."""

    probability: np.ndarray  # (n, n): that the first dominates the second
    membership: np.ndarray  # (n,): that nothing dominates the system


def dominance(draws: np.ndarray, tolerance: Sequence[float] | np.ndarray = ()) -> Dominance:
    """Return the shares of draws (n, objectives, draws) with dominance; less is better, NaN not allowed.

    >>> shares = dominance(np.array([[[1.0, 3.0]], [[2.0, 2.0]]]))
    >>> shares.probability.tolist(), shares.membership.tolist()
    ([[0.0, 0.5], [0.5, 0.0]], [0.5, 0.5])
    """
    systems, objectives, count = draws.shape
    room = np.zeros(objectives) if not len(tolerance) else np.asarray(tolerance, dtype=np.float64)
    wins = np.zeros((systems, systems), np.int64)
    members = np.zeros(systems, np.int64)
    block = max(1, _CHUNK // max(1, systems * systems))
    for start in range(0, count, block):
        piece = draws[..., start : start + block]
        worse = np.zeros((systems, systems, piece.shape[-1]), bool)
        better = np.zeros_like(worse)
        for values, slack in zip(piece.swapaxes(0, 1), room.astype(piece.dtype), strict=True):
            first, second = values[:, None], values[None]
            worse |= first > second + slack
            better |= first < second - slack
        better &= ~worse
        wins += better.sum(axis=-1)
        members += (~better.any(axis=0)).sum(axis=-1)
    return Dominance(wins / max(1, count), members / max(1, count))


@dataclass(frozen=True)
class ConfidenceSet:
    """The systems that no other significantly dominates.

    Without a tolerance all systems that are truly on the frontier are in it together at the level of
    `level_of_pairs`: every statement rests on intervals of all differences of two systems in all objectives
    that hold at once (each by itself at `single`). With one, those are in it that nothing epsilon-dominates,
    and a system that is truly better than another by less than the tolerance may well be out.
    `dominators` says of each one that is out which systems prove it.
    """

    kept: np.ndarray  # (n,) bool
    dominators: tuple[tuple[int, ...], ...]
    single: float


def level_of_pairs(
    objectives: Sequence[Uncertain], rng: np.random.Generator, draws: int, level: float = LEVEL
) -> float:
    """Return the level of one interval at which those of all pairs in all objectives hold at once.

    Each objective is (n, 1), of systems of its own. The confidence sets that are made at that level hold
    together, whichever frontiers are drawn of these objectives, since all rest on the same intervals
    (max-t: see eval.statistics.estimates.simultaneous).
    """

    def pairs() -> Iterator[np.ndarray]:
        for objective in objectives:
            noise = (objective.normal if objective.pooled else objective.independent)(rng, draws)[:, 0]
            for first in range(len(noise) - 1):
                yield noise[first + 1 :] - noise[first]

    return simultaneous(pairs(), level)


def confidence_set(
    objectives: Sequence[Uncertain],
    single: float,
    tolerance: Sequence[float] = (),
    groups: Sequence[object] = (),
) -> ConfidenceSet:
    """Return the confidence set; each objective is (n, 1), less is better.

    A shows that it dominates B when its lead is above zero in one objective and above minus the
    tolerance in all of them, at the lower ends of simultaneous intervals, each at the level `single` of
    `level_of_pairs`, with its own Student's t of variances that are shrunken over pairs (those within one
    of the `groups`, such as arms, apart from others). An objective in which both are surely equal, as the
    sizes of one file or the scores of equal answers, is no obstacle.
    """
    systems = objectives[0].points.shape[0]
    room = tolerance if len(tolerance) else [0.0] * len(objectives)
    proven = np.zeros((systems, systems), bool)
    leads = zip(*(pairs_of(objective, groups or [""] * systems) for objective in objectives), strict=True)
    # What the others cost more than the first, by objective.
    for first, leads_by_objective in enumerate(leads):
        better = np.zeros(systems, bool)
        no_worse = np.ones(systems, bool)
        for (lead, spread), slack in zip(leads_by_objective, room, strict=True):
            low = (lead.points - spread.joint_half_width(single))[:, 0]
            better |= low > 0
            no_worse &= low >= -slack
        proven[first] = better & no_worse
    dominators = tuple(tuple(int(a) for a in np.flatnonzero(proven[:, b])) for b in range(systems))
    return ConfidenceSet(np.logical_not(proven.any(axis=0)), dominators, single)
