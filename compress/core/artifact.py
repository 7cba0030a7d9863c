"""A sealed model directory, named by the digest of its content."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from xpareto.compress.core.errors import ArtifactDamaged, InputError
from xpareto.compress.core.json_file import checked, json_sha256, plain_path, read_json

Format = Literal["torch", "onnx"]
Head = Literal["mlm", "encoder", "classification", "multi_label_classification", "tagging", "qa", "choice"]
"""multi_label_classification: a logit per label, each a yes or no. qa: start and end logits per token. choice: one
logit per option, each option a sequence of its own."""

MANIFEST = "manifest.json"
PACKED = "xpareto_packed"  # key of config.json: an ONNX graph whose mask may number several sequences a row
SCHEMA = 1
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class FileEntry:
    """The sha256 (hex) and the size of one file of an artifact."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Manifest:
    """What an artifact is and where it comes from.

    Content (what the digest covers): files, format, head, labels, training_set, layer.
    Provenance (not covered, since it does not change what the artifact is): the rest.
    """

    files: Mapping[str, FileEntry]
    format: Format
    head: Head
    labels: tuple[str, ...] = ()
    training_set: str | None = None
    layer: int | None = None  # hidden state that a retrieval encoder is read at; None: the last
    digest: str = ""
    key: str = ""
    step: str = ""
    step_version: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    parents: tuple[str, ...] = ()  # digests, nearest first
    teacher: str | None = None  # digest of the artifact that was learned from, beside the nearest parent
    data: Mapping[str, str] = field(default_factory=dict)  # what was read -> its fingerprint
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0  # with those of attempts that were killed
    cpu_seconds: float | None = None  # over all cores and processes that worked on it
    memory_bytes: int | None = None  # most that was resident in the process that made it
    energy_j: float | None = None
    energy_basis: str = "unavailable"  # or measured, modelled
    energy_instrument: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)  # facts the step recorded, e.g. parity
    schema: int = SCHEMA
    checksum: str = ""  # over all the rest, provenance too; "": an earlier xpareto wrote none

    def content_digest(self) -> str:
        """Return the sha256 (hex) of everything that makes the artifact what it is."""
        content = {
            "files": {name: asdict(entry) for name, entry in sorted(self.files.items())},
            "format": self.format,
            "head": self.head,
            "labels": list(self.labels),
            "training_set": self.training_set,
            "layer": self.layer,
        }
        return json_sha256(content)


@dataclass(frozen=True)
class Artifact:
    """A sealed directory and its manifest. The files of it are never changed in place."""

    path: Path
    manifest: Manifest

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def size_bytes(self) -> int:
        """Size of all its files, manifest excluded."""
        return sum(entry.size_bytes for entry in self.manifest.files.values())

    def file(self, name: str) -> Path:
        """Return the path of one of its files; InputError when the artifact has no such file."""
        if name not in self.manifest.files:
            raise InputError(f"{self.path}: expected a file {name}, found {sorted(self.manifest.files)}.")
        return self.path / name

    @staticmethod
    def open(path: Path) -> Artifact:
        """Read the manifest of a sealed directory, without rehashing its files (see `verify`)."""
        file, again = path / MANIFEST, "It will be rebuilt."
        try:
            raw = read_json(file, again)
            if raw.get("checksum") and raw["checksum"] != _checksum(raw):
                raise InputError(f"{file}: it is not what was sealed: its checksum differs. {again}")
            schema = raw.get("schema")
            unknown = sorted(set(raw) - {own.name for own in fields(Manifest)})
            if schema == SCHEMA and unknown:
                raise InputError(f"{file}: unknown fields {unknown}. {again}")
            manifest: Manifest = checked(Manifest, raw, str(file), again)
            for name in manifest.files:
                plain_path(name, f"{file}: files")
        except InputError as error:
            raise ArtifactDamaged(f"not a readable manifest: {error}") from error
        if schema != SCHEMA:
            raise InputError(
                f"{file}: schema {schema} was written by another xpareto; this one reads {SCHEMA}."
            )
        if manifest.content_digest() != manifest.digest:
            raise ArtifactDamaged(f"{file}: the manifest does not match its own digest.")
        return Artifact(path, manifest)

    def verify(self) -> None:
        """Rehash every file; raise ArtifactDamaged naming the first that differs."""
        for name, entry in self.manifest.files.items():
            file = self.path / name
            regular = file.is_file() and not file.is_symlink()
            actual_digest = sha256_file(file) if regular else "no file"
            if actual_digest != entry.sha256:
                raise ArtifactDamaged(f"{file}: expected sha256 {entry.sha256}, found {actual_digest}.")


def _checksum(written: Mapping[str, Any]) -> str:
    """Return the sha256 (hex) of a manifest as it is written, but for its checksum."""
    rest = {name: value for name, value in written.items() if name != "checksum"}
    return json_sha256(rest)


def sha256_file(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def seal(folder: Path, manifest: Manifest) -> Artifact:
    """Hash the files of a finished folder, write its manifest, make all read-only, return it.

    The folder is sealed where it lies; moving it into a store is the store's business.
    """
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    )
    files = {name: FileEntry(sha256_file(folder / name), (folder / name).stat().st_size) for name in names}
    manifest = replace(manifest, files=files)
    manifest = replace(manifest, digest=manifest.content_digest())
    written = json.loads(json.dumps(asdict(manifest)))
    manifest = replace(manifest, checksum=_checksum(written))
    text = json.dumps(written | {"checksum": manifest.checksum}, indent=1, sort_keys=True, ensure_ascii=False)
    with (folder / MANIFEST).open("w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    for name in [*names, MANIFEST]:
        (folder / name).chmod(0o444)
    return Artifact(folder, manifest)
