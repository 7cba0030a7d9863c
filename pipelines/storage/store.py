"""A content-addressed store of sealed, read-only artifacts, safe for concurrent runs.

keys/<key>.json              which artifact a key gave, and from which parents
artifacts/ab/<digest>/       manifest.json + files
measured/<key>/              sealed outcomes of a probe that is a pure function
building/, scratch/, locks/  work in progress
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xpareto.compress.core import (
    Artifact,
    ArtifactDamaged,
    Manifest,
    replace_json,
    seal,
    sha256_file,
    writing,
)


class Store:
    """Artifacts by key. Nothing is ever changed in place; a damaged artifact is moved aside."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        with writing(self.root):
            for name in ("keys", "artifacts", "measured", "building", "scratch", "locks"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            probe = self.root / "locks" / f".writable.{os.getpid()}"
            probe.touch()
            probe.unlink()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of that name; the system frees it when the holder dies."""
        from filelock import FileLock

        with FileLock(self.root / "locks" / f"{name}.lock"):
            yield

    # -- artifacts --------------------------------------------------------------------------

    def digest_of(self, key: str) -> str | None:
        """Return the digest recorded for a key, without looking at the artifact."""
        record = _read(self.root / "keys" / f"{key}.json")
        return str(record["digest"]) if record else None

    def parents_match(self, key: str) -> bool:
        """Do the parents that a key's artifact was made from still have the recorded digests?"""
        record = _read(self.root / "keys" / f"{key}.json")
        if record is None:
            return False
        return all(self.digest_of(parent) == digest for parent, digest in record["parents"].items())

    def find(self, key: str, *, verify: bool) -> Artifact | None:
        """Return the artifact of a key, or None when it must be made.

        ArtifactDamaged when it is there but is not what was sealed (with `verify`: every byte).
        """
        digest = self.digest_of(key)
        if digest is None or not self.parents_match(key):
            return None
        folder = self.folder(digest)
        if not folder.is_dir():
            return None
        artifact = Artifact.open(folder)
        if artifact.digest != digest:
            raise ArtifactDamaged(f"{folder}: expected digest {digest}, found {artifact.digest}.")
        if verify:
            artifact.verify()
        return artifact

    def folder(self, digest: str) -> Path:
        """Return where an artifact of that digest lies."""
        return self.root / "artifacts" / digest[:2] / digest

    def put(self, key: str, parents: Mapping[str, str], make: Callable[[Path], Manifest]) -> Artifact:
        """Make, seal and record an artifact; `make` fills the folder it is given.

        The caller holds the key's lock. The new artifact appears whole or not at all.
        """
        building = self.root / "building" / key
        with writing(building):
            remove(building)  # what a killed run left
            building.mkdir()
            artifact = seal(building, make(building))
            final = self.folder(artifact.digest)
            final.parent.mkdir(parents=True, exist_ok=True)
            with self.lock(f"artifact-{artifact.digest}"):
                if final.exists():
                    remove(building)
                else:
                    building.replace(final)
                    final.chmod(0o555)
        replace_json(
            self.root / "keys" / f"{key}.json", {"digest": artifact.digest, "parents": dict(parents)}
        )
        return Artifact.open(final)

    def set_aside(self, key: str) -> None:
        """Move the damaged artifact of a key out of the way, so that it is made again."""
        digest = self.digest_of(key)
        (self.root / "keys" / f"{key}.json").unlink(missing_ok=True)
        if digest is not None and self.folder(digest).exists():
            aside = self.root / "damaged" / digest
            aside.parent.mkdir(exist_ok=True)
            remove(aside)
            self.folder(digest).chmod(0o755)
            self.folder(digest).replace(aside)

    # -- outcomes of pure probes --------------------------------------------------------------

    def find_measured(self, key: str) -> Path | None:
        """Return the sealed folder of a probe's outcomes; None when absent or damaged."""
        folder = self.root / "measured" / key
        seals = _read(folder / "SEAL.json")
        if seals is None:
            return None
        for name, digest in seals.items():
            if not (folder / name).is_file() or sha256_file(folder / name) != digest:
                remove(folder)
                return None
        return folder

    def put_measured(self, key: str, made: Path) -> Path:
        """Seal a folder of outcomes and move it into the store."""
        final = self.root / "measured" / key
        with writing(final):
            files = sorted(path for path in made.rglob("*") if path.is_file())
            seals = {path.relative_to(made).as_posix(): sha256_file(path) for path in files}
            replace_json(made / "SEAL.json", seals)
            remove(final)
            made.replace(final)
        return final


def _read(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file; None when it is absent or damaged, as after a torn disk."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def remove(folder: Path) -> None:
    """Delete a folder, read-only parts included; nothing happens when there is none."""
    if not folder.exists():
        return
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(folder)
