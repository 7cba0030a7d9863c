"""What a piece of work is expected to cost before it is made: seconds of similar work that is known."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from xpareto.compress.core import STEPS
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
        for manifest in store.manifests():
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

    def of_all(self, nodes: Iterable[Node], made: Container[str]) -> float:
        """Return the seconds of those pieces of work, by key, that are not made yet."""
        return sum(self.seconds(node) for node in nodes if node.key not in made)


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
