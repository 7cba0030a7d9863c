"""What a recipe says of a search: the settings that may be tried, what they may cost, and what must hold."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from xpareto.pipelines.recipe.task_choice import Frozen, Positive

ARM, ENABLED = "arm", "enabled"  # a space's key for which chain, and the field for whether a step is there
_Number = Annotated[float, Field(strict=False)]
_Amount = Annotated[float, Field(gt=0, strict=False)]


class Range(Frozen):
    """Numbers from one to another, both included; whole ones where `from`, `to` and `step` are."""

    from_: int | _Number = Field(alias="from", description="The least value.")
    to: int | _Number = Field(description="The greatest value.")
    log: bool = Field(default=False, description="Draw evenly on a logarithmic scale.")
    step: Annotated[int | float, Field(gt=0)] | None = Field(
        default=None, description="Distance of neighbouring values; default: any number, of whole ones 1."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.from_ < self.to:
            raise ValueError(f"expected `from` below `to`, found {self.from_:g} and {self.to:g}")
        if self.log and self.from_ <= 0:
            raise ValueError(f"expected `from` above 0 on a logarithmic scale, found {self.from_:g}")
        if self.log and self.step is not None:
            raise ValueError("expected `log` or `step`, found both")
        if self.step is not None and self.step > self.to - self.from_:
            raise ValueError(f"expected a step of at most {self.to - self.from_:g}, found {self.step:g}")
        return self

    @property
    def whole(self) -> bool:
        """Are all values whole numbers?"""
        return all(isinstance(one, int) for one in (self.from_, self.to, self.step) if one is not None)


class Budget(Frozen):
    """What a search may spend before it goes to the finalists; it ends with the first that is spent."""

    candidates: Positive | None = Field(default=None, description="Settings that are tried.")
    hours: _Amount | None = Field(
        default=None,
        description="Hours of making and screening; what is in the store already costs nothing to make.",
    )
    joules: _Amount | None = Field(
        default=None, description="Joules of making, measured or modelled; what is in the store costs none."
    )

    @model_validator(mode="after")
    def _some(self) -> Budget:
        if self.candidates is None and self.hours is None and self.joules is None:
            raise ValueError("expected candidates, hours or joules, found none of them")
        return self


class Screening(Frozen):
    """On how little a setting is tried before it is worth more."""

    examples: Annotated[int, Field(ge=8)] = Field(
        default=100, description="The first examples of each language that every setting is tried on."
    )
    languages: Positive | None = Field(
        default=None, description="So many languages of each task, evenly chosen; default: all of them."
    )
    growth: Annotated[float, Field(gt=1, strict=False)] = Field(
        default=3.0, description="In each further round so many times the examples, for those that are left."
    )


class Search(Frozen):
    """Settings to search for, in place of a sweep's grid; `xpareto search` runs it."""

    space: dict[str, list[Any] | Range] = Field(
        min_length=1,
        description="What may be tried: `label.field: [a, b]` or `{from: 1, to: 8, step: 1}`, also `log: true`; "
        "`label.enabled: [true, false]`, whether a step is there; `arm: [a, b]`, which of the arms (default: any).",
    )
    budget: Budget = Field(description="What the search may spend, on candidates, hours or joules.")
    limits: dict[str, Annotated[float, Field(ge=0, strict=False)]] = Field(
        default_factory=dict,
        description="What must hold, in the terms of `xpareto choose`, such as {max_drop: 2, size_mb: 50}.",
    )
    screening: Screening = Field(
        default_factory=Screening, description="On how little a setting is tried first."
    )
    finalists: Positive = Field(
        default=8, description="At most so many settings are measured as candidates of a run are, at the end."
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=0, description="Draws what is tried.")
