"""An objective reduces the rows of one candidate to one number.

It declares all that is asked of it: whether it is a quality or a cost, its direction, how its noise comes
about, and what `xpareto choose` can limit. One file in eval/objectives adds one (see `Objective`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import TYPE_CHECKING, Any, Literal

from xpareto.compress.core import Catalog
from xpareto.eval.records import Measurement

if TYPE_CHECKING:  # numpy takes longer to import than all objectives to list
    from xpareto.eval.statistics import Quality, ScoreTable

OBJECTIVES = Catalog("objective", "xpareto.eval.objectives", "OBJECTIVE")
Sense = Literal["max", "min"]
Role = Literal["quality", "cost"]
Blocks = Callable[[Sequence[Measurement]], Mapping[int, float]]


@dataclass(frozen=True)
class Limit:
    """Something of an objective that `xpareto choose` can be given a limit on: its option is --name.

    Of a cost it is a `measure` of its own, of the worst task or the largest model: an average over tasks
    says what a variant is like, a limit must hold for each of them. `fuller` is the same with more in it,
    taken where it is known of every variant that has the measure. Of a quality it is the points that are
    lost against the baseline, or with `by_language` the most that are lost in any language.
    """

    name: str
    title: str
    unit: str
    help: str
    measure: Objective | None = None
    fuller: Objective | None = None
    by_language: bool = False
    told: bool = False  # told of every variant, with or without a limit

    @property
    def option(self) -> str:
        """Return the option of the command line.

        >>> Limit("p95_ms", "p95 latency", "ms", "").option
        '--p95-ms'
        """
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Objective:
    """A number to optimise. `reduce` gets all rows of one candidate and returns None where they lack it.

    A cost that is measured several times has `blocks`, its value in every block (see `whole_blocks`), and
    `reduce` is then `over_blocks` of these: whoever needs the noise of the number reads the blocks. One
    without is a count, which has no noise.

    A quality is found from the scores of test examples, in percent. `draws` returns it from their table as
    it is and in every bootstrap draw, so that its intervals are paired by example; points and what
    `reduce` says of the same rows are one number.
    """

    name: str
    title: str
    unit: str
    sense: Sense
    reduce: Callable[[Sequence[Measurement]], float | None]
    log: bool = False  # costs are compared on a log scale
    blocks: Blocks | None = None
    role: Role = "cost"
    draws: Callable[[ScoreTable], Quality] | None = None
    limits: tuple[Limit, ...] = ()
    alias: str = ""  # how `xpareto choose --prefer` and its answers call it; "": by its name
    best: str = ""  # the best of it, in words; "": derived
    place: int = 100  # where it stands in lists of all objectives, then by name
    told: bool = False  # told of every variant, whatever is preferred
    note: str = ""  # what its value is of, in a sentence, where its title does not say
    timed: bool = False  # other work on the machine makes it worse

    def __post_init__(self) -> None:
        if (self.role == "quality") != (self.draws is not None):
            raise ValueError(f"{self.name}: expected draws of a quality, and of it alone, found {self.role}")

    @property
    def aim(self) -> str:
        """Return the name by which it is preferred."""
        return self.alias or self.name

    @property
    def superlative(self) -> str:
        """Return the best of it, in words, such as `the least latency`."""
        most = "best" if self.role == "quality" else "least" if self.sense == "min" else "most"
        return self.best or f"the {most} {self.alias or self.title[:1].lower() + self.title[1:]}"


def measured(name: str, title: str, unit: str, sense: Sense, blocks: Blocks, **declared: Any) -> Objective:
    """Return the objective of a cost that is measured in blocks; `declared` are further fields."""
    return Objective(
        name, title, unit, sense, lambda rows: over_blocks(blocks(rows)), True, blocks, **declared
    )


def preferences() -> dict[str, Objective]:
    """Return all objectives by the name under which `xpareto choose` prefers them."""
    every = sorted(OBJECTIVES.all().values(), key=lambda objective: (objective.place, objective.name))
    return {objective.aim: objective for objective in every}


def drawn_qualities(table: ScoreTable, objectives: Iterable[Objective]) -> dict[str, Quality]:
    """Return the qualities among some objectives, but for the score, as a table of scores and its draws give them."""
    return {
        objective.name: objective.draws(table)
        for objective in objectives
        if objective.draws is not None and objective.name != "score"
    }


def declared_limits() -> dict[str, tuple[Objective, Limit]]:
    """Return everything that a limit can be set on by its name, with the objective that declares it."""
    return {
        limit.name: (objective, limit) for objective in preferences().values() for limit in objective.limits
    }


def over_blocks(values: Mapping[int, float]) -> float | None:
    """Return one number of the values of all blocks, None of none: their geometric mean.

    What disturbs a measurement does so by a factor, so noise is symmetric on the logarithmic scale, on
    which intervals and noise floors are taken (see eval.statistics.block_noise): this is the middle of those.

    >>> over_blocks({0: 2.0, 1: 8.0})
    4.0
    """
    if len(values) < 2:
        return next(iter(values.values()), None)  # without a last digit lost to the logarithm
    return geometric_mean(values.values())


def whole_blocks(
    rows: Iterable[Measurement], place: Callable[[Measurement], str]
) -> dict[int, dict[str, float]]:
    """Return block -> place -> value, of the blocks that have all places.

    Rows of equal `repeat` are one block; a place is a task or an artifact. Of several rows of one place in
    a block the median counts. A block that lacks a place (its probe failed midway) compares with no other
    one and is left out; where each lacks some, all are one block, of geometric means. Rows that are not
    ok or have no value above zero do not count.
    """
    readings: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        if row.status == "ok" and row.value is not None and 0 < row.value < math.inf:
            readings.setdefault(row.repeat, {}).setdefault(place(row), []).append(row.value)
    blocks = {
        repeat: {place_name: median(values) for place_name, values in places.items()}
        for repeat, places in sorted(readings.items())
    }
    places = list(dict.fromkeys(place_name for block in blocks.values() for place_name in block))
    whole = {repeat: block for repeat, block in blocks.items() if len(block) == len(places)}
    if whole or not blocks:
        return whole
    return {
        0: {
            place_name: geometric_mean(block[place_name] for block in blocks.values() if place_name in block)
            for place_name in places
        }
    }
