"""The answer of `xpareto compare`: one arm of a run against another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from xpareto.eval.analyses.documents.document import Document, Part
from xpareto.eval.comparison import Iso, VariantContrasts
from xpareto.eval.objectives import Sense
from xpareto.eval.results import nothing_learnt
from xpareto.eval.statistics import Contrast

Scope = Literal["training", "these models"]
THESE_MODELS: Scope = "these models"  # of a verdict that rests on one seed


class ReferencePoint(Part):
    """The reference point of every hypervolume."""

    score: float = Field(description="percent")
    octaves: float = Field(description="of cost above the baseline's")
    baseline: str


class ComparedTask(Part):
    """What the scores of one task rest on."""

    group: str
    examples: Mapping[str, int] = Field(description="by language")
    missing: tuple[str, ...] = Field(description="languages without data")
    limit: int | None
    split: str
    drawn_together: bool = Field(description="versions of one example in several languages are")
    retuned: bool = Field(default=False, description="a threshold of mining is set again in every draw")
    chance: float | None = Field(
        default=None,
        description="percent, of guessing one class; of documents that were written before `unlearnt`",
    )


class ComparedObjective(Part):
    """An objective of the run."""

    title: str
    sense: Sense


class TrainingStep(Part):
    """One training of an arm, with its data and what bounds its length."""

    label: str
    on: str | tuple[str, ...] | None
    languages: str | tuple[str, ...] | None = None
    steps: int | None = None
    max_steps: int | None = None
    epochs: int | float | None = None
    batch_size: int | None = None
    until_tokens: int | None = Field(
        default=None, description="what it was asked to show, in place of epochs"
    )
    tokens: int | None = Field(default=None, description="shown in all, padding aside; null: not known")


class SeenEntry(Part):
    """Languages that an arm's training saw; what is in none of these is zero-shot."""

    labels: tuple[str, ...] = Field(description="of labelled examples, translated ones too")
    text: tuple[str, ...] = Field(default=(), description="of texts without labels")
    whole_texts: tuple[str, ...] = Field(default=(), description="texts read in all languages that they have")


class RestsOn(Part):
    """What a comparison rests on."""

    pairs: int = Field(description="of matched candidates")
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    pooled_arms: tuple[str, ...] = Field(description="further arms that the noise of training is taken from")
    candidates: Mapping[str, tuple[str, ...]] = Field(description="by side")
    left_out: Mapping[str, str] = Field(description="candidates that are not compared, and why")
    tasks: Mapping[str, ComparedTask]
    unlearnt: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="by task the languages that neither arm has learnt uncompressed: they do not count, but where "
        "there are no others",
    )
    objectives: Mapping[str, ComparedObjective]
    training: Mapping[str, tuple[TrainingStep, ...]] = Field(description="by side")
    seen: Mapping[str, SeenEntry] = Field(default_factory=dict, description="languages trained on, by side")
    incomplete: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="training sets that lacked parts, and which"
    )
    synthetic: bool
    changed: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="runs whose files differ from their seal, and which"
    )


class CaveatEntry(Part):
    """What to know before one relies on it."""

    key: str = Field(description="stable")
    title: str
    text: str


class ArmComparison(Document):
    """Arm B against arm A."""

    what: ClassVar[str] = "a comparison"
    made_by: ClassVar[str] = "xpareto compare RUN --arms A B"
    newest: ClassVar[int] = 1

    version: Literal[1] = Field(default=1, alias="schema")
    run: str
    recipe: str
    arms: tuple[str, str]
    labels: tuple[str, str] = Field(description="of the sides: the arms, or halves of one arm's seeds")
    same_arm: bool
    scope: Scope
    margin: float = Field(description="points: less is no difference that counts")
    cost_margin: float = Field(description="the same of costs, as a logarithm")
    reference: ReferencePoint
    resamples: int
    seed: int
    rests_on: RestsOn
    variants: tuple[VariantContrasts, ...] = Field(min_length=1, description="the uncompressed one first")
    hypervolume: Mapping[str, Contrast] = Field(description="by cost, in points x octaves")
    joint_hypervolume: Contrast | None = Field(description="in the score and all costs")
    iso_cost: Mapping[str, Iso] = Field(description="by cost: logarithm of B's over A's at equal scores")
    caveats: tuple[CaveatEntry, ...] = ()

    @property
    def nothing_learnt(self) -> bool:
        """Have the arms learnt none of the tasks, so that nothing is decided?"""
        tasks = {name: tuple(facts.examples) for name, facts in self.rests_on.tasks.items()}
        return nothing_learnt(tasks, self.rests_on.unlearnt)
