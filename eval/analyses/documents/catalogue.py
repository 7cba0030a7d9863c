"""Every document by its name, with the JSON Schema that follows from its type; those of eval.results as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from xpareto.compress.core import InputError, hint
from xpareto.eval.analyses.documents.arm_comparison import ArmComparison
from xpareto.eval.analyses.documents.best_arm import BestArm
from xpareto.eval.analyses.documents.claim_status import ClaimStatus
from xpareto.eval.analyses.documents.difference import Difference
from xpareto.eval.analyses.documents.recommendation import Recommendation
from xpareto.eval.analyses.documents.search import SearchReport
from xpareto.eval.analyses.documents.summary import Analysis
from xpareto.eval.results import row_schema, run_schema


def _schema(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema(mode="serialization")


DOCUMENTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "run": run_schema,
    "measurement": row_schema,
    "summary": partial(_schema, Analysis),
    "recommendation": partial(_schema, Recommendation),
    "difference": partial(_schema, Difference),
    "comparison": partial(_schema, ArmComparison),
    "best-arm": partial(_schema, BestArm),
    "claims": partial(_schema, ClaimStatus),
    "search": partial(_schema, SearchReport),
}


def document_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document; InputError for an unknown name."""
    if name not in DOCUMENTS:
        raise InputError(
            f'--of: unknown document "{name}".{hint(name, DOCUMENTS)} There are: recipe, {", ".join(DOCUMENTS)}.'
        )
    lead = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"xpareto {name}"}
    return lead | DOCUMENTS[name]()
