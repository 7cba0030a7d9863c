"""The answer of `xpareto choose`: which variant of a run to deploy under limits, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from xpareto.eval.analyses.documents.cost_ratio import CostRatios
from xpareto.eval.analyses.documents.document import Document, Estimate, Part
from xpareto.eval.comparison import DropPower, Interval
from xpareto.eval.results import nothing_learnt
from xpareto.eval.statistics import Basis


def _absent(value: object) -> bool:
    return value is None


class DropEntry(Part):
    """Points lost against the baseline."""

    value: float
    upper: float = Field(description="the most that it can be")
    language: str | None = Field(
        default=None, exclude_if=_absent, description="whose upper end it is, of the worst language"
    )


class QualityFacts(Part):
    """A quality other than the score that was asked for, in percent."""

    value: float
    change: Estimate = Field(description="from the baseline's, in points; the interval holds by itself")


class VariantFacts(Part):
    """What is known of one variant."""

    name: str
    candidate: str = Field(description="its candidate of the middle score")
    seeds: tuple[int, ...]
    score: float = Field(description="percent")
    drops: Mapping[str, DropEntry] = Field(description="by limit")
    costs: Mapping[str, float] = Field(description="by limit, in its unit")
    cost_uppers: Mapping[str, float] = Field(
        description="the most that a cost can be, of those whose noise was learnt"
    )
    qualities: Mapping[str, QualityFacts] = Field(
        default_factory=dict, description="by what can be preferred"
    )
    aims: Mapping[str, float] = Field(description="costs, by what can be preferred")
    ratios: Mapping[str, CostRatios] = Field(
        default_factory=dict,
        description="costs over others', by what can be preferred; empty in older documents",
    )
    against_baseline: Mapping[str, float] | None = Field(
        default=None, exclude_if=_absent, description="score in points, costs and aims as ratios"
    )


class BrokenLimit(Part):
    """A limit that a variant does not meet."""

    limit_name: str
    limit: float
    found: float | None = Field(description="what was judged; null where nothing was measured")
    value: float | None = Field(description="as measured")
    upper: float | None = Field(description="the most that it can be")
    excess: float | None = Field(description="over the limit, in its unit")
    language: str | None = Field(default=None, exclude_if=_absent, description="of the largest drop")


class OtherRun(Part):
    """What the chosen variant loses on the examples of another run; each interval by itself."""

    run: str
    tasks: Mapping[str, str] = Field(description="the split of each task")
    drop: Interval
    worst_language_drop: Interval
    worst_language: str


class CrossFit(Part):
    """What is chosen on all parts of the examples but one, and loses on that one, each part in turn."""

    folds: int
    chosen: tuple[str | None, ...] = Field(description="by part")
    same_choice: int = Field(description="of how many parts it is the choice on the whole")
    held_out_drop: float | None
    held_out_worst_language_drop: float | None


class Recommendation(Document):
    """Which variant to deploy."""

    what: ClassVar[str] = "a recommendation"
    made_by: ClassVar[str] = "xpareto choose RUN --json"
    newest: ClassVar[int] = 1

    version: Literal[1] = Field(default=1, alias="schema")
    run: str
    limits: Mapping[str, float]
    prefer: str
    rule: str = Field(description="by which the first of those that fit is the best, in words")
    tasks: Mapping[str, tuple[str, ...]] = Field(description="the languages that count")
    unlearnt: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="by task the languages that no uncompressed model has learnt: they do not count, but where "
        "there are no others, and then nothing is decided",
    )
    weights: Mapping[str, float]
    seed_policy: str
    point_estimates: bool
    level: float = Field(description="of the intervals")
    single_level: float = Field(description="of one interval of a drop")
    power: Mapping[str, DropPower] = Field(default_factory=dict, description="by limit on a drop")
    resamples: int
    seed: int
    noise_floor: Mapping[str, float] = Field(
        description="by what can be preferred: the share by which two copies of a variant differ, where it is known"
    )
    in_one_block: tuple[str, ...] = Field(
        default=(),
        description="limits and preferences whose cost was measured in one block: taken as measured, since which "
        "variant has less of it, and whether it meets a limit, cannot be told from noise",
    )
    noise_of_limits: Mapping[str, Basis]
    blocks_of_limits: Mapping[str, int]
    bases: Mapping[str, str] = Field(
        default_factory=dict,
        description="by what can be preferred: what it rests on where that is not plain, measured or modelled",
    )
    tokenization: str = Field(description="whether p95_ms holds it; empty where no p95 was measured")
    baseline: VariantFacts
    chosen: VariantFacts | None
    runner_up: VariantFacts | None
    fits: tuple[str, ...] = Field(description="the best first")
    rejected: Mapping[str, tuple[BrokenLimit, ...]]
    left_out: Mapping[str, str] = Field(description="candidates without a score, and why")
    nearest: VariantFacts | None = Field(description="where nothing fits: what misses by least")
    unmeasured: tuple[str, ...] = Field(description="limits that nothing was measured for")
    reported_on: OtherRun | None
    cross_fit: CrossFit | None

    @model_validator(mode="before")
    @classmethod
    def _earlier(cls, raw: Any) -> Any:
        """Documents that were written earlier assume a noise where none is known."""
        bases = raw.get("noise_of_limits") if isinstance(raw, Mapping) else None
        if not isinstance(bases, Mapping) or "assumed" not in bases.values():
            return raw
        once = tuple(name for name, basis in bases.items() if basis == "assumed")
        return {**raw, "noise_of_limits": {**bases, **dict.fromkeys(once, "unknown")}, "in_one_block": once}

    @property
    def nothing_learnt(self) -> bool:
        """Have the uncompressed models learnt none of the tasks, so that nothing is decided?"""
        return nothing_learnt(self.tasks, self.unlearnt)
