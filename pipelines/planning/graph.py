"""The keyed graph of a recipe's work, and the candidates that it leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xpareto.pipelines.recipe import Setting


@dataclass(frozen=True)
class Node:
    """One piece of work: a pure function of what its key covers, so that any executor can do it.

    `step` "base" takes the starting checkpoint into the store.
    """

    key: str
    step: str
    label: str
    step_version: int
    fields: Mapping[str, Any]
    parent: str | None
    seed: int | None
    data: Mapping[str, str]
    versions: Mapping[str, str]
    where: str
    teacher: str | None = None  # key of an ancestor that is read beside the parent


@dataclass(frozen=True)
class Candidate:
    """One setting of the recipe on one runtime: a bundle of one artifact per training set."""

    name: str
    arm: str
    stage: str
    runtime: str
    seed: int
    settings: Mapping[str, Any]
    steps: tuple[Setting, ...]
    artifacts: Mapping[str, str]  # training set -> node key


@dataclass(frozen=True)
class Plan:
    """All work that the candidates of a recipe are made of, parents before children, and the candidates.

    `unused`: the labels of steps that lead to no candidate, whose work is none of the plan.
    """

    key: str
    nodes: Mapping[str, Node]
    candidates: tuple[Candidate, ...]
    baseline: str
    unused: tuple[str, ...] = ()

    def ancestors(self, key: str) -> Iterator[Node]:
        """Yield a node and its ancestors, nearest first."""
        at: str | None = key
        while at is not None:
            node = self.nodes[at]
            yield node
            at = node.parent


def used_nodes(nodes: Mapping[str, Node], candidates: Sequence[Candidate]) -> dict[str, Node]:
    """Return the nodes that the candidates are made of, their teachers among them, in their order."""
    used: set[str] = set()
    waiting = [key for candidate in candidates for key in candidate.artifacts.values()]
    while waiting:
        key = waiting.pop()
        if key not in used:
            used.add(key)
            waiting += [given for given in (nodes[key].parent, nodes[key].teacher) if given is not None]
    return {key: node for key, node in nodes.items() if key in used}
