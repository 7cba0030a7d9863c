"""Keys of work: what a piece of work is a function of, as one digest."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def canonical(parts: Any) -> str:
    """Return data as the one JSON text that stands for it."""
    return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def key_of(text: str, parent: str | None, seed: int | None, teacher: str | None = None) -> str:
    """Return the key (sha256, hex) of a step that is described by a text, on a parent and beside a teacher."""
    parts = [text, str(parent), str(seed), *([teacher] if teacher is not None else [])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def version_of(distribution: str) -> str:
    """Return the installed version of a distribution; "none" where it is not there."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"
