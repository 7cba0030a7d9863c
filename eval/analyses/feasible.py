"""What of a run may be deployed (see eval.comparison.decision): drops and costs with their upper ends, and aims.

`xpareto choose` and the answer of a report both decide on this, so that they say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from xpareto.eval.analyses.documents import CostRatios
from xpareto.eval.analyses.rounding import ratio
from xpareto.eval.comparison import SCORE, Decision, DropPower, Option, decide, judged_drops
from xpareto.eval.objectives import declared_limits, preferences
from xpareto.eval.pareto import Cost
from xpareto.eval.results import RunResults, System, cost_basis
from xpareto.eval.statistics import (
    AVERAGE,
    LEVEL,
    ScoreTable,
    Uncertain,
    pairs_of,
)

WITH, WITHOUT, IN_PART = "included", "not measured", "not measured of every variant"
_ONE_END = 2 * LEVEL - 1  # the level of a two-sided interval whose upper end alone is used


@dataclass(frozen=True)
class FeasibleSet:
    """The systems of a run with the costs that limits and preferences are set on.

    `limits` and `aims` hold those that were measured. `tokenization` says whether p95_ms has it in it; it
    is in for all variants or for none. "": no p95 was measured.
    """

    results: RunResults
    systems: tuple[System, ...]
    base: int
    limits: Mapping[str, Cost]
    aims: Mapping[str, Cost]
    tokenization: str

    @property
    def baseline(self) -> str:
        return self.systems[self.base].name

    def uncompressed(self, place: int) -> int:
        """Return the place of the uncompressed model in the runtime of the system at a place."""
        first = next(iter(self.systems[place].candidates.values()))
        name = self.results.run_summary.uncompressed(first)
        return next(
            (at for at, system in enumerate(self.systems) if name in system.candidates.values()), self.base
        )

    def ratios(self, cost: Cost, rate: bool, place: int) -> CostRatios | None:
        """Return a system's cost over others'; None where a side has none. `rate`: more of it is better."""
        here = self.uncompressed(place)
        if not {place, here, self.base} <= set(cost.systems):
            return None
        return CostRatios(
            uncompressed=self.systems[here].name,
            baseline=self.baseline,
            compression=ratio(*cost.over(place, here), rate),
            runtime=ratio(*cost.over(here, self.base), rate),
            whole=ratio(*cost.over(place, self.base), rate),
        )

    @cached_property
    def bases(self) -> Mapping[str, str]:
        """Return by what can be preferred what it rests on, where that is not plain."""
        bases = {}
        for aim, cost in self.aims.items():
            names = [name for place in cost.systems for name in self.systems[place].candidates.values()]
            bases[aim] = cost_basis(preferences()[aim], self.results.run_summary.run, names)
        return {aim: basis for aim, basis in bases.items() if basis}

    @property
    def floors(self) -> Mapping[str, float]:
        """Return the noise floors of what can be preferred, as logarithms, where they are known."""
        return {name: cost.noise.floor for name, cost in self.aims.items() if cost.noise.floor is not None}

    @property
    def in_one_block(self) -> tuple[str, ...]:
        """Return the limits and preferences whose cost was measured in one block, so that noise is not known."""
        return tuple(name for name, cost in (*self.limits.items(), *self.aims.items()) if not cost.known)


@dataclass(frozen=True)
class JudgedOptions:
    """What limits are held against, and `single`, the level at which one interval of a drop is taken.

    Not `learnt`: the baseline has learnt nothing that could be lost, so that no limit is shown to be met.
    """

    options: Mapping[str, Option]
    floors: Mapping[str, float]
    beats: Mapping[str, Mapping[str, frozenset[str]]]  # quality -> system -> others that it is better than
    single: float
    power: Mapping[str, DropPower]  # by limit on a drop
    learnt: bool

    def decide(self, limits: Mapping[str, float], prefer: str, point_estimates: bool = False) -> Decision:
        if not self.learnt:
            return Decision((), {}, None)
        beats = self.beats.get(prefer, self.beats[SCORE])  # by more than noise
        return decide(
            list(self.options.values()),
            limits,
            prefer,
            self.floors,
            point_estimates,
            lambda one, other: other in beats[one],
        )


def feasible_set(results: RunResults, systems: Sequence[System]) -> FeasibleSet:
    """Return the systems with their costs; they hold the baseline."""
    base = next(at for at, system in enumerate(systems) if results.baseline in system.candidates.values())
    limits, tokenization = _limits(results, systems)
    aims = {
        aim: results.cost(objective, systems)
        for aim, objective in preferences().items()
        if objective.role == "cost"
    }
    return FeasibleSet(
        results,
        tuple(systems),
        base,
        limits,
        {name: cost for name, cost in aims.items() if cost is not None},
        tokenization,
    )


def _limits(results: RunResults, systems: Sequence[System]) -> tuple[dict[str, Cost], str]:
    """Return the costs that limits are set on, and what p95 has to do with tokenization.

    A limit is on the fuller measure where that can be had of every variant that has the other.
    """
    costs: dict[str, Cost] = {}
    how: dict[str, str] = {}
    for name, (_, limit) in declared_limits().items():
        cost = None if limit.measure is None else results.cost(limit.measure, systems)
        if cost is None:
            continue
        if limit.fuller is not None:
            whole = results.cost(limit.fuller, systems)
            if whole is not None and whole.systems == cost.systems:
                cost, how[name] = whole, WITH
            else:
                how[name] = WITHOUT if whole is None else IN_PART
        costs[name] = cost
    return costs, how.get("p95_ms", "")


def judged(
    feasible: FeasibleSet,
    table: ScoreTable,
    limits: Mapping[str, float],
    point_estimates: bool = False,
) -> JudgedOptions:
    """Return what the limits are held against.

    Whichever system meets them, its drops do (see eval.comparison.drops). The upper end of a cost holds by itself (see
    `_costs`).
    """
    scores = table.systems(feasible.results.members(feasible.systems))
    arms = [system.arm for system in feasible.systems]
    drops, single, power = judged_drops(scores, feasible.base, arms, table, limits, point_estimates)
    costs, uppers = _costs(feasible)
    aims: dict[str, dict[str, float]] = {system.name: {} for system in feasible.systems}
    for name, cost in feasible.aims.items():
        for at, place in enumerate(cost.systems):
            aims[feasible.systems[place].name][name] = math.exp(cost.values.points[at, 0])
    qualities = {
        aim: table.quality_places[objective.name]
        for aim, objective in preferences().items()
        if objective.name in table.quality_places
    }
    options = {
        system.name: Option(
            system.name,
            float(scores.points[at, AVERAGE]),
            drops[at],
            costs[system.name],
            aims[system.name],
            uppers[system.name],
            {aim: float(scores.points[at, place]) for aim, place in qualities.items() if aim != SCORE},
        )
        for at, system in enumerate(feasible.systems)
    }
    beats = {aim: _beats(scores.take([place]), arms, list(options)) for aim, place in qualities.items()}
    learnt = not feasible.results.nothing_learnt
    return JudgedOptions(options, feasible.floors, beats, single, power, learnt)


def _costs(feasible: FeasibleSet) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Return what limits are set on, by system, and the upper ends of what has noise that was learnt.

    Each upper end holds by itself. Two blocks leave a noise few degrees of freedom, and Student's t at the
    level at which all systems hold at once is then so large that no limit could be met.
    Where there was one block only the noise is not known, and a cost has no upper end.
    """
    costs: dict[str, dict[str, float]] = {system.name: {} for system in feasible.systems}
    uppers: dict[str, dict[str, float]] = {system.name: {} for system in feasible.systems}
    for limit, cost in feasible.limits.items():
        points = cost.values.points[:, 0]
        half = cost.alone().half_width(_ONE_END)
        for at, place in enumerate(cost.systems):
            name = feasible.systems[place].name
            costs[name][limit] = math.exp(points[at])
            if cost.noise.basis == "blocks":
                uppers[name][limit] = math.exp(points[at] + half[at])
    return costs, uppers


def _beats(averages: Uncertain, arms: Sequence[str], names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return which others each system scores better than, by the paired interval of the two."""
    beaten: dict[str, set[str]] = {name: set() for name in names}
    for other, (gains, spread) in zip(names, pairs_of(averages, arms), strict=True):
        ahead = gains.points[:, 0] > spread.half_width(LEVEL)[:, 0]
        for name, won in zip(names, ahead, strict=True):
            if won:
                beaten[name].add(other)
    return {name: frozenset(others) for name, others in beaten.items()}
