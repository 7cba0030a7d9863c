"""Measures that the limits of a deployment are set on: costs of the worst task or the largest model.

They are objectives, so that they have blocks and with these noise, but they stand in no recipe and on no
frontier.
"""

from __future__ import annotations

from collections.abc import Sequence

from xpareto.eval.objectives._objective import Objective, measured, whole_blocks
from xpareto.eval.records import Measurement

MEGABYTE = 1e6


def worst(
    name: str, title: str, unit: str, statistic: str, component: str, by: str, scale: float = 1.0
) -> Objective:
    """Return the objective that takes, in each block, the largest over `by`: "task" or "artifact".

    It has no value where measured and modelled ones would be compared.
    """

    def blocks(rows: Sequence[Measurement]) -> dict[int, float]:
        statistic_rows = [row for row in rows if row.statistic == statistic and row.component == component]
        if len({row.basis for row in statistic_rows if row.status == "ok"}) > 1:
            return {}
        by_block = whole_blocks(statistic_rows, lambda row: str(getattr(row, by)))
        return {block: max(values.values()) / scale for block, values in by_block.items()}

    return measured(name, title, unit, "min", blocks)
