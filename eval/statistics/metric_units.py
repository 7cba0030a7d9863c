"""What one unit of a metric, answered otherwise, changes of a score; nothing where predictions are the same.

A unit is what a score counts: an example, a word, a gold chunk, a gold pair. Two models that answer all of n
units alike have a bootstrap variance of zero, and yet may differ on the next unit. As Agresti and Min (2005)
add half an example to each discordant cell, so the square of 100 / (n + 2) points is added to the variance of
a difference. Models whose predictions are the same, word for word, differ by exactly 0 there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

ABSENT = -1  # the number of predictions that a system has not, of a seed


@dataclass(frozen=True)
class MetricUnits:
    """By cell (task x language) what one unit changes, and whose predictions are the same.

    `points` (cells,) are what one unit changes of a cell, `shares` (cells, columns) how much of a column a
    cell is. `parts` names, by quantity, the columns that it rests on; of several the largest counts.
    `predictions` (systems, seeds, cells) are equal numbers where predictions are the same, ABSENT where a
    system lacks the seed.
    """

    points: np.ndarray
    shares: np.ndarray
    parts: tuple[tuple[int, ...], ...]
    predictions: np.ndarray

    def of(self, systems: Sequence[int]) -> MetricUnits:
        """Return some of the systems."""
        return replace(self, predictions=self.predictions[list(systems)])

    def take(self, quantities: Sequence[int]) -> MetricUnits:
        """Return some of the quantities."""
        return replace(self, parts=tuple(self.parts[at] for at in quantities))

    def apart(self, base: int) -> np.ndarray:
        """Return in what share of the seeds a system's predictions are not those of `base`, (systems, cells)."""
        there = self.predictions[base]
        known = (self.predictions != ABSENT) | (there != ABSENT)
        differ = (self.predictions != there) & known
        shares: np.ndarray = differ.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return shares

    def variance(self, base: int) -> np.ndarray:
        """Return what is added to the variance of each system less `base`, (systems, quantities)."""
        return self._by_quantity(self.apart(base) @ (self.shares * self.points[:, None]) ** 2)

    def unit(self, base: int) -> np.ndarray:
        """Return the points by which one unit changes each system less `base`, (systems, quantities)."""
        return self._by_quantity(self.apart(base) @ (self.shares**2 * self.points[:, None]))

    def _by_quantity(self, columns: np.ndarray) -> np.ndarray:
        if not self.parts:
            return np.zeros((len(columns), 0))
        return np.stack([columns[:, list(part)].max(axis=1) for part in self.parts], axis=1)
