"""Every document by its name, with the JSON Schema that follows from its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from compress.errors import InputError, hint
from eval.analyses.documents.arm_comparison import ArmComparison
from eval.analyses.documents.best_arm import BestArm
from eval.analyses.documents.claim_status import ClaimStatus
from eval.analyses.documents.difference import Difference
from eval.analyses.documents.recommendation import Recommendation
from eval.analyses.documents.summary import Analysis

DOCUMENTS: Mapping[str, TypeAdapter[Any]] = {
    "summary": TypeAdapter(Analysis),
    "recommendation": TypeAdapter(Recommendation),
    "difference": TypeAdapter(Difference),
    "comparison": TypeAdapter(ArmComparison),
    "best-arm": TypeAdapter(BestArm),
    "claims": TypeAdapter(ClaimStatus),
}


def document_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document; InputError for an unknown name."""
    if name not in DOCUMENTS:
        raise InputError(
            f'--of: unknown document "{name}".{hint(name, DOCUMENTS)} There are: recipe, {", ".join(DOCUMENTS)}.'
        )
    schema = DOCUMENTS[name].json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"xpareto {name}"} | schema
