"""What a node is expected to take, from the manifests of nodes of its step that the store has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, log
from statistics import median
from typing import Any

from xpareto.compress.core import STEPS, Manifest
from xpareto.pipelines.planning import Node
from xpareto.pipelines.storage import Store

_UNKNOWN_TRAINING, _UNKNOWN_UPDATE, _UNKNOWN = 60.0, 0.3, 5.0  # seconds of work like which nothing is known
_SCALES = ("steps", "epochs")  # fields that the time of a training is proportional to


@dataclass(frozen=True)
class _Known:
    fields: Mapping[str, Any]
    seconds: float


@dataclass
class ExpectedCosts:
    """Seconds by step, from manifests; `add` tells of what was made since."""

    _known: dict[str, list[_Known]] = field(default_factory=dict)

    @classmethod
    def of_store(cls, store: Store) -> ExpectedCosts:
        """Return what the manifests of a store tell; one that cannot be read tells nothing."""
        costs = cls()
        for _, manifest in store.manifests():
            costs.add(manifest.step, manifest.fields, manifest.seconds)
        return costs

    def add(self, step: str, fields: Mapping[str, Any], seconds: float) -> None:
        """Note what a piece of work took."""
        self._known.setdefault(step, []).append(_Known(fields, seconds))

    def seconds(self, node: Node) -> float:
        """Return the median of the work of the same step that has most of its fields in common.

        Updates are taken out: work that differs in them counts in proportion.
        """
        known = self._known.get(node.step)
        if not known:
            return _unknown(node)
        alike = [
            sum(value == one.fields.get(name) for name, value in node.fields.items() if name not in _SCALES)
            for one in known
        ]
        most = max(alike)
        return median(
            one.seconds * _ratio(node.fields, one.fields)
            for one, count in zip(known, alike, strict=True)
            if count == most
        )

    def of_all(self, nodes: Iterable[Node], is_made: Callable[[str], bool]) -> float:
        """Return the seconds of those pieces of work that are not made yet, as their keys tell."""
        return sum(self.seconds(node) for node in nodes if not is_made(node.key))


def _ratio(wanted: Mapping[str, Any], known: Mapping[str, Any]) -> float:
    for name in _SCALES:
        one, other = wanted.get(name), known.get(name)
        if isinstance(one, int | float) and isinstance(other, int | float) and other > 0:
            return one / other
    return 1.0


def _unknown(node: Node) -> float:
    if node.step not in STEPS.names or not STEPS.load(node.step).together:
        return _UNKNOWN
    steps = node.fields.get("steps")
    return _UNKNOWN_UPDATE * steps if isinstance(steps, int) else _UNKNOWN_TRAINING


@dataclass(frozen=True)
class Expected:
    """What earlier nodes took: seconds, and by step the size of their source beside the memory, in bytes."""

    store: Store
    costs: ExpectedCosts
    taken_memory: Mapping[str, list[tuple[int, int]]]

    @staticmethod
    def of(store: Store, steps: Collection[str]) -> Expected:
        """Read the manifests of all artifacts, for what nodes of some steps took; of no step nothing is read."""
        manifests = dict(store.manifests()) if steps else {}
        costs = ExpectedCosts()
        memory: dict[str, list[tuple[int, int]]] = {}
        for made in manifests.values():
            if made.step in steps:
                costs.add(made.step, made.fields, made.seconds)
                source = manifests.get(made.parents[0]) if made.parents else made
                if made.memory_bytes is not None and source is not None:
                    memory.setdefault(made.step, []).append((_size(source), made.memory_bytes))
        return Expected(store, costs, memory)

    def memory_bytes(self, node: Node) -> int | None:
        """Return what the node of its step took whose source was nearest in size; None where none is known.

        Of a larger source it is more in proportion. The source of the node must be in the store, else it is taken
        for the largest that is known.
        """
        known = self.taken_memory.get(node.step)
        if not known:
            return None
        source = None if node.parent is None else self.store.find(node.parent, verify=False)
        if source is None:
            return max(memory for _, memory in known)
        size = _size(source.manifest)
        near, memory = min(known, key=lambda pair: (_distance(pair[0], size), -pair[1]))
        return round(memory * max(1.0, size / near)) if near else memory


def _size(made: Manifest) -> int:
    return sum(entry.size_bytes for entry in made.files.values())


def _distance(a: int, b: int) -> float:
    return abs(log(a / b)) if a and b else inf
