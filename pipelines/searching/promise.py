"""How much a setting promises: by how much it is expected to raise the hypervolume of what was tried.

A Bayesian linear regression of every objective on the fields' values (ridge, with its posterior): fields act about
additively on logarithms of costs, and with ten trials no more can be learnt. The expected improvement of the
hypervolume (Emmerich et al. 2006) is the mean over draws from the posterior, nothing in those that break a limit.
What is at work is on the front of each draw with the values that it has there: choosing one after the other so is the
sequential greedy q-EHVI of Daulton et al. (2020), which BoTorch has, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.eval.objectives import Objective
from xpareto.pipelines.recipe import Range
from xpareto.pipelines.searching.space import Point, Space, point_key

DRAWS = 32
NOISE = 0.3  # standard deviation of what the fields do not explain, in standard deviations of the values


@dataclass(frozen=True)
class Promise:
    """What is known after some trials; `values` (n, objectives) and `excesses` (n, limits), costs as logarithms."""

    space: Space
    objectives: Sequence[Objective]
    points: Sequence[Point]
    values: np.ndarray
    excesses: np.ndarray

    def improvements(
        self, candidates: Sequence[Point], rng: np.random.Generator, pending: Sequence[Point] = ()
    ) -> np.ndarray:
        """Return the expected improvement of the hypervolume by each candidate; its reference is that of searches.

        It is what a candidate adds to what was tried and to what is `pending`, at work beside it.
        """
        signs = np.array([1.0 if objective.sense == "min" else -1.0 for objective in self.objectives])
        known = self.values * signs  # less is better
        worst = known.max(axis=0) + 1.0  # octave
        worst[[at for at, objective in enumerate(self.objectives) if objective.role == "quality"]] = 0.0
        asked = [*pending, *candidates]
        drawn = self._predicted(asked, known, rng) - worst[:, None]
        held = np.ones((len(asked), DRAWS), bool)
        for limit in range(self.excesses.shape[1]):
            column = self.excesses[:, [limit]]
            held &= self._predicted(asked, column, rng)[:, 0] <= 0
        kept = (known - worst)[(self.excesses <= 0).all(axis=1)]
        first = len(pending)
        gains = np.zeros((len(candidates), DRAWS))
        for draw in range(DRAWS):
            beside = drawn[:first, :, draw][held[:first, draw]]
            gains[:, draw] = _gains(np.vstack([kept, beside]), drawn[first:, :, draw])
        told: np.ndarray = np.where(held[first:], gains, 0.0).mean(axis=1)
        return told

    def _predicted(
        self, candidates: Sequence[Point], values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return draws (candidates, columns, DRAWS) of what the candidates would have."""
        names = self._features([*self.points, *candidates])
        seen = np.array([self._row(point, names) for point in self.points])
        wanted = np.array([self._row(point, names) for point in candidates])
        mean, spread = values.mean(axis=0), values.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        precision = seen.T @ seen / NOISE**2 + np.eye(len(names))
        weights = np.linalg.solve(precision, seen.T @ ((values - mean) / spread) / NOISE**2)
        root = np.linalg.cholesky(np.linalg.inv(precision))
        noise = rng.standard_normal((len(names), values.shape[1], DRAWS))
        drawn = weights[:, :, None] + np.einsum("ij,jkd->ikd", root, noise)
        told: np.ndarray = mean[:, None] + spread[:, None] * np.einsum("ni,ikd->nkd", wanted, drawn)
        return told

    def _features(self, points: Sequence[Point]) -> list[str]:
        return sorted({name for point in points for name in self._features_of(point)})

    def _features_of(self, point: Point) -> Mapping[str, float]:
        told = {"": 1.0}
        for path, value in point.items():
            values = self.space.dimensions[path]
            if isinstance(values, Range):
                told[path] = 1.0
                told[f"{path} slope"] = 2 * (value - values.from_) / (values.to - values.from_) - 1
            else:
                told[point_key({path: value})] = 1.0
        return told

    def _row(self, point: Point, names: Sequence[str]) -> list[float]:
        found = self._features_of(point)
        return [found.get(name, 0.0) for name in names]


def _gains(front: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return by how much each point (n, objectives) raises the hypervolume of a front by itself; less is better.

    The reference is 0 in every objective.

    >>> _gains(np.array([[-3.0, -1.0], [-1.0, -3.0]]), np.array([[-1.0, -1.0], [-2.0, -2.0]])).tolist()
    [0.0, 1.0]
    """
    import moocore

    inside = np.minimum(points, 0.0)
    if points.shape[1] != 2:
        alone = np.prod(-inside, axis=1)
        shared = np.zeros(len(points))
        for at, point in enumerate(inside):
            # What others dominate of the point's own box: their hypervolume, limited to it.
            limited = np.maximum(front, point)
            limited = limited[(limited < 0).all(axis=1)]
            if alone[at] > 0 and len(limited):
                shared[at] = moocore.hypervolume(limited, ref=np.zeros(points.shape[1]))
        return alone - shared
    order = np.lexsort((front[:, 1], front[:, 0]))
    edges = np.concatenate([[-np.inf], front[order, 0], [0.0]])
    heights = np.concatenate([[0.0], np.minimum(np.minimum.accumulate(front[order, 1]), 0.0)])
    widths = np.diff(np.clip(edges, inside[:, [0]], 0.0), axis=1)
    gains: np.ndarray = (widths * np.maximum(heights - inside[:, [1]], 0.0)).sum(axis=1)
    return gains
