"""The statistics of a run that its report shows: report/analysis.json, as `xpareto run` and `report` leave it.

`systems` are what stands on a frontier: candidates that differ in their training seed alone, with means over
the seeds. All other lists by system are in that order, and a place is a number in it. Numbers are rounded for
display.
"""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from xpareto.eval.analyses.documents.arm_comparison import SeenEntry
from xpareto.eval.analyses.documents.assumed_noise import without_assumed_noise
from xpareto.eval.analyses.documents.cost_ratio import CostRatios
from xpareto.eval.analyses.documents.document import CostEstimate, Document, Estimate, Part
from xpareto.eval.analyses.documents.frontier import Attainment, FrontierEntry, Reference
from xpareto.eval.comparison import SCORE, DropPower
from xpareto.eval.objectives import Sense
from xpareto.eval.results import nothing_learnt
from xpareto.eval.statistics import Basis

NAME = "analysis.json"
ALL = "all"  # the frontier in all costs at once
_NONE = "No statistics lie beside this report. To compute them: xpareto report RUN"


class SystemEntry(Part):
    """What stands on a frontier."""

    name: str
    arm: str
    candidates: Mapping[int, str] = Field(description="the candidate of each training seed")


class TaskEntry(Part):
    """One task as it was run."""

    group: str
    languages: tuple[str, ...]
    split: str = "test"
    limit: int | None = Field(default=None, description="examples per language; null: all")


class NoiseEntry(Part):
    """How far two copies of one candidate lie apart in a cost (see eval.statistics.block_noise)."""

    basis: Basis
    floor: float | None = Field(description="percent that 5 in 100 pairs of copies exceed; null: not known")
    sd: float | None = Field(description="percent, of one block; null: not known")
    blocks: int = Field(description="of the candidate that has the fewest")
    df: int | None = Field(description="degrees of freedom; null where the noise is not learnt")
    twin: float | None = Field(
        description="percent by which the baseline's A/A control costs more; null without one"
    )


class CostEntry(Part):
    """A cost of the run."""

    title: str
    unit: str
    sense: Sense
    noise: NoiseEntry
    basis: str = Field(
        default="",
        description="what it rests on where that is not plain: measured or modelled; the title says it",
    )


class ScoreEntry(Part):
    """The scores of one system, in percent, and their changes from the baseline's, in points."""

    average: float = Field(description="mean over tasks")
    change: Estimate = Field(description="of the average")
    tasks: Mapping[str, Estimate] = Field(description="change of each task")


class QualityEntry(Part):
    """A quality other than the score, by system; changes are paired by test example and seed."""

    title: str
    values: tuple[float, ...]
    changes: tuple[Estimate, ...] = Field(description="from the baseline's, in points")


class FairnessEntry(Part):
    """What one system loses, language by language, in points."""

    worst_language: str
    worst: Estimate
    drops: Mapping[str, Estimate] = Field(description="by language; the intervals hold for all at once")
    spread: float = Field(description="standard deviation of the drops over languages")
    spread_beyond_noise: float
    by_script: Mapping[str, Estimate]
    by_resources: Mapping[str, Estimate] = Field(description="by the language's class of resources")
    slope: Estimate | None = Field(description="points per tenfold of pre-training tokens")
    single_level: float = Field(description="level of one interval of the drops")


class Cells(Part):
    """The drops of every task and language; lists of lists are by system and cell, in points."""

    places: tuple[tuple[str, str], ...] = Field(description="task and language of each cell")
    drops: tuple[tuple[float, ...], ...]
    errors: tuple[tuple[float, ...], ...] = Field(description="standard errors")
    levels: tuple[float, ...] = Field(
        description="by system the level of one interval at which all of the system hold together"
    )


class FlipCounts(NamedTuple):
    """Of how many examples how many answers changed, and how many answers became worse or better."""

    examples: int
    changed: int
    lost: int
    won: int


class DriftEntry(Part):
    """How far outputs lie from the baseline's on the same texts, of one task in one language."""

    task: str
    language: str = Field(description="of the texts; en: the English side of the task's pairs")
    texts: int = Field(description="whose vectors, or distributions of labels, are compared")
    queries: int = Field(description="whose nearest neighbours are compared")
    values: Mapping[str, tuple[Estimate | None, ...]] = Field(
        description="by statistic and system. cosine: mean of 1 - cosine with the baseline's vector; cosine_p95: its "
        "95th percentile; states: mean length of the difference over the vector's; nearest: percent of "
        "queries whose nearest neighbour stays; divergence: mean Jensen-Shannon divergence of the labels' "
        "distributions in bits; null where models have other widths or labels"
    )


class Pick(Part):
    """What to deploy for one cost."""

    prefer: str = Field(description="as in `xpareto choose --prefer`")
    objective: str
    chosen: int = Field(description="place of the system")
    candidate: str = Field(description="its candidate of the middle score")
    runner_up: int | None = Field(description="place of the second best")
    rule: str = Field(description="by which it is the best, in words")
    drop: float = Field(description="points lost on average")
    most_drop: float = Field(description="the upper end of the drop")
    ratio: CostEstimate | None = Field(description="its cost over the baseline's; null where that has none")
    ratios: CostRatios | None = Field(
        default=None, description="the same with its sides and shares; null in older documents, too"
    )


class NearMiss(Part):
    """The compressed variant that is nearest to losing no more than may be lost, where it is not shown to."""

    system: int = Field(description="place of the system")
    drop: float = Field(description="points lost on average")
    most_drop: float = Field(description="the upper end of the drop")


class Answer(Part):
    """What `xpareto choose --max-drop 1 --seed-policy mean` says."""

    max_drop: float = Field(description="points that may be lost")
    fits: tuple[int, ...] = Field(description="places of the systems that meet it")
    single_level: float = Field(description="level of one interval of a drop")
    power: DropPower | None = Field(
        default=None, description="null in documents that were written before there was one"
    )
    picks: tuple[Pick, ...] = Field(
        description="one for each cost of the recipe that was measured, one for the score where none was"
    )
    nearest: NearMiss | None = Field(
        default=None,
        description="null where a compressed variant is picked, or none is kept out; in older documents",
    )


class Summary(Document):
    """The statistics of one run."""

    what: ClassVar[str] = "the statistics of the run"
    made_by: ClassVar[str] = "xpareto report RUN"
    again: ClassVar[str] = "Write them again"
    newest: ClassVar[int] = 1

    version: Literal[1] = Field(default=1, alias="schema")
    run: str
    baseline: str = Field(description="name of the system that all drops are taken from")
    level: float = Field(gt=0, lt=1, description="of the intervals")
    resamples: int = Field(ge=1, description="draws of the bootstrap")
    seed: int = Field(description="of the draws")
    reference: Reference
    systems: tuple[SystemEntry, ...]
    left_out: Mapping[str, str] = Field(description="candidates that are in no system, and why")
    seen: Mapping[str, SeenEntry] = Field(
        default_factory=dict,
        description="by system, the languages that its training saw where they are not English alone",
    )
    tasks: Mapping[str, TaskEntry]
    unlearnt: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="by task the languages that no uncompressed model has learnt: they count in no average, but "
        "where there are no others",
    )
    objectives: Mapping[str, CostEntry]
    score_floor: float = Field(
        description="points by which two trainings differ in 95 of 100 cases at most; 0 with one seed"
    )
    scores: tuple[ScoreEntry, ...] = Field(description="by system")
    qualities: Mapping[str, QualityEntry] = Field(
        default_factory=dict, description="by quality other than the score"
    )
    costs: Mapping[str, tuple[CostEstimate | None, ...]] = Field(
        description="by cost and system; the interval is that of the system alone"
    )
    costs_beside: Mapping[str, tuple[CostEstimate | None, ...]] = Field(
        description="the same, the interval without what a block of measurements does to all systems alike, "
        "which cancels where two are compared"
    )
    cost_ratios: Mapping[str, tuple[CostRatios | None, ...]] = Field(
        default_factory=dict,
        description="by cost and system, where both sides have it; empty in older documents",
    )
    frontiers: Mapping[str, FrontierEntry] = Field(
        description="by cost whose noise is known; all: in all costs at once, where that of each is"
    )
    fairness: tuple[FairnessEntry, ...] = Field(description="by system")
    slope_languages: tuple[str, ...] = Field(default=(), description="the languages that the slopes rest on")
    languages: Mapping[str, tuple[str, str]] = Field(
        default_factory=dict, description="script and class of resources of the languages that are known"
    )
    cells: Cells | None = None
    flips: Mapping[str, tuple[FlipCounts, ...]] | None = Field(
        default=None, description="by language and system; null where predictions were not kept"
    )
    flips_by_task: Mapping[str, tuple[FlipCounts, ...]] | None = Field(
        default=None, description="by task and system, likewise"
    )
    drift: tuple[DriftEntry, ...] = Field(
        default=(),
        description="by task and language; empty where no outputs were kept, and in older documents",
    )
    attainment: Mapping[str, Attainment] = Field(description="by cost")
    answer: Answer | None = Field(
        default=None, description="null in documents that were written before there was one"
    )

    def __bool__(self) -> Literal[True]:
        return True

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the systems."""
        return tuple(system.name for system in self.systems)

    @property
    def members(self) -> tuple[tuple[str, ...], ...]:
        """Return the candidates of each system, one for each seed."""
        return tuple(tuple(system.candidates.values()) for system in self.systems)

    @property
    def base(self) -> int:
        """Return the place of the baseline among the systems."""
        return self.names.index(self.baseline)

    @property
    def seeded(self) -> bool:
        """Has any system more than one training seed?"""
        return any(len(system.candidates) > 1 for system in self.systems)

    @property
    def nothing_learnt(self) -> bool:
        """Have the uncompressed models learnt no task in any language, so that nothing is decided?"""
        return nothing_learnt({name: entry.languages for name, entry in self.tasks.items()}, self.unlearnt)

    @property
    def percent(self) -> str:
        """Return the level of the intervals as it is written: 95 %."""
        return f"{100 * self.level:g} %"

    @model_validator(mode="before")
    @classmethod
    def _earlier(cls, raw: Any) -> Any:
        """Documents that were written earlier have one interval of a cost, which is that beside the others.

        They also assume a noise where a cost was measured in one block, and none is known.
        """
        if not isinstance(raw, Mapping) or "costs" not in raw:
            return raw
        raw = {"costs_beside": raw["costs"], **raw}
        return without_assumed_noise(raw)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        count = len(self.systems)
        if self.baseline not in self.names:
            raise ValueError(f"{self.baseline!r} is none of its candidates")
        lists: dict[str, Sized] = {"scores": self.scores, "fairness": self.fairness}
        for name, quality in self.qualities.items():
            lists |= {f"qualities.{name}": quality.values, f"changes of {name}": quality.changes}
        for field in ("costs", "costs_beside", "cost_ratios", "flips", "flips_by_task"):
            lists |= {f"{field}.{name}": row for name, row in (getattr(self, field) or {}).items()}
        for entry in self.drift:
            lists |= {
                f"drift.{entry.task}.{entry.language}.{name}": row for name, row in entry.values.items()
            }
        for name, row in lists.items():
            if len(row) != count:
                raise ValueError(f"{name}: {len(row)} entries for {count} systems")
        for name, frontier in self.frontiers.items():
            strange = set(frontier.systems) - set(range(count)) | set(frontier.on) - set(frontier.systems)
            if strange or not len(frontier.systems) == len(frontier.membership) == len(frontier.dominance):
                raise ValueError(f"frontiers.{name}: its lists are not of the same systems")
        for pick in self.answer.picks if self.answer else ():
            if pick.objective == SCORE and pick.chosen in range(count):
                continue
            costs = self.costs.get(pick.objective)
            if costs is None or pick.chosen not in range(count) or costs[pick.chosen] is None:
                raise ValueError(f"answer: {pick.chosen!r} is no system with {pick.objective}")
        return self


class NoSummary(Document):
    """Why there are no statistics of a run; false where a Summary is true."""

    what: ClassVar[str] = Summary.what
    made_by: ClassVar[str] = Summary.made_by
    again: ClassVar[str] = Summary.again
    newest: ClassVar[int] = 1

    version: Literal[1] = Field(default=1, alias="schema")
    run: tuple[str, ...] = Field(default=(), description="names of the run folders")
    unavailable: str = Field(description="why there are none")

    def __bool__(self) -> Literal[False]:
        return False


Analysis = Summary | NoSummary
NO_ANALYSIS = NoSummary(unavailable=_NONE)
