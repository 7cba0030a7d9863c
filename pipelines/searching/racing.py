"""Which settings are worth more examples: those that no other is shown to dominate, and of these the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xpareto.eval.objectives import Objective
from xpareto.eval.pareto import Frontier, confidence_set, joint_hypervolume, level_of_pairs, octaves
from xpareto.eval.results import RunResults
from xpareto.eval.statistics import Uncertain, Weights, generator

DRAWS = 500
ASSUMED_SD = 0.1  # of the logarithm of a cost that was measured once: noise of a turn, a block and other work


@dataclass(frozen=True)
class Dropped:
    """A setting that goes no further, after which round, and why."""

    arm: str
    round: int
    why: str


def dominated(results: RunResults, objectives: Sequence[Objective]) -> dict[str, tuple[str, ...]]:
    """Return by arm which others are shown to dominate it; arms that nothing dominates are left out.

    Paired bootstrap over the examples, simultaneous over all pairs and objectives (see eval.pareto.confidence_set).
    A count has no noise; a cost that was timed in one block is taken to have ASSUMED_SD.
    """
    systems = results.systems(by_seed=False)
    table = results.table(DRAWS, Weights())
    scores = table.systems(results.members(systems))
    rng = generator(results.seed, "search")
    values: list[Uncertain] = []
    for objective in objectives:
        if objective.role == "quality":
            place = 0 if objective.name == "score" else table.quality_places[objective.name]
            one = scores.take([place])
            # With the unit of its metric: of few examples the bootstrap alone says too little of the noise.
            values.append(replace(one, points=-one.points, examples=-one.examples, repeats=-one.repeats))
            continue
        cost = results.cost(objective, systems)
        if cost is None or len(cost.systems) < len(systems):
            return {}
        if not cost.known:
            noise = ASSUMED_SD * rng.standard_normal((len(systems), 1, DRAWS))
            values.append(Uncertain(cost.values.points, noise.astype(np.float32), cost.values.repeats, None))
        else:
            values.append(cost.values)
    arms = [system.arm for system in systems]
    single = level_of_pairs(values, rng, DRAWS)
    kept = confidence_set(values, single)
    return {
        arms[at]: tuple(arms[other] for other in proof) for at, proof in enumerate(kept.dominators) if proof
    }


def ranked(
    values: Mapping[str, Sequence[float]],
    excesses: Mapping[str, Mapping[str, float]],
    objectives: Sequence[Objective],
) -> list[str]:
    """Return settings the best first: those that keep the limits, then by rank of non-domination, then by what the
    frontier would lose without them.
    """
    names = list(values)
    if not names:
        return []
    points = np.array([values[name] for name in names], dtype=np.float64)
    ranks = Frontier.of(points, [objective.sense for objective in objectives]).ranks
    whole = hypervolume(points, points, objectives)
    alone = {
        name: whole - hypervolume(np.delete(points, at, axis=0), points, objectives)
        if ranks[at] == 0
        else 0.0
        for at, name in enumerate(names)
    }
    broken = {name: sum(over > 0 for over in excesses.get(name, {}).values()) for name in names}
    return sorted(names, key=lambda name: (broken[name], ranks[names.index(name)], -alone[name]))


def hypervolume(points: np.ndarray, beside: np.ndarray, objectives: Sequence[Objective]) -> float:
    """Return the volume that points (n, objectives) dominate, in percent times octaves of each cost.

    The reference is one octave above the greatest cost of `beside`, and 0 of each quality.
    """
    if not len(points):
        return 0.0
    costs = [at for at, objective in enumerate(objectives) if objective.role == "cost"]
    scores = [at for at, objective in enumerate(objectives) if objective.role == "quality"]
    turned = [
        octaves(
            points[:, at],
            float(beside[:, at].max() if objectives[at].sense == "min" else beside[:, at].min()),
            objectives[at].sense,
        )
        for at in costs
    ]
    if len(scores) == 1:
        return float(joint_hypervolume(points[:, scores[0]], np.column_stack(turned)))
    columns = np.column_stack([points[:, scores], *turned])
    senses = ["max"] * len(scores) + ["min"] * len(costs)
    reference = [0.0] * len(scores) + [1.0] * len(costs)
    return Frontier.of(columns, senses).hypervolume(reference)  # type: ignore[arg-type]


def allowed(alive: int, growth: float, finalists: int) -> int:
    """Return how many settings go on to the next round, by successive halving (Jamieson and Talwalkar 2016).

    >>> allowed(40, 3.0, 8), allowed(12, 3.0, 8)
    (14, 8)
    """
    return max(finalists, math.ceil(alive / growth))
