"""Print what in a store no run needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from xpareto.pipelines.display.table import print_table
from xpareto.pipelines.storage import Leftover, Needs
from xpareto.reports.text import number


def show_leftovers(found: Sequence[Leftover], needs: Needs, *, deleted: bool) -> None:
    """Print how many of each kind, and how large, and how they are deleted."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for leftover in found:
        kinds[leftover.kind].append(leftover.size)
    if found:
        rows = [(kind, str(len(sizes)), number(sum(sizes), "bytes")) for kind, sizes in kinds.items()]
        print_table(rows, "deleted" if deleted else "no run needs", "number", "size")
    runs = f"{len(needs.runs)} run{'' if len(needs.runs) == 1 else 's'}"
    if not found:
        print(f"Nothing to delete: {runs} found, and the store holds what they need alone.")
    else:
        print(f"Kept: what {runs} need{'s' if len(needs.runs) == 1 else ''}.", end="")
        print("" if deleted else " Nothing is deleted yet; --delete does.")
