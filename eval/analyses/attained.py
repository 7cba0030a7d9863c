"""Which trade-offs of a cost and the score each arm attains in how many of its training seeds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from xpareto.eval.analyses.documents import ArmAttainment, Attainment, AttainmentDifference, RegionEntry
from xpareto.eval.analyses.rounding import digits, end, short
from xpareto.eval.objectives import Objective
from xpareto.eval.pareto import attainment, attainment_difference, octaves
from xpareto.eval.results import RunResults, System


def attained(results: RunResults, systems: Sequence[System], objective: Objective) -> Attainment:
    """Return the attainment of one cost, and where that of arms with equally many seeds differs."""
    sets = _sets(results, systems, objective)
    arms = {arm: list(seeds.values()) for arm, seeds in sets.items()}
    return Attainment(
        arms={
            arm: ArmAttainment(
                seeds=tuple(sets[arm]),
                surfaces=tuple(
                    tuple((digits(x), short(y)) for x, y in surface.corners.tolist())
                    for surface in attainment(points)
                ),
            )
            for arm, points in arms.items()
        },
        differences=tuple(
            AttainmentDifference(
                a=a,
                b=b,
                regions=tuple(
                    RegionEntry(
                        end(region.cheap),
                        end(region.dear),
                        end(region.low),
                        end(region.high),
                        round(region.difference, 4),
                    )
                    for region in attainment_difference(arms[a], arms[b])
                ),
            )
            for a, b in itertools.combinations(arms, 2)
            if len(arms[a]) == len(arms[b])
        ),
    )


def _sets(
    results: RunResults, systems: Sequence[System], objective: Objective
) -> dict[str, dict[int, np.ndarray]]:
    """Return (octaves, score) of every candidate that has the cost, by arm and seed."""
    there = results.run_summary.value(results.baseline, objective.name)
    points: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for system in systems:
        for seed, candidate in system.candidates.items():
            cost = results.run_summary.value(candidate, objective.name)
            score = results.run_summary.value(candidate, "score")
            if cost and there and score is not None:
                place = float(octaves(np.array(cost), there, objective.sense))
                points.setdefault(system.arm, {}).setdefault(seed, []).append((place, score))
    return {
        arm: {seed: np.array(pairs) for seed, pairs in sorted(seeds.items())} for arm, seeds in points.items()
    }
