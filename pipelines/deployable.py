"""What of a run may be deployed, as eval.choice judges it: drops and costs with their upper ends, and aims.

`xpareto choose` and the answer of a report both decide on this, so that they say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.choice import MAX_DROP, WORST_DROP, Decision, Drop, Option, decide
from eval.limits import LIMITS, P95, P95_WITH_TOKENIZATION
from eval.moderated import moderated_spread
from eval.moderated_gains import moderated_gains, pairs_of
from eval.objective import OBJECTIVES, Objective
from eval.resampling import generator
from eval.score_table import AVERAGE, ScoreTable
from eval.uncertain import LEVEL, Uncertain, simultaneous
from eval.uncertain_frontier import Cost
from pipelines.evidence import Evidence, System

PREFER = {"latency": "latency_ms", "throughput": "throughput", "size": "size_bytes",
          "memory": "peak_rss_bytes", "energy": "energy_j", "score": "score"}  # fmt: skip
WITH, WITHOUT, IN_PART = "included", "not measured", "not measured of every variant"
_ONE_END = 2 * LEVEL - 1  # the level of a two-sided interval whose upper end alone is used


@dataclass(frozen=True)
class Deployable:
    """The systems of a run with the costs that limits and preferences are set on.

    `limits` and `aims` hold those that were measured. `tokenization` says whether p95_ms has it in it; it
    is in for all variants or for none. "": no p95 was measured.
    """

    evidence: Evidence
    systems: tuple[System, ...]
    base: int
    limits: Mapping[str, Cost]
    aims: Mapping[str, Cost]
    tokenization: str

    @property
    def baseline(self) -> str:
        return self.systems[self.base].name

    @property
    def floors(self) -> Mapping[str, float]:
        """Return the noise floors of what can be preferred, as logarithms."""
        return {name: cost.noise.floor for name, cost in self.aims.items()}


@dataclass(frozen=True)
class Judged:
    """What limits are held against, and `single`, the level at which one interval of a drop is taken."""

    options: Mapping[str, Option]
    floors: Mapping[str, float]
    beats: Mapping[str, frozenset[str]]  # which others a system's score is better than, by more than noise
    single: float

    def decide(self, limits: Mapping[str, float], prefer: str, point_estimates: bool = False) -> Decision:
        return decide(
            list(self.options.values()),
            limits,
            prefer,
            self.floors,
            point_estimates,
            lambda one, other: other in self.beats[one],
        )


def deployable(evidence: Evidence, systems: Sequence[System]) -> Deployable:
    """Return the systems with their costs; they hold the baseline."""
    base = next(at for at, own in enumerate(systems) if evidence.baseline in own.candidates.values())
    p95, tokenization = _p95(evidence, systems)
    limits = {name: evidence.cost(own, systems) for name, own in {**LIMITS, "p95_ms": p95}.items()}
    aims = {
        prefer: evidence.cost(OBJECTIVES.load(name), systems)
        for prefer, name in PREFER.items()
        if prefer != "score"
    }
    return Deployable(
        evidence,
        tuple(systems),
        base,
        {name: cost for name, cost in limits.items() if cost is not None},
        {name: cost for name, cost in aims.items() if cost is not None},
        tokenization,
    )


def _p95(evidence: Evidence, systems: Sequence[System]) -> tuple[Objective, str]:
    """Return the p95 that can be had of every variant, and what that has to do with tokenization."""
    model, whole = (evidence.cost(own, systems) for own in (P95, P95_WITH_TOKENIZATION))
    if model is None:
        return P95, ""
    if whole is not None and whole.systems == model.systems:
        return P95_WITH_TOKENIZATION, WITH
    return P95, WITHOUT if whole is None else IN_PART


def judged(
    found: Deployable,
    table: ScoreTable,
    limits: Mapping[str, float],
    point_estimates: bool = False,
    seed: int = 0,
) -> Judged:
    """Return what the limits are held against.

    The intervals of drops of all systems, of the average and of all languages that a limit is set on, hold
    at once: whichever is chosen, its bounds do. The upper end of a cost holds by itself (see `_costs`).
    """
    scores = table.systems(found.evidence.members(found.systems))
    arms = [own.arm for own in found.systems]
    drops, single = _drops(scores, found.base, arms, table, limits, point_estimates, seed)
    costs, uppers = _costs(found)
    aims: dict[str, dict[str, float]] = {own.name: {} for own in found.systems}
    for name, cost in found.aims.items():
        for at, place in enumerate(cost.systems):
            aims[found.systems[place].name][name] = math.exp(cost.values.points[at, 0])
    options = {
        own.name: Option(
            own.name,
            float(scores.points[at, AVERAGE]),
            drops[at],
            costs[own.name],
            aims[own.name],
            uppers[own.name],
        )
        for at, own in enumerate(found.systems)
    }
    return Judged(options, found.floors, _beats(scores.take([AVERAGE]), arms, list(options)), single)


def _drops(
    scores: Uncertain,
    base: int,
    arms: Sequence[str],
    table: ScoreTable,
    limits: Mapping[str, float],
    point_estimates: bool,
    seed: int,
) -> tuple[list[dict[str, Drop]], float]:
    """Return the drops of every system, and the level of one interval.

    Few seeds: the average's noise is moderated over pairs of systems, languages' over the languages of a
    system (see eval.moderated). Nothing loses more than the baseline has.
    """
    places = [AVERAGE] if MAX_DROP in limits or WORST_DROP not in limits else []
    places += list(table.language_places) if WORST_DROP in limits else []
    gains = scores.less(base).take(places)
    noise = gains.independent(generator(seed, "choose"), table.examples.shape[-1])
    single = simultaneous(noise, sided=1)
    averages = moderated_gains(scores.take([AVERAGE]), base, arms).half_width(single)
    languages = moderated_spread(scores.less(base).take(list(table.language_places)).spread(), axis=1)
    half = np.concatenate(
        ([averages] if AVERAGE in places else [])
        + ([languages.half_width(single)] if WORST_DROP in limits else []),
        axis=1,
    )
    half[base] = 0.0  # the baseline loses nothing against itself
    drop = -gains.points
    upper = np.minimum(drop + half, scores.points[base, places])
    told = []
    for at in range(len(drop)):
        drops = {}
        first = 0
        if AVERAGE in places:
            drops[MAX_DROP] = Drop(float(drop[at, 0]), float(upper[at, 0]))
            first = 1
        if WORST_DROP in limits:
            own, ends = drop[at, first:], upper[at, first:]
            worst = int(np.argmax(own if point_estimates else ends))
            drops[WORST_DROP] = Drop(float(own.max()), float(ends.max()), table.languages[worst])
        told.append(drops)
    return told, single


def _costs(found: Deployable) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Return what limits are set on, by system, and the upper ends of what has noise that was learnt.

    Each upper end holds by itself. Two blocks leave a noise few degrees of freedom, and Student's t at the
    level at which all systems hold at once is then so large that no limit could be met.
    Where there was one block only the noise is assumed, not known, and a cost has no upper end.
    """
    costs: dict[str, dict[str, float]] = {own.name: {} for own in found.systems}
    uppers: dict[str, dict[str, float]] = {own.name: {} for own in found.systems}
    for limit, cost in found.limits.items():
        points = cost.values.points[:, 0]
        half = cost.alone().half_width(_ONE_END)
        for at, place in enumerate(cost.systems):
            name = found.systems[place].name
            costs[name][limit] = math.exp(points[at])
            if cost.noise.basis == "blocks":
                uppers[name][limit] = math.exp(points[at] + half[at])
    return costs, uppers


def _beats(averages: Uncertain, arms: Sequence[str], names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return which others each system scores better than, by the paired interval of the two."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for other, (gains, spread) in zip(names, pairs_of(averages, arms), strict=True):
        ahead = gains.points[:, 0] > spread.half_width(LEVEL)[:, 0]
        for name, won in zip(names, ahead, strict=True):
            if won:
                found[name].add(other)
    return {name: frozenset(own) for name, own in found.items()}
