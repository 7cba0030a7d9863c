"""Which points no other point dominates, in any number of objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Sense = Literal["max", "min"]


@dataclass(frozen=True)
class Frontier:
    """The non-dominated sorting of n points in d objectives.

    A dominates B when it is nowhere worse and somewhere better, so tied points all stay. A point with
    a value that is missing (NaN, infinite) is never on the frontier, has rank -1 and stands in
    `incomplete`.
    """

    mask: np.ndarray  # (n,) bool: on the frontier
    ranks: np.ndarray  # (n,) int64: 0 is the frontier, 1 the frontier without it, ...; -1 incomplete
    incomplete: tuple[int, ...]  # indices of points that were left out
    _costs: np.ndarray  # (n, d), all to be minimised
    _signs: np.ndarray  # (d,): -1 where the user maximises

    @staticmethod
    def of(values: np.ndarray, senses: Sequence[Sense]) -> Frontier:
        """Return the frontier of `values` (n, d); senses[j] says what is better in column j.

        ValueError when the shapes or the senses do not fit. `values` is not changed.

        >>> Frontier.of(np.array([[90.0, 5.0], [80.0, 9.0], [80.0, 2.0]]), ["max", "min"]).mask
        array([ True, False,  True])
        """
        import moocore

        objectives = np.array(values, dtype=np.float64)  # a copy: None becomes NaN
        if objectives.ndim != 2 or objectives.shape[1] != len(senses) or not senses:
            raise ValueError(f"expected values of shape (n, {len(senses)}), found {objectives.shape}")
        if not set(senses) <= {"max", "min"}:
            raise ValueError(f"expected senses max or min, found {sorted(set(senses))}")
        signs = np.array([-1.0 if sense == "max" else 1.0 for sense in senses])
        costs = objectives * signs
        complete = np.isfinite(costs).all(axis=1)
        ranks = np.full(len(costs), -1, np.int64)
        if complete.any():
            # In one objective moocore's ranking is a plain sort, which says the same.
            kept = np.ascontiguousarray(costs[complete])
            ranks[complete] = (
                np.unique(kept[:, 0], return_inverse=True)[1]
                if kept.shape[1] == 1
                else moocore.pareto_rank(kept)
            )
        mask = ranks == 0
        for array in (mask, ranks, costs, signs):
            array.flags.writeable = False
        incomplete = tuple(int(index) for index in np.flatnonzero(~complete))
        return Frontier(mask, ranks, incomplete, costs, signs)

    def hypervolume(self, reference: Sequence[float]) -> float:
        """Return the volume that the frontier dominates up to `reference`, in the user's units.

        `reference` (d,) is a point worse than those that shall count; it is fixed before the
        experiment, since a volume has no meaning without it. A point no better than the
        reference in every objective adds nothing.
        """
        import moocore

        given = np.asarray(reference, dtype=np.float64)
        if given.shape != self._signs.shape or not np.isfinite(given).all():
            raise ValueError(f"expected {len(self._signs)} finite reference values, found {list(reference)}")
        worst = given * self._signs
        points = self._costs[self.mask]
        points = points[(points < worst).all(axis=1)]
        if not len(points):
            return 0.0
        if points.shape[1] == 1:
            return float((worst - points).max())
        return float(moocore.hypervolume(np.ascontiguousarray(points), ref=worst))
