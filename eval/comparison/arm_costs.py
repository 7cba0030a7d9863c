"""Two arms' frontiers compared with intervals: hypervolume, and the cost of equal scores.

The costs are taken as they were measured: the draws resample test examples only, so noise of the clock
enters through the seeds, whose models were each measured for themselves, and not at all with one seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from xpareto.eval.pareto import hypervolume as frontier
from xpareto.eval.statistics import COST_MARGIN, Contrast, Spread, contrasts, pair_spread, seed_spread

_STEP = 3.0
_DRAWS = 400
_Z = 1.96  # of a 95 % interval, which an error is multiplied by
DEFINED = 0.95  # share of draws in which the arms' scores must overlap for an interval


@dataclass(frozen=True)
class Cost:
    """One cost of every model, shape (arms, variants, seeds), NaN where unknown, in its own unit."""

    name: str
    sense: Literal["max", "min"]
    values: np.ndarray
    baseline: float  # the recipe's baseline


@dataclass(frozen=True)
class Iso:
    """The natural log of B's cost over A's at equal scores, or why there is none."""

    contrast: Contrast | None
    defined: float  # share of the draws in which the ranges of scores overlap
    reason: str = ""


@dataclass(frozen=True)
class Averages:
    """A quantity of every model: points (arms, variants, seeds), draws (2, variants, seeds, draws)."""

    points: np.ndarray
    draws: np.ndarray = field(repr=False)
    floor: np.ndarray  # (variants,): see eval.statistics.TaskScores.floor


def kept(cost: Cost) -> np.ndarray:
    """Return the variants (variants,) whose cost is known for A and B in every seed."""
    return np.isfinite(cost.values[:2]).all(axis=(0, 2))


def _octaves(cost: Cost, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return octaves (arms, kept variants, seeds) and which arms have them all."""
    octaves = frontier.octaves(cost.values[:, rows], cost.baseline, cost.sense)
    return octaves, np.flatnonzero(np.isfinite(octaves).all(axis=(1, 2)))


def hypervolumes(values: Averages, costs: Sequence[Cost], margin: float) -> dict[str, Contrast]:
    """Return per cost the contrast of the areas below the frontiers, in points × octaves.

    Two areas are equivalent when they differ by less than A's would grow were all its scores `margin`
    points higher. Noise makes an area look larger where variants tie, and need not do so to both arms: so the
    half width of an interval has what it may do to one of them in it.
    """
    points, draws, margins, spreads = [], [], [], []
    for cost in costs:
        rows = kept(cost)
        octaves, arms = _octaves(cost, rows)
        seeds = range(octaves.shape[2])
        volumes = _each(frontier.hypervolume, values.points[:, rows][arms], octaves[arms])
        shifted = _each(frontier.hypervolume, values.points[:1, rows] + margin, octaves[:1])
        drawn = np.array(
            [
                [frontier.hypervolume(values.draws[a][rows, s].T, octaves[a, :, s]) for s in seeds]
                for a in (0, 1)
            ]
        )
        means = drawn.mean(axis=1)
        points.append(volumes[:2].mean(axis=1))
        larger = _luck(frontier.hypervolume, values, rows, octaves)
        draws.append((means[1] - means[0]).std(ddof=1) + larger / _Z)
        margins.append(float(shifted.mean() - volumes[0].mean()))
        spreads.append(seed_spread(volumes))
    if not costs:
        return {}
    mean_volumes = np.array(points)
    seeds_error = np.array([float(error) for error, _ in spreads])
    # Arms that lack a cost may leave one cost fewer degrees of freedom: the least holds for all.
    df = min((df for _, df in spreads if df is not None), default=None)
    spread = Spread(np.array(draws), seeds_error, df)
    listed = contrasts(mean_volumes[:, 0], mean_volumes[:, 1], spread, np.array(margins), "hypervolumes")
    return {cost.name: contrast for cost, contrast in zip(costs, listed, strict=True)}


def _luck(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    values: Averages,
    rows: np.ndarray,
    octaves: np.ndarray,
) -> float:
    """Return by how much noise may make the volume of A or B look larger, the mean over seeds.

    Noise of _STEP times the size lets variants tie that it cannot tell apart, as in eval.pareto.uncertainty;
    a few draws tell a mean. With it the intervals of two arms of 8 variants cover in 96 to 100 % of cases,
    else in 78 to 97 %.
    """
    larger = np.zeros(2)
    for a in (0, 1):
        for s in range(octaves.shape[-1]):
            points = values.points[a, rows, s]
            noise = values.draws[a][rows, s, :_DRAWS] - points[:, None]
            far = measure((points[:, None] + _STEP * noise).T, octaves[a, ..., s])
            larger[a] += float(far.mean() - measure(points[None], octaves[a, ..., s])[0]) / _STEP
    return max(0.0, float(larger.max()) / octaves.shape[-1])


def _each(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray], points: np.ndarray, octaves: np.ndarray
) -> np.ndarray:
    """Return the volume of each arm and seed, shape (arms, seeds)."""
    arms, _, seeds = points.shape
    return np.array(
        [[float(measure(points[a, :, s], octaves[a, ..., s])) for s in range(seeds)] for a in range(arms)]
    )


def joint_hypervolume(values: Averages, costs: Sequence[Cost], margin: float) -> Contrast | None:
    """Return the contrast of the volumes in the score and all costs, over the variants that have them.

    None with fewer than two costs, or where no variant has all.
    """
    if len(costs) < 2:
        return None
    rows = np.all([kept(cost) for cost in costs], axis=0)
    if not rows.any():
        return None
    octaves_by_cost = [_octaves(cost, rows) for cost in costs]
    octaves = np.stack([value for value, _ in octaves_by_cost], axis=2)  # (arms, variants, costs, seeds)
    arms = [a for a in range(octaves.shape[0]) if np.isfinite(octaves[a]).all()]
    volumes = _each(frontier.joint_hypervolume, values.points[:, rows][arms], octaves[arms])
    shifted = _each(frontier.joint_hypervolume, values.points[:1, rows] + margin, octaves[:1])
    drawn = np.array(
        [
            [
                frontier.joint_hypervolume(values.draws[a][rows, s].T, octaves[a, :, :, s])
                for s in range(octaves.shape[3])
            ]
            for a in (0, 1)
        ]
    ).mean(axis=1)
    error, df = seed_spread(volumes)
    larger = _luck(frontier.joint_hypervolume, values, rows, octaves)
    spread = Spread(np.array([(drawn[1] - drawn[0]).std(ddof=1) + larger / _Z]), np.array([float(error)]), df)
    means = volumes.mean(axis=1)
    limit = float(shifted.mean() - means[0])
    return contrasts(means[:1], means[1:2], spread, limit, "joint hypervolume")[0]


def iso_costs(values: Averages, costs: Sequence[Cost]) -> dict[str, Iso]:
    """Return per cost the contrast of the cost of equal scores, as the natural log of B's over A's.

    The spread of seeds is pooled over all pairs of arms where every pair reaches common scores in
    every seed, else it is that of A and B alone.
    """
    iso_by_cost: dict[str, Iso] = {}
    estimates: dict[str, tuple[float, float, float, int | None, float]] = {}
    for cost in costs:
        rows = kept(cost)
        octaves, arms = _octaves(cost, rows)
        seeds = range(octaves.shape[2])
        points = values.points[:, rows]
        ratios = _ratios(points, octaves, 0, 1)
        if not np.isfinite(ratios).all():
            why = "the arms reach no common scores"
            iso_by_cost[cost.name] = Iso(None, 0.0, why)
            continue
        drawn = np.array(
            [
                frontier.iso_cost(
                    values.draws[0][rows, s].T, values.draws[1][rows, s].T, octaves[0, :, s], octaves[1, :, s]
                )
                for s in seeds
            ]
        ).mean(axis=0)
        finite = np.isfinite(drawn)
        share = float(finite.mean())
        if share < DEFINED:
            why = f"in only {share:.0%} of the draws do the arms reach common scores"
            iso_by_cost[cost.name] = Iso(None, share, why)
            continue
        pairs = [_ratios(points, octaves, a, b) for at, a in enumerate(arms) for b in arms[at + 1 :]]
        pooled = bool(np.isfinite(pairs).all())
        errors, df = pair_spread(np.stack(pairs, axis=1) if pooled else ratios[:, None])
        if pooled and df is not None:
            df *= len(arms) - 1
        error = float(np.sqrt((errors**2).mean()))
        estimates[cost.name] = (float(ratios.mean()), float(drawn[finite].std(ddof=1)), error, df, share)
    for df in {estimate[3] for estimate in estimates.values()}:
        names = [name for name, estimate in estimates.items() if estimate[3] == df]
        table = np.array([estimates[name][:3] for name in names])
        spread = Spread(table[:, 1], table[:, 2], df)
        listed = contrasts(
            np.zeros(len(names)), table[:, 0], spread, COST_MARGIN, "costs of equal scores", good=-1
        )
        for name, contrast in zip(names, listed, strict=True):
            iso_by_cost[name] = Iso(contrast, estimates[name][4])
    return {cost.name: iso_by_cost[cost.name] for cost in costs}


def _ratios(points: np.ndarray, octaves: np.ndarray, a: int, b: int) -> np.ndarray:
    """Return the log ratio of two arms in every seed, shape (seeds,)."""
    return np.array(
        [
            float(frontier.iso_cost(points[a, :, s], points[b, :, s], octaves[a, :, s], octaves[b, :, s]))
            for s in range(points.shape[2])
        ]
    )
