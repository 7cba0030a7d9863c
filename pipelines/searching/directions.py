"""Which way objectives are better, in Optuna's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from xpareto.eval.objectives import Objective


def directions(objectives: Sequence[Objective]) -> list[Literal["minimize", "maximize"]]:
    """Return Optuna's words for what is better."""
    return ["maximize" if objective.sense == "max" else "minimize" for objective in objectives]
