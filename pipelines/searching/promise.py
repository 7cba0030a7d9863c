"""How much a setting promises: by how much it is expected to raise the hypervolume of what was tried.

Every objective is a Gaussian process of the fields' values, the sum of a linear one (fields act about additively on
logarithms of costs, and of four trials no more can be learnt) and one of settings that are alike (what a field does
hangs on others). How much of each there is, how far it reaches, and how noisy it is are what the trials are likeliest
under (Rasmussen and Williams 2006, equation 5.8). The expected improvement of the hypervolume (Emmerich et al. 2006) is
the mean over draws from the posterior, nothing in those that break a limit. What is at work is on the front of each
draw with the values that it has there: choosing one after the other so is the sequential greedy q-EHVI of Daulton et
al. (2020), which BoTorch has, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from xpareto.eval.objectives import Objective
from xpareto.pipelines.recipe import Range
from xpareto.pipelines.searching.space import Point, Space, point_key

DRAWS = 128
_LINEAR, _ALIKE = (0.3, 1.0), (0.1, 0.3, 1.0)  # variances of the two, in those of the values
_REACH = (1.0, 3.0)  # in features: two values of a choice are two apart
_NOISE = (0.05, 0.2)  # standard deviation, in that of the values


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
        asked = {
            point_key(point): point for point in [*candidates, *pending]
        }  # one that is both has one value
        place = {key: at for at, key in enumerate(asked)}
        mine, theirs = ([place[point_key(point)] for point in points] for points in (candidates, pending))
        every = self._predicted(list(asked.values()), np.hstack([known, self.excesses]), rng)
        drawn = every[:, : known.shape[1]] - worst[:, None]
        held = np.all(every[:, known.shape[1] :] <= 0, axis=1)
        kept = (known - worst)[(self.excesses <= 0).all(axis=1)]
        gains = np.zeros((len(candidates), DRAWS))
        for draw in range(DRAWS):
            beside = drawn[theirs, :, draw][held[theirs, draw]]
            gains[:, draw] = _gains(np.vstack([kept, beside]), drawn[mine, :, draw])
        told: np.ndarray = np.where(held[mine], gains, 0.0).mean(axis=1)
        return told

    def _predicted(
        self, candidates: Sequence[Point], values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return draws (candidates, columns, DRAWS) of what the candidates would have."""
        points = [*self.points, *candidates]
        names = self._features(points)
        rows = np.array([self._row(point, names) for point in points])
        alike = rows @ rows.T, np.abs(rows[:, None, :] - rows[None, :, :]).sum(axis=2)
        mean, spread = values.mean(axis=0), values.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        columns = [_posterior(*alike, column, rng) for column in ((values - mean) / spread).T]
        told: np.ndarray = mean[:, None] + spread[:, None] * np.stack(columns, axis=1)
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


def _posterior(
    products: np.ndarray, apart: np.ndarray, seen: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return draws (others, DRAWS) of what all but the first points have, of which `seen` is known.

    `products` and `apart` are of the rows of all points, each with each.
    """
    known = len(seen)

    def covariance(a: slice, b: slice, linear: float, alike: float, reach: float) -> np.ndarray:
        told: np.ndarray = linear * products[a, b] + alike * np.exp(-apart[a, b] / reach)
        return told

    def noisy(settings: tuple[float, ...]) -> np.ndarray:
        *kernel, noise = settings
        told: np.ndarray = covariance(first, first, *kernel) + noise**2 * np.eye(known)
        return told

    def likelihood(settings: tuple[float, ...]) -> float:
        root = np.linalg.cholesky(noisy(settings))
        return float(-0.5 * (np.linalg.solve(root, seen) ** 2).sum() - np.log(np.diag(root)).sum())

    first, others = slice(None, known), slice(known, None)
    likeliest = max(product(_LINEAR, _ALIKE, _REACH, _NOISE), key=likelihood)
    *kernel, _ = likeliest
    across = covariance(others, first, *kernel)
    gain = np.linalg.solve(noisy(likeliest), across.T).T
    variances, directions = np.linalg.eigh(covariance(others, others, *kernel) - gain @ across.T)
    spread = directions * np.sqrt(np.maximum(variances, 0.0))
    drawn: np.ndarray = (gain @ seen)[:, None] + spread @ rng.standard_normal((len(spread), DRAWS))
    return drawn


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
