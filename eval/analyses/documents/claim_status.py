"""What became of the source study's claims on the data at hand: the answer of `xpareto claims`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from xpareto.eval.analyses.documents.arm_comparison import Scope
from xpareto.eval.analyses.documents.best_arm import BestArm
from xpareto.eval.analyses.documents.document import Document, Estimate, Part
from xpareto.eval.statistics import Verdict

Status = Literal["supported", "contradicted", "undetermined", "holds", "fails", "not tested"]


class ComparedArms(Part):
    """One contrast of two arms: B less A, in points."""

    run: str
    a: str
    b: str
    what: str = Field(description="average, or the task")
    difference: Estimate
    verdict: Verdict = Field(description="on B")
    synthetic: bool
    scope: Scope


class Finding(Part):
    """One answer to a claim: its status, and one of a contrast, the best arm per task, or words."""

    status: Status
    detail: str = Field(default="", description="what a check counted, or what is missing")
    contrast: ComparedArms | None = None
    best: BestArm | None = None


class ClaimEntry(Part):
    """One claim of the study."""

    number: str
    text: str
    test: str = Field(description="the command that tests it")
    findings: tuple[Finding, ...]


class ClaimStatus(Document):
    """All claims with what is known of them."""

    what: ClassVar[str] = "the status of the claims"
    made_by: ClassVar[str] = "xpareto claims"
    newest: ClassVar[int] = 1

    version: Literal[1] = Field(default=1, alias="schema")
    runs: tuple[str, ...]
    comparisons: int = Field(description="how many were read")
    command: str = Field(description="that was given")
    synthetic: bool = Field(description="any finding rests on synthetic data")
    claims: tuple[ClaimEntry, ...]
