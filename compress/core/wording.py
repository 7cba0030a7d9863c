"""Words that messages and reports share."""

from __future__ import annotations

from collections.abc import Sequence


def enumerated(names: Sequence[str], most: int = 1) -> str:
    """Return the first names and how many more there are, which is never one: then it is named, too.

    >>> enumerated(["a"]), enumerated(["a", "b"]), enumerated(["a", "b", "c"])
    ('a', 'a and b', 'a and 2 more')
    """
    shown = list(names) if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} more"]
    return " and ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)
