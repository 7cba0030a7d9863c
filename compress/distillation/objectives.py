"""What a student learns of its teacher: the settings of each objective, each with its weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from xpareto.compress.core import Head
from xpareto.compress.distillation.layer_map import Map
from xpareto.compress.heads import HEADS

Pair = Annotated[list[int], Field(min_length=2, max_length=2)]
Layers = Map | Annotated[list[Pair], Field(min_length=1)]
Kind = Literal["query", "key", "value"]


class Objective(BaseModel):
    """One part of the loss, times its weight."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    weight: float = Field(1.0, gt=0, description="the part's factor in the sum")


class Logits(Objective):
    """Temperature-scaled KL divergence of the head's answers (Hinton et al. 2015)."""

    temperature: float = Field(2.0, gt=0, description="both sides' logits are divided by it")


class Hidden(Objective):
    """Distance of hidden states, through learned projections (FitNets; TinyBERT, Jiao et al. 2020)."""

    layers: Layers = Field(
        "uniform",
        description="which hidden states: uniform (embeddings and every layer), last, or pairs [student, "
        "teacher] with 0 for the embeddings",
    )
    distance: Literal["mse", "cosine"] = Field("mse", description="squared difference, or 1 - cosine")
    projection: Literal["auto", "always"] = Field(
        "auto", description="learned matrix to the teacher's width: where the widths differ, or always"
    )


class Attention(Objective):
    """Squared difference of attention scores before the softmax (TinyBERT); equal numbers of heads."""

    layers: Layers = Field(
        "uniform", description="uniform, last, or pairs [student, teacher] of layers, counted from 1"
    )


class MiniLM(Objective):
    """Attention distributions and value relations of one layer (Wang et al. 2020); equal numbers of heads."""

    teacher_layer: int | None = Field(None, ge=1, description="null: the last", examples=[6])
    student_layer: int | None = Field(None, ge=1, description="null: the last", examples=[3])


class Relations(Objective):
    """Relations of queries, keys and values of one layer among themselves: MiniLMv2 (Wang et al. 2021).

    Widths and numbers of heads may differ. Of large teachers the paper takes an upper middle layer.
    """

    teacher_layer: int | None = Field(None, ge=1, description="null: the last", examples=[19])
    student_layer: int | None = Field(None, ge=1, description="null: the last", examples=[3])
    heads: int | None = Field(
        None,
        ge=1,
        description="relation heads, a divisor of both widths; null: the most that leave the teacher 16 "
        "numbers each, the paper's choice",
        examples=[48],
    )
    of: Annotated[list[Kind], Field(min_length=1)] = Field(
        ["query", "key", "value"], description="which relations: Q-Q, K-K, V-V"
    )


class Labels(Objective):
    """Cross-entropy of the labels, where there are any: those of `on`, or the masked tokens."""


@dataclass(frozen=True)
class Objectives:
    """The objectives of one training, None where one has no part in it."""

    logits: Logits | None = None
    hidden: Hidden | None = None
    attention: Attention | None = None
    minilm: MiniLM | None = None
    relations: Relations | None = None
    labels: Labels | None = None

    def chosen(self) -> Iterator[tuple[str, Objective]]:
        """Yield the name and the settings of each objective there is."""
        for name, objective in vars(self).items():
            if objective is not None:
                yield name, objective

    @property
    def answers(self) -> bool:
        """Is anything learned of the head, and not of the body alone?"""
        return self.logits is not None or self.labels is not None

    def or_default(self, head: Head) -> Objectives:
        """Return these, or where there is none: what suits the head.

        Hidden states and relations for a body that is still to be trained; the answers and the hidden
        states of a task's teacher.
        """
        if any(True for _ in self.chosen()):
            return self
        if not HEADS[head].supervised:
            return Objectives(hidden=Hidden.model_validate({}), relations=Relations.model_validate({}))
        return Objectives(logits=Logits.model_validate({}), hidden=Hidden.model_validate({}))
