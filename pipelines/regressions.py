"""Which of the differences between two runs are regressions, and which are not shown to be none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports.numbers import ratio

AVERAGE_NAME, TASKS, LANGUAGES, COSTS = "average", "tasks", "languages", "costs"
LOST, LOST_COST = "lost", "lost cost"
ALL = "all candidates together"
Document = Mapping[str, Any]


def regressions(document: Document) -> list[dict[str, Any]]:
    """Return everything that is shown to have got worse by more than the tolerance, what is lost first."""
    found = [{"candidate": name, "what": LOST, "name": why} for name, why in document["lost"].items()]
    for name, costs in document["lost_costs"].items():
        found += [
            {"candidate": name, "what": LOST_COST, "name": cost, "why": why} for cost, why in costs.items()
        ]
    for place, contrast, limit in _contrasts(document):
        if _shown_worse(contrast, limit):
            found.append(place)
        elif _worse_beside(contrast):
            beside = contrast["beside"]
            change, low, high = (ratio(beside[key]) for key in ("ratio", "ratio_low", "ratio_high"))
            found.append({**place, "why": f"{change} ({low} to {high}) of the other candidates' change"})
    return found


def undetermined(document: Document) -> list[dict[str, Any]]:
    """Return every difference that may be a regression and is not shown to be one.

    Its interval reaches beyond the tolerance on the bad side, and it is not equivalent.
    """
    found = []
    for place, contrast, limit in _contrasts(document):
        worst = contrast["low"] if contrast.get("sense", "max") == "max" else -contrast["high"]
        shown = _shown_worse(contrast, limit) or _worse_beside(contrast)
        if worst < -limit and contrast["verdict"] != "equivalent" and not shown:
            found.append({**place, "undetermined": True})
    return found


def _shown_worse(contrast: Mapping[str, Any], limit: float) -> bool:
    if "beyond" in contrast:
        return bool(contrast["beyond"])
    return contrast["verdict"] == "worse" and abs(contrast["difference"]) > limit


def _worse_beside(contrast: Mapping[str, Any]) -> bool:
    """Has it got worse than the other candidates have, where that is known (see eval.beside)?"""
    return bool(contrast.get("beside") and contrast["beside"]["beyond"])


def _contrasts(document: Document) -> Iterator[tuple[dict[str, Any], Mapping[str, Any], float]]:
    """Yield every contrast with its place and its tolerance, those of all candidates first."""
    cost_limit = document["cost_margin"]
    for cost, contrast in document["together"].items():
        yield {"candidate": ALL, "what": COSTS, "name": cost}, contrast, cost_limit
    for name, own in document["candidates"].items():
        for what in (AVERAGE_NAME, TASKS, LANGUAGES, COSTS):
            items = {"": own[what]} if what == AVERAGE_NAME else own[what]
            limit = cost_limit if what == COSTS else document["tolerance"]
            for item, contrast in items.items():
                yield {"candidate": name, "what": what, "name": item}, contrast, limit
