"""Where tables and texts are printed: as wide as the terminal, and as wide as they are where there is none."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import IO, Any, cast

from rich.cells import cell_len
from rich.console import Console
from rich.containers import Lines
from rich.text import Text

WIDEST = 100_000  # columns: nothing that is printed is so wide


def printer() -> Console:
    """Return a console on standard output.

    In a pipe or a file no cell is wrapped, so that a name or a number stays one word for grep and the next
    program; COLUMNS in the environment still sets a width.
    """
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return Console(highlight=False)
    return Console(file=cast(IO[str], _Trimmed()), width=WIDEST, highlight=False)


class Name(Text):
    """A candidate's name, or several words, that a narrow column breaks after a slash or a space."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        """Return its lines; a part that is wider than the column is folded."""
        lines = [""]
        for part in re.findall(r"[^/ ]*[/ ]|[^/ ]+", self.plain):
            if lines[-1] and cell_len((lines[-1] + part).rstrip()) > width:
                lines.append("")
            lines[-1] += part
        found = Lines()
        for line in lines:
            found.extend(Text(line.rstrip(), self.style).wrap(console, width, **options))
        return found


class _Trimmed(io.TextIOBase):
    """Standard output without the spaces that fill a table's last column up to its widest cell."""

    def write(self, text: str) -> int:
        return sys.stdout.write(re.sub(r" +$", "", text, flags=re.MULTILINE))

    def flush(self) -> None:
        sys.stdout.flush()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return sys.stdout.encoding or "utf-8"
