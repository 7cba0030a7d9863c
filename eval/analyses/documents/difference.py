"""The answer of `xpareto diff`: what got better or worse from one run to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from xpareto.eval.analyses.documents.document import Document, Estimate, Part
from xpareto.eval.objectives import Sense
from xpareto.eval.results import nothing_learnt
from xpareto.eval.statistics import Basis, Contrast

ALL_TOGETHER = "all candidates together"
What = Literal["average", "tasks", "languages", "qualities", "costs", "lost", "lost cost"]


@dataclass(frozen=True)
class RatioContrast(Contrast):
    """A contrast of logarithms of a cost, with the ratio of B's cost to A's and its interval."""

    ratio: float
    ratio_low: float
    ratio_high: float
    sense: Sense


@dataclass(frozen=True)
class RelativeChange(RatioContrast):
    """The change of one candidate's cost over the median of the others' changes (see eval.comparison.relative_change).

    `beyond`: it is shown to be worse than theirs by more than the tolerance, and came out worse by that.
    """

    beyond: bool


@dataclass(frozen=True)
class CostChange(RatioContrast):
    """The change of one candidate's cost; `noise` is its basis in run A and in run B.

    `beside` is None where there are few candidates. `disturbed` is the share of the cores' time that other work
    took in the middle one of the blocks, in the run that had more of it, where that is so much that being better
    or worse cannot be told from it: the verdict is then "undetermined".
    """

    noise: tuple[Basis, Basis]
    beside: RelativeChange | None
    disturbed: float = 0.0


@dataclass(frozen=True)
class CommonChange(RatioContrast):
    """The mean change of a cost of all candidates (see eval.comparison.common_change).

    `beyond`: it is shown to be worse, and came out worse by more than the tolerance. `drift` is the ratio of the
    farthest blocks of one run.
    """

    beyond: bool
    candidates: int
    blocks: int
    noise: Basis
    drift: float


class CandidateChanges(Part):
    """What changed of one candidate."""

    average: Contrast
    tasks: Mapping[str, Contrast]
    languages: Mapping[str, Contrast]
    qualities: Mapping[str, Contrast] = Field(
        default_factory=dict, description="other than the score, of those that both runs name"
    )
    costs: Mapping[str, CostChange]
    costs_in_one_block: Mapping[str, float] = Field(
        default_factory=dict,
        description="ratio of B's to A's, as measured, of costs that either run measured in one block: nothing tells "
        "it from noise",
    )


def _absent(value: Any) -> bool:
    return not value


class Change(Part):
    """One thing that got worse, or that may have."""

    candidate: str = Field(description=f"or: {ALL_TOGETHER}")
    what: What
    name: str = Field(description="of the task, language or cost; of a candidate that is lost, why")
    why: str = Field(default="", exclude_if=_absent, description="of a cost that is lost")
    beside: Estimate | None = Field(
        default=None, exclude_if=_absent,
        description="where only that is worse: the ratio of its change to the other candidates'",
    )  # fmt: skip
    undetermined: bool = Field(
        default=False,
        exclude_if=_absent,
        description="it is not shown to be within the tolerance, nor beyond it",
    )


class Difference(Document):
    """What changed from run A to run B."""

    what: ClassVar[str] = "a difference of two runs"
    made_by: ClassVar[str] = "xpareto diff RUN_A RUN_B --json"
    newest: ClassVar[int] = 2

    # 1: the ratios of costs of which more is better were A's over B's
    version: Literal[2] = Field(default=2, alias="schema")
    runs: tuple[str, str]
    tolerance: float = Field(description="points")
    cost_tolerance: float = Field(description="percent")
    cost_margin: float = Field(description="the same as a logarithm")
    strict: bool = Field(description="what is undetermined is a regression as well")
    resamples: int
    seed: int
    tasks: Mapping[str, tuple[str, ...]] = Field(description="the languages that both runs have")
    unlearnt: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="by task the languages that no uncompressed model of either run has learnt: they do not "
        "count, but where there are no others",
    )
    paired: Mapping[str, bool] = Field(description="by task: both runs answered the same examples")
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    lost: Mapping[str, str] = Field(description="candidates that have no score any more, and why")
    lost_costs: Mapping[str, Mapping[str, str]] = Field(description="by candidate and cost, and why")
    together: Mapping[str, CommonChange] = Field(description="by cost, of all candidates")
    candidates: Mapping[str, CandidateChanges]
    same_machine: bool
    bases: Mapping[str, str] = Field(
        default_factory=dict,
        description="by cost what it rests on in both runs where that is not plain: measured or modelled",
    )
    undetermined: tuple[Change, ...]
    regressions: tuple[Change, ...]

    @property
    def nothing_learnt(self) -> bool:
        """Has neither run learnt any of the tasks, so that nothing is said of scores?"""
        return nothing_learnt(self.tasks, self.unlearnt)
