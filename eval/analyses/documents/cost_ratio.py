"""A cost over others, with both sides named: what of a gain is the runtime's and what is compression's."""

from __future__ import annotations

from pydantic import Field

from xpareto.eval.analyses.documents.document import CostEstimate, Part


class CostRatios(Part):
    """What a system's cost is over others', and how much of that its runtime gives and how much compression.

    `whole` is the product of the other two. A ratio of a rate, of which more is better, is above 1 where the
    system is the better one.
    """

    uncompressed: str = Field(
        description="the system of the baseline's model, uncompressed, in the runtime that this one runs in; the "
        "baseline where that was not measured"
    )
    baseline: str
    compression: CostEstimate = Field(description="over the cost of `uncompressed`")
    runtime: CostEstimate = Field(description="cost of `uncompressed` over the baseline's")
    whole: CostEstimate = Field(description="over the baseline's cost")
