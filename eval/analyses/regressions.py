"""Which of the differences between two runs are regressions, and which are not shown to be none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xpareto.eval.analyses.documents import (
    ALL_TOGETHER,
    CandidateChanges,
    Change,
    CommonChange,
    CostChange,
    Estimate,
    RelativeChange,
    What,
)
from xpareto.eval.statistics import Contrast


@dataclass(frozen=True)
class Changes:
    """What changed between two runs, and how much of it counts as none: points, and a logarithm of costs."""

    candidates: Mapping[str, CandidateChanges]
    together: Mapping[str, CommonChange]
    tolerance: float
    cost_margin: float

    def every(self) -> Iterator[tuple[str, What, str, Contrast, float]]:
        """Yield every contrast with its place and its tolerance, those of all candidates first."""
        for cost, common in self.together.items():
            yield ALL_TOGETHER, "costs", cost, common, self.cost_margin
        for name, changes in self.candidates.items():
            yield name, "average", "", changes.average, self.tolerance
            for task, contrast in changes.tasks.items():
                yield name, "tasks", task, contrast, self.tolerance
            for code, contrast in changes.languages.items():
                yield name, "languages", code, contrast, self.tolerance
            for quality, contrast in changes.qualities.items():
                yield name, "qualities", quality, contrast, self.tolerance
            for cost, change in changes.costs.items():
                yield name, "costs", cost, change, self.cost_margin


def regressions(
    changes: Changes, lost: Mapping[str, str], lost_costs: Mapping[str, Mapping[str, str]]
) -> list[Change]:
    """Return everything that is shown to have got worse and came out worse by more than the tolerance.

    It is shown to have got worse at all, not to be beyond the tolerance: then a loss twice the tolerance would
    mostly go unseen. What is lost comes first.

    `lost` are candidates that have no score any more and `lost_costs` by candidate the costs that are gone,
    each with the reason.
    """
    worse = [Change(candidate=name, what="lost", name=why) for name, why in lost.items()]
    for name, costs in lost_costs.items():
        worse += [Change(candidate=name, what="lost cost", name=cost, why=why) for cost, why in costs.items()]
    for candidate, what, name, contrast, limit in changes.every():
        relative = _worse_relative_change(contrast)
        if _shown_worse(contrast, limit):
            worse.append(Change(candidate=candidate, what=what, name=name))
        elif relative is not None:
            ratio = Estimate(relative.ratio, relative.ratio_low, relative.ratio_high)
            worse.append(Change(candidate=candidate, what=what, name=name, beside=ratio))
    return worse


def undetermined(changes: Changes) -> list[Change]:
    """Return every difference that may be a regression and is not shown to be one.

    Its interval reaches beyond the tolerance on the bad side, and it is not equivalent; or it is a cost that
    was measured in one block, of whose noise nothing is known.
    """
    unproven = []
    for candidate, what, name, contrast, limit in changes.every():
        less_is_better = isinstance(contrast, CostChange | CommonChange) and contrast.sense == "min"
        worst = -contrast.high if less_is_better else contrast.low
        shown = _shown_worse(contrast, limit) or _worse_relative_change(contrast) is not None
        if worst < -limit and contrast.verdict != "equivalent" and not shown:
            unproven.append(Change(candidate=candidate, what=what, name=name, undetermined=True))
    unproven += [
        Change(candidate=candidate, what="costs", name=cost, undetermined=True)
        for candidate, own in changes.candidates.items()
        for cost in own.costs_in_one_block
    ]
    return unproven


def _shown_worse(contrast: Contrast, limit: float) -> bool:
    if isinstance(contrast, CommonChange):
        return contrast.beyond
    return contrast.verdict == "worse" and abs(contrast.difference) > limit


def _worse_relative_change(contrast: Contrast) -> RelativeChange | None:
    """Return how much worse it got than the other candidates did, None where that is not shown."""
    relative = contrast.beside if isinstance(contrast, CostChange) else None
    return relative if relative is not None and relative.beyond else None
