"""The best arm for each task against a reference, as `xpareto claims --compare` writes it beside a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from xpareto.eval.analyses.documents.arm_comparison import Scope
from xpareto.eval.analyses.documents.document import Document
from xpareto.eval.comparison import Choice
from xpareto.eval.statistics import Contrast


class BestArm(Document):
    """The best of several arms for each task, chosen on other examples than those it is scored on."""

    what: ClassVar[str] = "the best arm per task"
    made_by: ClassVar[str] = "xpareto claims --compare"
    newest: ClassVar[int] = 1

    version: Literal[1] = Field(default=1, alias="schema")
    run: str
    dev_run: str | None = Field(description="the run whose dev splits the arms were chosen on")
    reference: str
    arms: tuple[str, ...]
    variant: str
    seeds: tuple[int, ...]
    scope: Scope
    margin: float = Field(description="points: less is no difference that counts")
    resamples: int
    seed: int
    synthetic: bool
    unlearnt: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="by task the languages that none of the arms has learnt: they do not count, but where there are "
        "no others, and then nothing is decided",
    )
    average: Contrast
    tasks: Mapping[str, Choice]
