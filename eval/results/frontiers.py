"""Which candidates are on the frontier of some objectives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xpareto.eval.objectives import Objective
from xpareto.eval.pareto import Frontier


def frontier_names(
    values: Mapping[str, Mapping[str, float | None]], *objectives: Objective
) -> tuple[str, ...]:
    """Return the candidates that no other dominates, from the best in the first objective on.

    A candidate that lacks a value is left out; tied candidates all stay.
    """
    names = list(values)
    if not names:
        return ()
    table = np.array([[values[name][o.name] for o in objectives] for name in names], dtype=np.float64)
    mask = Frontier.of(table, [objective.sense for objective in objectives]).mask
    first = table[:, 0] * (-1 if objectives[0].sense == "max" else 1)
    kept = [place for place in range(len(names)) if mask[place]]
    return tuple(names[place] for place in sorted(kept, key=lambda place: (first[place], names[place])))
