"""What a search did: every setting that it tried, what it cost, what became of it, and what mattered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from xpareto.compress.core import InputError
from xpareto.eval.analyses.documents.document import Document, Part

SEARCH = "search/search.json"  # in a run's folder


class Tried(Part):
    """One setting that was tried."""

    name: str = Field(description="its arm in the run's recipe, where it is a finalist")
    settings: Mapping[str, Any] = Field(description="path -> value, of the fields that matter in it")
    values: Mapping[str, float] = Field(
        description="objective -> value on the examples of the first round; empty where it failed"
    )
    excesses: Mapping[str, float] = Field(
        default={}, description="limit -> how much more it has than that allows; above 0 it breaks it"
    )
    seconds: float = Field(description="of making, without what was in the store already")
    joules: float
    screening_seconds: float
    spent_seconds: float = Field(description="of making, by this setting and all before it")
    hypervolume: float = Field(
        description="of this setting and all before it, in percent times octaves of each cost; the reference is a "
        "score of 0 and one octave above the greatest cost that was tried"
    )
    dropped_after: int | None = Field(default=None, description="the round of screening; null for a finalist")
    why: str = Field(default="", description="it was dropped, or failed")


class ScreeningRound(Part):
    """One round of screening."""

    number: int
    examples: int = Field(description="of each language at most")
    settings: int = Field(description="that were measured in it")
    left: int = Field(description="that went on")


class SearchReport(Document):
    """A search from its first setting to its finalists."""

    what: ClassVar[str] = "the report of a search"
    made_by: ClassVar[str] = "xpareto search"
    newest: ClassVar[int] = 1

    version: Literal[1] = Field(default=1, alias="schema")
    run: str
    objectives: tuple[str, ...]
    budget: Mapping[str, float]
    limits: Mapping[str, float]
    ended: str = Field(description="why no further setting was tried")
    examples: Mapping[str, str] = Field(description="task -> what it is chosen by and reported on, in words")
    tried: tuple[Tried, ...]
    rounds: tuple[ScreeningRound, ...]
    finalists: tuple[str, ...]
    importance_by: str = Field(description="the method")
    importance: Mapping[str, Mapping[str, float]] = Field(
        description="objective -> path -> share in what the settings differ by"
    )

    @property
    def making_seconds(self) -> float:
        return sum(one.seconds for one in self.tried)

    @property
    def screening_seconds(self) -> float:
        return sum(one.screening_seconds for one in self.tried)


def read_search(run: Path) -> SearchReport | None:
    """Return what a run's search did; None for a run that was not searched, or whose report cannot be read."""
    file = run / SEARCH
    if not file.is_file():
        return None
    try:
        return SearchReport.read(file)
    except InputError:
        return None
