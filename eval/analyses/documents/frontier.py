"""The frontiers of a run's statistics: what stands on them, their hypervolumes, and what training seeds attain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field, model_validator

from xpareto.eval.analyses.documents.document import Part


class Reference(Part):
    """The reference point of every hypervolume."""

    score: float = Field(description="percent")
    octaves: float = Field(description="of cost above the baseline's")


class VolumeEntry(Part):
    """A hypervolume in points x octaves of cost."""

    value: float
    low: float
    high: float
    bias: float = Field(description="by how much noise makes it look larger")


class FrontierEntry(Part):
    """The frontier of the score against one cost, or all costs; lists are by place among its `systems`."""

    systems: tuple[int, ...] = Field(description="places of those that have the cost")
    on: tuple[int, ...] = Field(description="places of those that are on it as measured")
    membership: tuple[int, ...] = Field(description="percent of the draws in which nothing dominates it")
    beyond_noise: tuple[int, ...] = Field(
        description="the same where only leads above the noise floors count"
    )
    dominance: tuple[tuple[int, ...], ...] = Field(
        description="percent of the draws in which the row's system dominates the column's"
    )
    confidence_set: tuple[int, ...] = Field(
        description="places of those that nothing significantly dominates"
    )
    dominated_by: Mapping[int, tuple[int, ...]] = Field(
        description="the places that prove it, by the place of one that is out of the confidence set"
    )
    within_floors: tuple[int, ...] = Field(
        description="the same set where being worse by less than the noise floors is forgiven"
    )
    single_level: float = Field(
        description="level of one interval at which the sets of all frontiers hold together"
    )
    knee: int | None = Field(description="place of the knee as measured")
    knee_shares: tuple[int, ...] | None = Field(
        description="percent of the draws in which it is the knee; null where a knee has no meaning"
    )
    knee_none: int | None = Field(description="percent of the draws without a knee")
    hypervolume: VolumeEntry | None = Field(description="of all systems; null with several costs")
    hypervolumes: Mapping[str, VolumeEntry] = Field(description="by arm")

    @model_validator(mode="before")
    @classmethod
    def _earlier(cls, raw: Any) -> Any:
        """Documents that were written earlier had one set, which forgave what the floors do."""
        if isinstance(raw, Mapping) and "within_floors" not in raw and "confidence_set" in raw:
            return {**raw, "within_floors": raw["confidence_set"]}
        return raw


class ArmAttainment(Part):
    """What one arm's training seeds attain."""

    seeds: tuple[int, ...]
    surfaces: tuple[tuple[tuple[float, float], ...], ...] = Field(
        description="by number of seeds, from 1: corners (octaves of cost, score) of what so many attain"
    )


class RegionEntry(NamedTuple):
    """A rectangle of trade-offs, costs in octaves; null where it has no end."""

    cheap: float | None
    dear: float | None
    low: float | None
    high: float | None
    difference: float


class AttainmentDifference(Part):
    """Where the attainment of two arms differs."""

    a: str
    b: str
    regions: tuple[RegionEntry, ...] = Field(description="difference: share of B's seeds less that of A's")


class Attainment(Part):
    """Which trade-offs of one cost and the score are attained by how many training seeds."""

    arms: Mapping[str, ArmAttainment]
    differences: tuple[AttainmentDifference, ...] = Field(description="of arms with equally many seeds")
