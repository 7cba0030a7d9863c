"""The one exception that the command line shows without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
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


def shortened(found: Any) -> str:
    """Return a value as a message shows it, cut to 60 characters.

    >>> shortened({"epochs": "three"})
    "{'epochs': 'three'}"
    """
    text = repr(found)
    return text if len(text) <= 60 else text[:57] + "..."
