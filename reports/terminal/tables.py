"""Where tables and texts are printed: as wide as the terminal, and as wide as they are where there is none."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import IO, cast

from rich.console import Console

_UNLIMITED = 100_000  # columns: nothing that is printed is so wide


def printer() -> Console:
    """Return a console on standard output.

    In a pipe or a file no cell is wrapped, so that a name or a number stays one word for grep and the next
    program; COLUMNS in the environment still sets a width.
    """
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return Console(highlight=False)
    return Console(file=cast(IO[str], _Trimmed()), width=_UNLIMITED, highlight=False)


class _Trimmed(io.TextIOBase):
    """Standard output without the spaces that fill a table's last column up to its widest cell."""

    def write(self, text: str) -> int:
        return sys.stdout.write(re.sub(r" +$", "", text, flags=re.MULTILINE))

    def flush(self) -> None:
        sys.stdout.flush()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return sys.stdout.encoding or "utf-8"
