"""Content digests of files outside the store, remembered by size and time of change."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from xpareto.compress.core import InputError, replace_text, sha256_file


class Fingerprints:
    """sha256 of files; a file is read again only when its size, inode or mtime changed.

    The memory is a cache and nothing more: deleting it, or two runs writing it at once, costs time only.
    """

    def __init__(self, memory: Path | None) -> None:
        self._memory = memory
        self._known: dict[str, list[object]] = {}
        self._changed = False
        if memory is not None and memory.is_file():
            try:
                known = json.loads(memory.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                known = {}  # a damaged cache is an empty cache
            if isinstance(known, dict):
                self._known = known

    def of(self, path: Path) -> str:
        """Return the sha256 (hex) of a file's bytes."""
        try:
            stat = path.stat()
            mark: list[object] = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
            name = str(path.resolve())
            if self._known.get(name, [])[:3] != mark:
                self._known[name] = [*mark, sha256_file(path)]
                self._changed = True
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}.") from error
        return str(self._known[name][3])

    def of_all(self, paths: Iterable[Path]) -> str:
        """Return one digest over files, in order; their folders do not matter, their names do."""
        import hashlib

        parts = [f"{path.name}:{self.of(path)}" for path in paths]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def save(self) -> None:
        """Write the memory down, when there is a place for it and something new."""
        if self._memory is not None and self._changed:
            replace_text(self._memory, json.dumps(self._known))
            self._changed = False
