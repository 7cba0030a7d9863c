"""An objective reduces the rows of one candidate to one number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import Literal

from compress.catalog import Catalog
from eval.records import Measurement

OBJECTIVES = Catalog("objective", "eval.objectives", "OBJECTIVE")
Sense = Literal["max", "min"]
Blocks = Callable[[Sequence[Measurement]], Mapping[int, float]]


@dataclass(frozen=True)
class Objective:
    """A number to optimise. `reduce` gets all rows of one candidate and returns None without evidence.

    What is measured several times has `blocks`, its value in every block (see `whole_blocks`), and
    `reduce` is then `over_blocks` of these: whoever needs the noise of the number reads the blocks.
    """

    name: str
    title: str
    unit: str
    sense: Sense
    reduce: Callable[[Sequence[Measurement]], float | None]
    log: bool = False  # costs are compared on a log scale
    blocks: Blocks | None = None


def measured(name: str, title: str, unit: str, sense: Sense, blocks: Blocks) -> Objective:
    """Return the objective of a cost that is measured in blocks."""
    return Objective(name, title, unit, sense, lambda rows: over_blocks(blocks(rows)), True, blocks)


def over_blocks(values: Mapping[int, float]) -> float | None:
    """Return one number of the values of all blocks, None of none: their geometric mean.

    What disturbs a measurement does so by a factor, so noise is symmetric on the logarithmic scale, on
    which intervals and noise floors are taken (see eval.cost_noise): this is the middle of those.

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
    found: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        if row.status == "ok" and row.value is not None and 0 < row.value < math.inf:
            found.setdefault(row.repeat, {}).setdefault(place(row), []).append(row.value)
    blocks = {
        repeat: {own: median(values) for own, values in places.items()}
        for repeat, places in sorted(found.items())
    }
    places = list(dict.fromkeys(own for block in blocks.values() for own in block))
    whole = {repeat: block for repeat, block in blocks.items() if len(block) == len(places)}
    if whole or not blocks:
        return whole
    return {
        0: {own: geometric_mean(block[own] for block in blocks.values() if own in block) for own in places}
    }
