"""In which order candidates are timed: rounds in random order and back, so that drift hits all alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

_CONTROLLED = 2  # blocks that hold the A/A control
COST, CONTROL = "cost", "aa"  # groups of probes: a candidate's costs, and the baseline's once more


@dataclass(frozen=True)
class Turn:
    """One measurement of costs: which candidate, in which block, and whether it is the A/A control."""

    candidate: str
    block: int
    control: bool = False

    @property
    def group(self) -> str:
        return CONTROL if self.control else COST


def turns(candidates: Sequence[str], baseline: str, blocks: int, seed: str) -> list[Turn]:
    """Return the turns of all blocks, in order.

    Blocks come in pairs: a random order of the candidates and the A/A control, then the same order backwards.
    A machine that grows slower all the time thus adds the same to each of them (A B B A; Fisher 1935, on
    randomised blocks). An odd last block has an order of its own. The A/A control is the baseline, measured
    in the same way at another place of the first two blocks: what it differs by is noise. How large noise is all
    blocks tell; the control checks it.

    >>> [(turn.candidate, turn.block) for turn in turns(["a", "b"], "a", 2, "") if not turn.control]
    [('b', 0), ('a', 0), ('a', 1), ('b', 1)]
    """
    everyone = [(name, False) for name in candidates]
    all_turns: list[Turn] = []
    order: list[tuple[str, bool]] = []
    for block in range(blocks):
        there = everyone + [(baseline, True)] * (block < _CONTROLLED)
        order = order[::-1] if block % 2 else sorted(there, key=lambda item: _draw(seed, block, *item))
        all_turns += [Turn(name, block, control) for name, control in order]
    return all_turns


def _draw(seed: str, block: int, name: str, control: bool) -> bytes:
    # A hash, so that the order of one candidate does not change when another is added.
    return hashlib.sha256(f"{seed}\n{block}\n{name}\n{control}".encode()).digest()
