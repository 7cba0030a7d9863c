"""A table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric_from: int = 1) -> Iterator[str]:
    """Yield the lines of a Markdown table; columns from `numeric_from` on are right-aligned.

    >>> list(table(["a", "b"], [["x", "1"]]))
    ['| a | b |', '|:--|--:|', '| x | 1 |', '']
    """
    yield f"| {' | '.join(head)} |"
    yield "|" + "|".join(":--" if place < numeric_from else "--:" for place in range(len(head))) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
