"""What the systems of a run lose, held against limits: the most that it can be, and what examples can show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xpareto.eval.comparison.decision import MAX_DROP, Drop
from xpareto.eval.objectives import declared_limits
from xpareto.eval.statistics import (
    AVERAGE,
    ERROR,
    ScoreTable,
    Spread,
    Uncertain,
    growth_needed,
    most_drop,
    shrunken_spread,
    spread_over_pairs,
    step_up,
)

_CANCELLED = 1e-9  # the share of a difference of equal float64 sums that rounding may leave


@dataclass(frozen=True)
class DropPower:
    """What the examples of a run can show of a limit on a drop.

    `examples` is the fewest of any task and language. With `needed` of them a variant that loses nothing, and
    changes as many answers as the middle one of the baseline's arm does, is shown to meet the limit in 80 %
    of runs; None: with no number, as for a limit of 0.
    """

    examples: int
    needed: int | None

    @property
    def enough(self) -> bool:
        """Are there as many examples as are needed?"""
        return self.needed is not None and self.needed <= self.examples


@dataclass(frozen=True)
class _Losses:
    """Drops of every system in what limits are set on, arrays (systems, quantities); see `judged_drops`."""

    drop: np.ndarray
    error: np.ndarray  # over test examples
    unit: np.ndarray  # see eval.statistics.score_bound
    seeds: Sequence[Spread]  # of training alone, pieces of the quantities
    most: np.ndarray  # (quantities,): what there is to lose

    def uppers(self, tail: float) -> np.ndarray:
        """Return the most that each drop can be, wrong in the share `tail` of cases."""
        seeds = np.concatenate([spread.half_width(1 - 2 * tail) for spread in self.seeds], axis=1)
        return np.minimum(most_drop(self.drop, self.error, self.unit, tail, seeds), self.most)


def judged_drops(
    scores: Uncertain,
    base: int,
    arms: Sequence[str],
    table: ScoreTable,
    limits: Mapping[str, float],
    point_estimates: bool,
) -> tuple[list[dict[str, Drop]], float, dict[str, DropPower]]:
    """Return the drops of every system, the level of one interval, and what can be shown of each limit.

    A system meets its limits when every drop does, the average's and each language's: an intersection-union
    test, in which each may be judged as if it stood alone (Berger 1982), since a system that breaks one limit
    passes at most as often as that one limit is judged wrongly. What is corrected for is that there are several
    systems (eval.statistics.tests.step_up): of those that break a limit, none is passed in 95 % of cases.

    Few seeds: the noise of the average, and of another quality, is shrunken over pairs of systems,
    languages' over the languages of a system (see eval.statistics.variance_shrinkage). Nothing
    loses more than the baseline has.
    """
    wanted = {name: declared for name, declared in declared_limits().items() if name in limits}
    by_language = [name for name, (_, limit) in wanted.items() if limit.by_language]
    lost = {
        name: table.quality_places[objective.name]
        for name, (objective, limit) in wanted.items()
        if objective.role == "quality" and not limit.by_language
    }
    limited = bool(lost or by_language)
    if not limited:
        lost = {MAX_DROP: AVERAGE}
    places = [*lost.values(), *(table.language_places if by_language else ())]
    losses = _losses(scores, base, arms, table, len(lost), places)
    most = np.full(len(places), math.inf)
    most[: len(lost)] = [limits.get(name, math.inf) for name in lost]
    most[len(lost) :] = min((limits[name] for name in by_language), default=math.inf)
    others = [at for at in range(len(arms)) if at != base]

    def passing(tail: float) -> int:
        return int((losses.uppers(tail)[others] <= most).all(axis=1).sum())

    tail = step_up(passing, len(others)) if limited else ERROR / max(1, len(others))
    upper = losses.uppers(tail)
    told = []
    for at in range(len(upper)):
        drops = {
            name: Drop(float(losses.drop[at, place]), float(upper[at, place]))
            for place, name in enumerate(lost)
        }
        for name in by_language:
            language_drops, ends = losses.drop[at, len(lost) :], upper[at, len(lost) :]
            worst = int(np.argmax(language_drops if point_estimates else ends))
            drops[name] = Drop(float(language_drops.max()), float(ends.max()), table.languages[worst])
        told.append(drops)
    parts = {name: [place] for place, name in enumerate(lost)}
    parts |= {name: list(range(len(lost), len(places))) for name in by_language}
    examples = min(table.cell_examples)
    compressed = [at for at in others if arms[at] == arms[base]]  # not other trainings, which change more
    power = {
        name: _power(losses, compressed or others, parts[name], limits[name], tail, examples)
        for name in parts
        if name in limits and others
    }
    return told, 1 - 2 * tail, power


def _losses(
    scores: Uncertain, base: int, arms: Sequence[str], table: ScoreTable, wholes: int, places: Sequence[int]
) -> _Losses:
    """Return the losses at some places, of which the first `wholes` are of no language."""
    gains = scores.less(base).take(places)
    assert gains.added is not None and gains.unit is not None
    spreads = [spread_over_pairs(scores.take(places[:wholes]), base, arms)] if wholes else []
    if len(places) > wholes:
        of_languages = scores.less(base).take(list(table.language_places))
        spreads.append(shrunken_spread(of_languages.spread(), of_languages.repeats))
    examples = np.concatenate([spread.examples for spread in spreads], axis=1)
    variance = examples**2 - gains.added
    variance[variance < _CANCELLED * gains.added] = 0.0  # nothing but rounding is left: a copy has no error
    error = np.sqrt(variance)
    seeds = [replace(spread, examples=np.zeros_like(spread.examples)) for spread in spreads]
    return _Losses(-gains.points, error, gains.unit, seeds, scores.points[base, places])


def _power(
    losses: _Losses, others: Sequence[int], places: Sequence[int], limit: float, tail: float, examples: int
) -> DropPower:
    """Return what so many examples, the fewest of any language, can show of a limit."""
    at = np.ix_(others, places)
    growth = growth_needed(limit, losses.error[at], losses.unit[at], tail, together=len(places))
    middle = float(np.median(growth.max(axis=1)))
    needed = math.ceil(middle * examples) if math.isfinite(middle) else None
    return DropPower(examples=examples, needed=needed)
