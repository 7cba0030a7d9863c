"""What a node is expected to take, from the manifests of nodes of its step that the store has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf, log
from statistics import median

from xpareto.compress.core import Artifact, InputError, Manifest
from xpareto.pipelines.planning import Node
from xpareto.pipelines.storage import Store


@dataclass(frozen=True)
class Expected:
    """What earlier nodes took, by step: seconds, and the size of their source beside the memory, in bytes."""

    store: Store
    taken_seconds: Mapping[str, list[float]]
    taken_memory: Mapping[str, list[tuple[int, int]]]

    @staticmethod
    def of(store: Store, steps: Collection[str]) -> Expected:
        """Read the manifests of all artifacts of some steps; those that cannot be read tell nothing."""
        manifests: dict[str, Manifest] = {}
        for folder in store.root.glob("artifacts/??/*") if steps else ():
            try:
                manifests[folder.name] = Artifact.open(folder).manifest
            except InputError:
                continue
        seconds: dict[str, list[float]] = {}
        memory: dict[str, list[tuple[int, int]]] = {}
        for made in manifests.values():
            if made.step in steps:
                seconds.setdefault(made.step, []).append(made.seconds)
                source = manifests.get(made.parents[0]) if made.parents else made
                if made.memory_bytes is not None and source is not None:
                    memory.setdefault(made.step, []).append((_size(source), made.memory_bytes))
        return Expected(store, seconds, memory)

    def seconds(self, node: Node) -> float:
        """Return the median of what nodes of its step took; 0 where none is known."""
        return median(self.taken_seconds.get(node.step, [0.0]))

    def memory_bytes(self, node: Node) -> int | None:
        """Return what the node of its step took whose source was nearest in size; None where none is known.

        Of a larger source it is more in proportion. The source of the node must be in the store, else it is taken
        for the largest that is known.
        """
        known = self.taken_memory.get(node.step)
        if not known:
            return None
        digest = None if node.parent is None else self.store.digest_of(node.parent)
        if digest is None or not self.store.folder(digest).is_dir():
            return max(memory for _, memory in known)
        size = _size(self.store.open(digest, verify=False).manifest)
        near, memory = min(known, key=lambda pair: (_distance(pair[0], size), -pair[1]))
        return round(memory * max(1.0, size / near)) if near else memory


def _size(made: Manifest) -> int:
    return sum(entry.size_bytes for entry in made.files.values())


def _distance(a: int, b: int) -> float:
    return abs(log(a / b)) if a and b else inf
