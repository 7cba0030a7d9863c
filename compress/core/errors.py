"""The one exception that the command line shows without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


class InputError(Exception):
    """Something the user gave is wrong; the message is all that they see (exit code 2).

    The message says what was expected, what was found, where, and what to do next.
    """


class ArtifactDamaged(InputError):
    """A sealed artifact no longer has the content it was sealed with; it can be rebuilt."""


def hint(wrong: str, names: Iterable[str]) -> str:
    """Return `` Did you mean "x"?`` for a near miss of one of the names, else an empty string.

    >>> hint("xlni", ["xnli", "udpos"])
    ' Did you mean "xnli"?'
    >>> hint("zebra", ["xnli", "udpos"])
    ''
    """
    near = difflib.get_close_matches(wrong, list(names), n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""


def shortened(value: Any) -> str:
    """Return a value as a message shows it, cut to 60 characters.

    >>> shortened({"epochs": "three"})
    "{'epochs': 'three'}"
    """
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def enumerated(names: Sequence[str], most: int = 1) -> str:
    """Return the first names and how many more there are, which is never one: then it is named, too.

    >>> enumerated(["a"]), enumerated(["a", "b"]), enumerated(["a", "b", "c"])
    ('a', 'a and b', 'a and 2 more')
    """
    shown = list(names) if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} more"]
    return " and ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)
