"""Statistics that were written when the noise of a cost in one block was assumed: read as what is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ALL = "all"  # the frontier in all costs at once


def without_assumed_noise(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a summary as parsed JSON without the intervals, floors and frontiers that an assumed noise gave.

    What has another form than a summary is left as it is: whoever validates it tells what is wrong.

    >>> without_assumed_noise({"objectives": {"x": {"noise": {"basis": "blocks"}}}})
    {'objectives': {'x': {'noise': {'basis': 'blocks'}}}}
    """
    try:
        once = {name for name, entry in raw["objectives"].items() if entry["noise"]["basis"] == "assumed"}
        if not once:
            return raw
        answer = raw.get("answer")
        unknown = {"basis": "unknown", "floor": None, "sd": None}
        return {
            **raw,
            "objectives": {
                name: {**entry, "noise": {**entry["noise"], **unknown}} if name in once else entry
                for name, entry in raw["objectives"].items()
            },
            **{
                field: {
                    name: [_value(cost) for cost in row] if name in once else row
                    for name, row in raw[field].items()
                }
                for field in ("costs", "costs_beside")
            },
            "frontiers": {
                name: frontier for name, frontier in raw["frontiers"].items() if name not in {*once, _ALL}
            },
            "answer": answer
            and {
                **answer,
                "picks": [
                    {**pick, "ratio": _value(pick["ratio"])} if pick["objective"] in once else pick
                    for pick in answer["picks"]
                ],
            },
        }
    except (AttributeError, KeyError, TypeError, IndexError):
        return raw


def _value(estimate: Any) -> Any:
    return None if estimate is None else [estimate[0], None, None]
