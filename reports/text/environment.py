"""The environment of a run as lines that can be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LONG = 200  # characters beyond which a value is left out of the short form


def facts(environment: Mapping[str, Any], short: bool = False) -> list[tuple[str, str]]:
    """Return the environment as pairs of a dotted name and a value.

    `short` leaves out values too long for one line, such as the list of CPU flags.

    >>> facts({"cpu": {"model": "X", "cores": 2}})
    [('cpu.model', 'X'), ('cpu.cores', '2')]
    """
    pairs: list[tuple[str, str]] = []
    _walk("", environment, pairs)
    return [(name, value) for name, value in pairs if not short or len(value) <= _LONG]


def _walk(lead: str, value: Any, pairs: list[tuple[str, str]]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _walk(f"{lead}.{key}" if lead else str(key), item, pairs)
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        pairs.append((lead, " ".join(value)))
    else:
        pairs.append((lead, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
