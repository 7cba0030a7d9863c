"""Content digests of files outside the store, remembered by size and time of change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.core import InputError, checked, json_sha256, load_json, replace_json, sha256_file

_Files = Mapping[str, tuple[int, int, int, str]]  # path -> size, mtime in ns, inode, sha256


@dataclass(frozen=True)
class _Memory:
    files: _Files
    sha256: str  # of the files above: a flipped bit of theirs would be another key, and all be made again


class Fingerprints:
    """sha256 of files; a file is read again only when its size, inode or mtime changed.

    The memory is a cache and nothing more: deleting it, or two runs writing it at once, costs time only.
    """

    def __init__(self, memory: Path | None) -> None:
        self._memory = memory
        self._known: dict[str, tuple[int, int, int, str]] = {}
        self._changed = False
        if memory is not None and memory.is_file():
            try:
                kept: _Memory = checked(_Memory, load_json(memory), str(memory), "")
            except (OSError, ValueError, InputError):
                return  # a damaged cache is an empty cache
            if kept.sha256 == json_sha256(kept.files):
                self._known = dict(kept.files)

    def of(self, path: Path) -> str:
        """Return the sha256 (hex) of a file's bytes."""
        try:
            stat = path.stat()
            mark = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
            name = str(path.resolve())
            if name not in self._known or self._known[name][:3] != mark:
                self._known[name] = (*mark, sha256_file(path))
                self._changed = True
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}.") from error
        return self._known[name][3]

    def of_all(self, paths: Iterable[Path]) -> str:
        """Return one digest over files, in order; their folders do not matter, their names do."""
        parts = [f"{path.name}:{self.of(path)}" for path in paths]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def save(self) -> None:
        """Write the memory down, when there is a place for it and something new."""
        if self._memory is not None and self._changed:
            replace_json(self._memory, {"files": self._known, "sha256": json_sha256(self._known)})
            self._changed = False
