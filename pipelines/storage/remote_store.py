"""A store in an object store, such as s3://BUCKET/PREFIX, with a cache on this machine that is an ordinary store.

keys/<key>.json                        written last, so that whoever reads it finds the artifact
artifacts/ab/<digest>/                 files, then manifest.json
measured/<key>/                        files by their sha256, then SEAL.json
hub/lock.json                          the commits of the hub that runs agreed on

scratch/<key>/                         the state that a training at work saved last (pipelines/execution/carried.py)

What is being built and locks stay on the machine.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from xpareto.compress.core import (
    MANIFEST,
    Artifact,
    ArtifactDamaged,
    InputError,
    Manifest,
    replace_bytes,
    sha256_file,
    writing,
)
from xpareto.pipelines.storage.addresses import cache_folder, is_url
from xpareto.pipelines.storage.bucket import Bucket, check_writable
from xpareto.pipelines.storage.lock import Lock
from xpareto.pipelines.storage.store import SEAL, Record, Store, file_digests, record_in, remove

_LOCK = "hub/lock.json"
_SLASH_LOST = re.compile(r"[a-z][a-z0-9+]*:/[^/]")  # Path("s3://bucket")
_WRITING = threading.Lock()  # threads that learn the same at the same time
_FRESH = 2.0  # seconds for which what was asked of the object store is not asked again


class RemoteStore(Store):
    """Artifacts by key in an object store; what is read or made here is in the cache, too.

    There is no lock between machines. Two that make the same at the same time both do the work: the record that was
    written first stands, and the other machine goes on with the artifact that it names, also where digests differ, as
    between unlike CPUs. So work may be done twice, but whoever reads a key finds one artifact, whole. Locks are held
    between processes that share a cache.
    """

    def __init__(self, url: str, *, only_read: bool = False) -> None:
        """Open the store at a URL; InputError where it cannot be reached or, but for `only_read`, not written to."""
        self.bucket = Bucket(url)
        super().__init__(cache_folder(self.bucket.url))
        self._asked: dict[str, float] = {}  # when, by key
        self._unsent: set[str] = set()  # keys whose record and artifact are here alone
        if not only_read:
            check_writable(self.bucket.url)

    @property
    def address(self) -> str:
        return self.bucket.url

    # -- what the object store has ------------------------------------------------------------

    def look_up(self, keys: Collection[str], *, anew: bool = False) -> None:
        """Take over the records of keys, and the manifests of their artifacts, asked for together.

        The object store's word counts: a record here that differs is replaced, and one that it lacks is forgotten,
        unless the artifact is here and can be sent. What was asked a moment ago is asked again only `anew`.
        """
        wanted = [key for key in dict.fromkeys(keys) if anew or not self._asked_just_now(key)]
        found = self.bucket.read_all([_record_name(key) for key in wanted])
        digests = set()
        for key in wanted:
            record = self._take_over(key, found.get(_record_name(key)))
            if record is not None and not self.holds(record.digest):
                digests.add(record.digest)
        for name, content in self.bucket.read_all([_manifest_name(digest) for digest in digests]).items():
            _replace(self._manifest_file(name.split("/")[-2]), content)

    def recorded(self) -> set[str]:
        return super().recorded() | {Path(name).stem for name in self.bucket.names("keys")}

    def _asked_just_now(self, key: str) -> bool:
        return time.monotonic() - self._asked.get(key, float("-inf")) < _FRESH

    def _take_over(self, key: str, found: bytes | None) -> Record | None:
        """Make what is recorded here of a key what the object store has, and return it."""
        self._asked[key] = time.monotonic()
        file, record = self._record_file(key), super()._record(key)
        there = None if found is None else record_in(found, key, f"{self.address}/{_record_name(key)}")
        if there is None and record is not None and super().holds(record.digest):
            self._unsent.add(key)
            return record
        self._unsent.discard(key)
        if found is None:
            file.unlink(missing_ok=True)
        elif record is None or record != there:
            _replace(file, found)
        return there

    def send(self) -> None:
        """Write to the object store what it was found to lack, as after a run whose network broke down."""
        for key in sorted(self._unsent):
            record = super()._record(key)
            if record is not None and super().holds(record.digest):
                with suppress(ArtifactDamaged):  # it is found again where it is needed, and made again
                    super().open(record.digest, verify=True)
                    self._publish(key)

    def _record(self, key: str) -> Record | None:
        record = super()._record(key)
        if record is None and not self._asked_just_now(key):
            self.look_up([key])
            record = super()._record(key)
        return record

    def hub_lock(self) -> Lock:
        """Return the commits of the hub that runs of the object store agreed on."""
        content = self.bucket.read(_LOCK)
        if content is not None:
            replace_bytes(self.root / _LOCK, content)
        lock = super().hub_lock()
        lock.tell = partial(self.bucket.write, _LOCK)
        return lock

    # -- artifacts ----------------------------------------------------------------------------

    def holds(self, digest: str) -> bool:
        return super().holds(digest) or self._manifest_file(digest).is_file()

    def find(self, key: str, *, verify: bool) -> Artifact | None:
        """Return the artifact of a key, or None when it must be made.

        Without `verify` its files may not be here yet: `open` brings them.
        """
        digest = self.digest_of(key)
        if digest is None or not self.parents_match(key):
            return None
        if super().holds(digest):
            return self.open(digest, verify=verify)
        if verify:
            return self.open(digest, verify=False) if self._fetch(digest) else None
        manifest = self._manifest(digest)
        return None if manifest is None else Artifact(self.folder(digest), manifest)

    def open(self, digest: str, *, verify: bool) -> Artifact:
        """Return the artifact of a digest, with its files here; one that is damaged here is fetched again."""
        if not super().holds(digest):
            self._fetch(digest)  # where it is nowhere, what follows says so
        try:
            return super().open(digest, verify=verify)
        except ArtifactDamaged:
            with self.lock(f"artifact-{digest}"):
                self._move_aside(digest)
            if not self._fetch(digest):
                raise
            return super().open(digest, verify=False)

    def manifests(self) -> Iterator[tuple[str, Manifest]]:
        """Yield (digest, what is recorded) of the artifacts that this machine knows of."""
        here = dict(super().manifests())
        yield from here.items()
        for file in sorted((self.root / "manifests").glob("*/" + MANIFEST)):
            with suppress(ArtifactDamaged):
                if file.parent.name not in here:
                    yield file.parent.name, Artifact.open(file.parent).manifest

    def put(self, key: str, parents: Mapping[str, str], make: Callable[[Path], Manifest]) -> Artifact:
        """Make, seal and record an artifact here, then in the object store; return the one that stands for the key."""
        super().put(key, parents, make)
        return self.open(self._publish(key), verify=False)

    def set_aside(self, key: str) -> None:
        """Let the artifact of a key, damaged wherever it lies, be made again."""
        digest = self.digest_of(key)
        super().set_aside(key)
        self.bucket.delete(_record_name(key))
        if digest is not None:
            self.bucket.delete(_manifest_name(digest))
            remove(self._manifest_file(digest).parent)

    def _publish(self, key: str) -> str:
        """Write an artifact, then its record, to the object store; return the digest that stands for the key there."""
        record = super()._record(key)
        assert record is not None, "it was put here before"
        folder, name = self.folder(record.digest), _folder_name(record.digest)
        if not self._is_sealed(record.digest):
            files = super().open(record.digest, verify=False).manifest.files
            self.bucket.upload([(folder / file, f"{name}/{file}") for file in files])
            self.bucket.write(_manifest_name(record.digest), (folder / MANIFEST).read_bytes())
        content = self._record_file(key).read_bytes()
        if not self.bucket.write(_record_name(key), content, only_new=True):
            there = self.bucket.read(_record_name(key)) or b""
            first = record_in(there, key, f"{self.address}/{_record_name(key)}")
            if first is not None and first.parents == record.parents and self._is_sealed(first.digest):
                record = first
                _replace(self._record_file(key), there)
            else:  # it is damaged, or was made from other parents
                self.bucket.write(_record_name(key), content)
        self._unsent.discard(key)
        self._asked[key] = time.monotonic()
        return record.digest

    def _is_sealed(self, digest: str) -> bool:
        """Tell whether the object store has a manifest of that digest that is as it was written."""
        remove(self._manifest_file(digest).parent)
        try:
            manifest = self._manifest(digest)
        except ArtifactDamaged:
            return False
        return manifest is not None and manifest.digest == digest

    def _fetch(self, digest: str) -> bool:
        """Bring an artifact here, whole and verified; False where the object store does not have it.

        ArtifactDamaged where it is not what was sealed; what came is then in damaged/.
        """
        with self.lock(f"artifact-{digest}"):
            if super().holds(digest):
                return True
            content = self.bucket.read(_manifest_name(digest))
            if content is None:
                remove(self._manifest_file(digest).parent)
                return False
            building = self.root / "building" / f"artifact-{digest}.{os.getpid()}"
            with writing(building):
                remove(building)
                building.mkdir()
                (building / MANIFEST).write_bytes(content)
                try:
                    self._fill(building, digest)
                except ArtifactDamaged as error:
                    self._keep_damaged(building, digest)
                    raise ArtifactDamaged(f"{self.address}/{_folder_name(digest)}: {error}") from error
                for name in [*Artifact.open(building).manifest.files, MANIFEST]:
                    (building / name).chmod(0o444)
                self.folder(digest).parent.mkdir(parents=True, exist_ok=True)
                building.replace(self.folder(digest))
                self.folder(digest).chmod(0o555)
        return True

    def _fill(self, building: Path, digest: str) -> None:
        artifact = Artifact.open(building)
        if artifact.digest != digest:
            raise ArtifactDamaged(f"expected digest {digest}, found {artifact.digest}.")
        names = artifact.manifest.files
        if not self.bucket.download([(f"{_folder_name(digest)}/{name}", building / name) for name in names]):
            raise ArtifactDamaged(f"expected {', '.join(sorted(names))}, found not all of them.")
        artifact.verify()

    def _manifest(self, digest: str) -> Manifest | None:
        """Return what is recorded of an artifact, wherever it lies; None where it is nowhere."""
        file = self._manifest_file(digest)
        if not file.is_file():
            content = self.bucket.read(_manifest_name(digest))
            if content is None:
                return None
            _replace(file, content)
        return Artifact.open(file.parent).manifest

    def _manifest_file(self, digest: str) -> Path:
        return self.root / "manifests" / self.folder(digest).name / MANIFEST

    # -- outcomes of pure probes ----------------------------------------------------------------

    def find_measured(self, key: str) -> Path | None:
        """Return the sealed folder of a probe's outcomes; None when absent or damaged here and in the object store."""
        found = super().find_measured(key)
        content = self.bucket.read(f"{_measured_name(key)}/{SEAL}")
        if found is not None:
            if content is None:
                self._send_measured(key, found)
            return found
        if content is None:
            return None
        building = self.root / "building" / f"measured-{key}.{os.getpid()}"
        with writing(building):
            remove(building)
            building.mkdir()
            try:
                seals = file_digests(content, f"{self.address}/{_measured_name(key)}/{SEAL}")
            except InputError:
                seals = None
            if (
                seals is not None
                and self.bucket.download(
                    [(f"{_measured_name(key)}/{digest}", building / name) for name, digest in seals.items()]
                )
                and all(sha256_file(building / name) == digest for name, digest in seals.items())
            ):
                return super().put_measured(key, building)
            remove(building)
        self.bucket.delete(f"{_measured_name(key)}/{SEAL}")
        return None

    def put_measured(self, key: str, made: Path) -> Path:
        """Seal a folder of outcomes, and keep it here and in the object store."""
        final = super().put_measured(key, made)
        self._send_measured(key, final)
        return final

    def _send_measured(self, key: str, folder: Path) -> None:
        seal = (folder / SEAL).read_bytes()
        seals = file_digests(seal, str(folder / SEAL))
        self.bucket.upload(
            [(folder / name, f"{_measured_name(key)}/{digest}") for name, digest in seals.items()]
        )
        self.bucket.write(f"{_measured_name(key)}/{SEAL}", seal)


def open_store(address: str | Path, *, only_read: bool = False) -> Store:
    """Open the store in a folder or at a URL; with `only_read` InputError where there is no folder."""
    text = str(address)
    if is_url(text):
        return RemoteStore(text, only_read=only_read)
    if isinstance(address, Path) and _SLASH_LOST.match(text):
        raise InputError(f"store {text}: a Path cannot hold a URL, since it drops a slash. Give it as text.")
    return Store.there(Path(address)) if only_read else Store(Path(address))


def _replace(file: Path, content: bytes) -> None:
    with _WRITING:
        replace_bytes(file, content)


def _record_name(key: str) -> str:
    return f"keys/{key}.json"


def _folder_name(digest: str) -> str:
    return f"artifacts/{digest[:2]}/{digest}"


def _manifest_name(digest: str) -> str:
    return f"{_folder_name(digest)}/{MANIFEST}"


def _measured_name(key: str) -> str:
    return f"measured/{key}"
