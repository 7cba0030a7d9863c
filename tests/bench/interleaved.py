"""Time contestants in one interleaved run, and write what came of it as a Markdown table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Spent:
    """Seconds of each round, by the clock and of the process' own CPU time."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add what is spent inside."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


def interleaved(contestants: Mapping[str, Callable[[Spent], object]], rounds: int) -> dict[str, Spent]:
    """Return what each contestant spent, in the order A B, B A, ... so that drift strikes all alike.

    A contestant gets the `Spent` whose `timed` it enters for what counts.
    """
    spent = {name: Spent() for name in contestants}
    for number in range(rounds):
        for name in list(contestants)[:: -1 if number % 2 else 1]:
            contestants[name](spent[name])
    return spent


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median over the rounds of ours over theirs: both of a round had the same machine."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write(out: Path | None, text: str) -> None:
    """Print a text, and write it to a file where one is given."""
    print(text)
    if out is not None:
        out.write_text(text.rstrip() + "\n", encoding="utf-8")
