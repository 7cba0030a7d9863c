"""A content-addressed store of sealed, read-only artifacts in a folder, safe for concurrent runs.

keys/<key>.json              which artifact a key gave, and from which parents
artifacts/ab/<digest>/       manifest.json + files
measured/<key>/              sealed outcomes of a probe that is a pure function
building/, scratch/, locks/  work in progress
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.core import (
    MANIFEST,
    Artifact,
    ArtifactDamaged,
    InputError,
    Manifest,
    checked,
    json_sha256,
    parse_json,
    plain_name,
    plain_path,
    read_file,
    replace_json,
    seal,
    sha256_file,
    shortened,
    writing,
)
from xpareto.pipelines.storage.lock import Lock

SEAL = "SEAL.json"
_AGAIN = "It will be made again."
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Store:
    """Artifacts by key. Nothing is ever changed in place; a damaged artifact is moved aside."""

    def __init__(self, root: Path) -> None:
        """Open the store in a folder to make artifacts in it; what is not there is made."""
        self.root = root.resolve()
        with writing(self.root):
            for name in ("keys", "artifacts", "measured", "building", "scratch", "locks"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            probe = self.root / "locks" / f".writable.{os.getpid()}"
            probe.touch()
            probe.unlink()

    @staticmethod
    def there(root: Path) -> Store:
        """Return the store in a folder to read from, writing nothing there; InputError where there is none."""
        store = Store.__new__(Store)
        store.root = root.resolve()
        if not (store.root / "artifacts").is_dir():
            raise InputError(
                f"{root}: expected the store that the run's artifacts are in, found none. Name it with --store."
            )
        return store

    @property
    def address(self) -> str:
        """What opens this store again, also on a machine that sees it: `--store`."""
        return str(self.root)

    def address_of(self, digest: str) -> str:
        """Return the address of an artifact: its folder, or its URL."""
        return f"{self.address}/artifacts/{digest[:2]}/{digest}"

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of that name; the system frees it when the holder dies."""
        from filelock import FileLock

        with FileLock(self.root / "locks" / f"{name}.lock"):
            yield

    def hub_lock(self) -> Lock:
        """Return the commits of the hub that runs of this store agreed on."""
        return Lock.new(self.root / "hub")

    # -- artifacts --------------------------------------------------------------------------

    def look_up(self, keys: Collection[str], *, anew: bool = False) -> None:
        """Ask together for what is recorded of keys that will be asked for one by one; `anew`: whatever is known."""

    def send(self) -> None:
        """Give away what was made here and could not be given away then."""

    def recorded(self) -> set[str]:
        """Return the keys of which there is a record, whether it can be read or not."""
        return {file.stem for file in (self.root / "keys").glob("[!.]*.json")}

    def is_made(self, key: str) -> bool:
        """Tell whether the artifact of a key is there (present, not rehashed), made from what its parents give now."""
        digest = self.digest_of(key)
        return digest is not None and self.parents_match(key) and self.holds(digest)

    def holds(self, digest: str) -> bool:
        """Tell whether an artifact of that digest is there."""
        return self.folder(digest).is_dir()

    def digest_of(self, key: str) -> str | None:
        """Return the digest recorded for a key, without looking at the artifact."""
        record = self._record(key)
        return record.digest if record else None

    def parents_match(self, key: str) -> bool:
        """Tell whether the artifact of a key was made from what its parents' keys give now."""
        record = self._record(key)
        return record is not None and all(
            self.digest_of(parent) == digest for parent, digest in record.parents.items()
        )

    def find(self, key: str, *, verify: bool) -> Artifact | None:
        """Return the artifact of a key, or None when it must be made.

        ArtifactDamaged when it is there but is not what was sealed (with `verify`: every byte).
        """
        digest = self.digest_of(key)
        if digest is None or not self.parents_match(key):
            return None
        return self.open(digest, verify=verify) if self.holds(digest) else None

    def open(self, digest: str, *, verify: bool) -> Artifact:
        """Return the artifact of a digest; InputError when the store does not have it.

        ArtifactDamaged when what lies at that address is something else, or has files that were not sealed
        (with `verify`: when any byte is another).
        """
        folder = self.folder(digest)
        if not folder.is_dir():
            raise InputError(
                f"{self.address}: the artifact {digest[:12]} is not there any more. Name the store that has it with "
                "--store, or run the recipe again to make it."
            )
        artifact = Artifact.open(folder)
        if artifact.digest != digest:
            raise ArtifactDamaged(f"{folder}: expected digest {digest}, found {artifact.digest}.")
        unknown = _names(folder) - {*artifact.manifest.files, MANIFEST}
        if unknown:
            raise ArtifactDamaged(f"{folder / min(unknown)}: expected no such file, since it was not sealed.")
        if verify:
            artifact.verify()
        return artifact

    def manifests(self) -> Iterator[tuple[str, Manifest]]:
        """Yield (digest, what is recorded) of every artifact that can be read, in the order of digests."""
        for folder in sorted((self.root / "artifacts").glob("??/*")):
            with suppress(ArtifactDamaged):
                yield folder.name, Artifact.open(folder).manifest

    def folder(self, digest: str) -> Path:
        """Return where an artifact of that digest lies; InputError for what is no digest."""
        if not _DIGEST.fullmatch(digest):
            raise InputError(f"{self.root}: expected the sha256 of an artifact, found {shortened(digest)}.")
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
        record = {"digest": artifact.digest, "parents": dict(parents), "key": key}
        replace_json(self._record_file(key), record | {"sha256": json_sha256(record)})
        return Artifact.open(final)

    def set_aside(self, key: str) -> None:
        """Move the damaged artifact of a key out of the way, so that it is made again."""
        digest = self.digest_of(key)
        self._record_file(key).unlink(missing_ok=True)
        if digest is not None:
            self._move_aside(digest)

    def _move_aside(self, digest: str) -> None:
        if self.folder(digest).exists():
            self._keep_damaged(self.folder(digest), digest)

    def _keep_damaged(self, folder: Path, digest: str) -> None:
        aside = self.root / "damaged" / digest
        aside.parent.mkdir(exist_ok=True)
        remove(aside)
        folder.chmod(0o755)
        folder.replace(aside)

    def damaged_records(self, keys: Iterable[str]) -> dict[str, Path]:
        """Return by key the files that should say which artifact it gave, but are not as they were written."""
        files = {key: self._record_file(key) for key in keys}
        return {key: file for key, file in files.items() if file.exists() and self._record(key) is None}

    def _record_file(self, key: str) -> Path:
        return self.root / "keys" / f"{plain_name(key, f'{self.root}: key')}.json"

    def _record(self, key: str) -> Record | None:
        """Return what is recorded of a key; None when it is absent or damaged, as after a torn disk."""
        file = self._record_file(key)
        try:
            return record_in(read_file(file), key, str(file))
        except OSError:
            return None

    # -- outcomes of pure probes --------------------------------------------------------------

    def find_measured(self, key: str) -> Path | None:
        """Return the sealed folder of a probe's outcomes; None when absent, damaged, or joined by other files."""
        folder = self.root / "measured" / key
        if not folder.is_dir():
            return None
        try:
            seals = file_digests((folder / SEAL).read_bytes(), str(folder / SEAL))
            whole = _names(folder) == {*seals, SEAL} and all(
                sha256_file(folder / name) == digest for name, digest in seals.items()
            )
        except (OSError, ValueError, InputError):
            whole = False
        if not whole:
            remove(folder)
        return folder if whole else None

    def put_measured(self, key: str, made: Path) -> Path:
        """Seal a folder of outcomes and move it into the store."""
        final = self.root / "measured" / key
        with writing(final):
            files = sorted(path for path in made.rglob("*") if path.is_file())
            seals = {path.relative_to(made).as_posix(): sha256_file(path) for path in files}
            replace_json(made / SEAL, seals)
            remove(final)
            made.replace(final)
        return final


@dataclass(frozen=True)
class Record:
    """What keys/<key>.json holds: the digest that a key gave, from which parents (key -> digest)."""

    digest: str
    parents: Mapping[str, str]
    key: str = ""  # "" in stores of earlier versions
    sha256: str = ""  # of the fields above; "" in stores of earlier versions

    def as_written(self) -> bool:
        told = {"digest": self.digest, "parents": dict(self.parents), "key": self.key}
        return self.sha256 in ("", json_sha256(told))


def record_in(content: bytes, key: str, where: str) -> Record | None:
    """Return the record of a key that bytes hold; None where they are not as they were written."""
    try:
        record: Record = checked(Record, parse_json(content.decode("utf-8-sig")), where, _AGAIN)
    except (ValueError, InputError):
        return None
    digests = [record.digest, *record.parents.values()]
    good = record.key in ("", key) and all(map(_DIGEST.fullmatch, digests)) and record.as_written()
    return record if good else None


def file_digests(seal: bytes, where: str) -> Mapping[str, str]:
    """Return what a seal holds, sha256 by relative path; InputError where it is none, or leads elsewhere."""
    try:
        digests: Mapping[str, str] = checked(
            Mapping[str, str], parse_json(seal.decode("utf-8")), where, _AGAIN
        )
    except ValueError as error:
        raise InputError(f"{where}: expected JSON ({error}). {_AGAIN}") from error
    for name, digest in digests.items():
        plain_path(name, where)
        if not _DIGEST.fullmatch(digest):
            raise InputError(f"{where}: expected the sha256 of a file, found {shortened(digest)}. {_AGAIN}")
    return digests


def _names(folder: Path) -> set[str]:
    """Return the relative paths of all files in a folder; a link counts under its name, what is no file with "?"."""
    found = set()
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if not stat.S_ISDIR(mode):
            name = path.relative_to(folder).as_posix()
            found.add(name if stat.S_ISREG(mode) else f"{name}?")
    return found


def remove(folder: Path) -> None:
    """Delete a folder, read-only parts included; nothing happens when there is none."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)  # a link, whatever it leads to
        return
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(folder)
