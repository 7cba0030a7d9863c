"""Tables of words in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from xpareto.reports.terminal import printer
from xpareto.reports.text import visible


def print_table(rows: Sequence[tuple[str, ...]], *columns: str) -> None:
    """Print rows of words below the names of their columns; "" names none."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    printer().print(table)


def first_line(text: str | None) -> str:
    """Return the first line of a docstring."""
    return (text or "").strip().split("\n")[0]
