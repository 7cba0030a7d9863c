"""A step turns one sealed artifact into another; its fields are the recipe's keys."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from xpareto.compress.core.artifact import Artifact, Format, Head
from xpareto.compress.core.data_protocol import DataProvider
from xpareto.compress.core.ordering import Rule


class IncompatibleStep(Exception):
    """A step cannot follow what comes before it; says what and the fix, the plan adds where."""


@dataclass(frozen=True)
class ChainState:
    """What a chain carries between two steps, known before any weight is loaded.

    `format` None: nothing yet, as at the start of a chain that makes its own base.
    """

    format: Format | None = None
    head: Head | None = None
    forked: bool = False  # one artifact per training set from here on
    done: tuple[str, ...] = ()  # names of the steps before, in order; after the fork: of one training set
    # label -> what the chain carried after each step before, and "base": what it began with
    earlier: Mapping[str, ChainState] = field(default_factory=dict, compare=False)

    def having(self, **changes: Any) -> ChainState:
        return replace(self, **changes)


@dataclass(frozen=True)
class DataNeed:
    """Something outside the artifact that a step depends on; its fingerprint enters the key.

    machine: the CPU and the runtime of that name, by which the artifact is measured, so that another
    machine does not take it for its own. metric: what dev examples of a training set are scored by; one
    that is scored by its right labels adds nothing to the key.
    """

    kind: Literal["training", "text", "machine", "metric"]
    name: str


@dataclass(frozen=True)
class Context:
    """What a step may use besides its source and its fields. Nothing here enters the key but seed."""

    provider: DataProvider
    seed: int
    threads: int
    scratch: Path  # survives a kill: a step may keep state here to resume from
    progress: Callable[[int, int, str], None]  # (done, total, what): drawn by the parent
    save_minutes: float = 5.0  # between two states that a training keeps in scratch; 0: none
    teacher: Artifact | None = None  # what the step that `learns_from` names gave; part of the key
    # False in a process that only trains with another one: it runs the same `apply`, and what it would
    # write and report is thrown away, so a step may leave that out.
    first: bool = True


@dataclass(frozen=True)
class StepResult:
    """What a step says of the files it wrote; the store seals them with it."""

    format: Format
    head: Head
    labels: tuple[str, ...] = ()
    training_set: str | None = None
    layer: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


class Step(BaseModel, ABC):
    """One validated setting of one operation. Subclasses are final; unknown keys are refused.

    Heavy imports (torch, transformers, onnx) happen inside `apply`, so that planning is quick.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    takes: ClassVar[Format | None]  # the format of what it is given; None: nothing, it starts a chain
    gives: ClassVar[Format]  # the format of what it makes
    refuses: ClassVar[
        Mapping[Head, str]
    ] = {}  # heads that it does not take: what such a model is, what to do
    version: ClassVar[int] = 1  # raise it when equal fields start to give other bytes
    added: ClassVar[tuple[str, ...]] = ()  # fields that came later: not written at their default, as before
    seeded: ClassVar[bool] = False  # does the run's seed change the result?
    libraries: ClassVar[tuple[str, ...]] = ()  # distributions whose version enters the key
    makes_heads: ClassVar[bool] = False  # what it gives has a fresh head: that of its source is left out
    together: ClassVar[bool] = False  # several processes can run `apply`, which calls fit once, together
    trains: ClassVar[bool] = False  # does `apply` call fit, which takes a GPU, where it is not `together`?
    threaded: ClassVar[bool] = True  # do more threads make it quicker?
    rules: ClassVar[tuple[Rule, ...]] = ()  # what must, or must not, stand before or after it
    quick: ClassVar[Mapping[str, Any]] = {}  # fields that do its whole work in seconds on a tiny model

    def order(self) -> Sequence[Rule]:
        """Return the rules of this setting; override it where they depend on the fields."""
        return self.rules

    @classmethod
    def name(cls) -> str:
        """Return what a recipe calls it: the name of its file."""
        return cls.__module__.rpartition(".")[2]

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values: what keys, manifests and works hold of a step."""
        fields = type(self).model_fields
        same = {name for name in self.added if getattr(self, name) == fields[name].default}
        return self.model_dump(mode="json", exclude=same)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the step that `as_json` wrote, in another process. Recipes are read by `model_validate`."""
        return cls.model_validate_json(json.dumps(fields))

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        """Return what the chain carries after this step, or raise IncompatibleStep.

        A step that demands or gives more than it declares overrides this, and calls it first. `heads`
        gives the head of every known training set. The plan adds the step to `done`. Where the models of
        training sets have different steps behind them, it is asked once for each of these.
        """
        name = self.name()
        if self.takes is None:
            if state.format is not None:
                raise IncompatibleStep(
                    f"{name} takes nothing, but what comes before it gives {state.format}. "
                    "Put it first, and leave out the recipe's base."
                )
        elif state.format is None:
            raise IncompatibleStep(
                f"{name} takes {self.takes}, but nothing comes before it. Give the recipe a base, or pretrain first."
            )
        elif state.format != self.takes:
            raise IncompatibleStep(
                f"{name} takes {self.takes}, but it is given {state.format}. {self._place()}"
            )
        if state.head is not None and state.head in self.refuses:
            raise IncompatibleStep(f"{name} is given {self.refuses[state.head]}")
        return state.having(format=self.gives)

    def _place(self) -> str:
        if self.takes != self.gives:
            return "Export once, after the steps on torch models and before those on ONNX models."
        return "Put export_onnx before it." if self.takes == "onnx" else "Put it before the export."

    def needs(self) -> Mapping[str, str]:
        """Return what the model's architecture must have for these fields -> why, as the start of a sentence.

        Keys are fields and properties of compress.architectures.Architecture. The plan asks, and what does the work.
        """
        return {}

    def branches(self, training_sets: Sequence[str]) -> Mapping[str, Step] | None:
        """Return one step per training set where the chain forks here, else None."""
        return None

    def learns_from(self) -> str | None:
        """Return the label of an earlier step whose artifact is read beside the source ("base": the base).

        After the fork, that of the same training set. None: the source is all it reads.
        """
        return None

    def within(self, training_set: str, head: Head | None = None) -> Step:
        """Return the step as it acts on the model of one training set after the fork; IncompatibleStep if it cannot.

        `head` is that of the model, which the plan knows.
        """
        return self

    def acts_on(self, training_set: str) -> bool:
        """Does the step change the model of this training set? After a fork, the others pass it by."""
        return True

    def reads(self) -> tuple[DataNeed, ...]:
        """Return the data that this step reads."""
        return ()

    @abstractmethod
    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        """Write the new artifact's files into the empty folder `target`.

        A pure function of the source's content, the fields, the data and the seed.
        """
