"""What a chain carries after a step that takes weights out of a torch model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from compress.after_fork import check_only
from compress.step import Flow, Misfit

if TYPE_CHECKING:
    from compress.artifact import Head
    from compress.calibration import Calibration


def pruned_flow(
    step: str,
    flow: Flow,
    heads: Mapping[str, Head],
    only: Sequence[str] | None,
    calibration: Calibration | None,
) -> Flow:
    """Return what the chain carries, as it was; Misfit where it has no torch model to prune.

    `only` names training sets, None means all; `calibration` is what the step looks at, None for nothing.

    >>> pruned_flow("prune_depth", Flow("torch"), {}, None, None).format
    'torch'
    """
    if flow.format != "torch":
        raise Misfit(
            f"{step} takes torch, but it is given {flow.format or 'nothing'}. Put it before the export."
        )
    check_only(only, flow)
    if calibration is not None:
        calibration.check(step, heads)
    return flow
