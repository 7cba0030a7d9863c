"""What in a store no run needs: artifacts, remembered scores, and what killed processes left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.records import read_rows
from xpareto.eval.results import DOCUMENT, read_document
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.pipelines.storage.store import Store, remove

_SETTLED = 3600.0  # seconds after which a file that is written and renamed at once is no work in progress


@dataclass(frozen=True)
class Leftover:
    """A file or folder of a store that no run needs, of what kind it is, and its size in bytes."""

    kind: str
    path: Path
    size: int
    lock: str | None = None  # held by whoever is at work on it

    @staticmethod
    def of(kind: str, path: Path, lock: str | None = None) -> Leftover:
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        return Leftover(kind, path, sum(file.lstat().st_size for file in files), lock)


@dataclass(frozen=True)
class Needs:
    """What the runs of some folders need of a store."""

    runs: frozenset[str]  # names
    keys: frozenset[str]
    digests: frozenset[str]
    data: frozenset[str]  # folders that plans read

    @staticmethod
    def of(store: Store, folders: Sequence[Path]) -> Needs:
        """Read the plans and candidates of all runs; InputError where one cannot be read, or a folder is not there.

        A run counts whatever store it names, since a store may have been moved.
        """
        names, keys, digests, data = set(), set(), set(), set()
        for folder in folders:
            if not folder.is_dir():
                raise InputError(f"{folder}: expected a folder of runs, found none. Give it with --runs.")
            for file in sorted(folder.glob("*/plan.json")):
                run = RunFolder(file.parent)
                plan = run.read_json(file.name)
                nodes, options = plan.get("nodes"), plan.get("options")
                if not isinstance(nodes, dict) or not isinstance(options, dict):
                    raise InputError(
                        f"{file}: expected the keys nodes and options, so that it can be told what the run needs. "
                        "Move the run out of the folder if it is lost."
                    )
                names.add(run.name)
                keys |= set(nodes)
                data.add(str(options.get("data")))
                if (run.path / DOCUMENT).is_file():
                    for candidate in read_document(run.path).candidates:
                        digests |= set(candidate.artifacts.values())
        digests |= {digest for key in keys if (digest := store.digest_of(key)) is not None}
        return Needs(frozenset(names), frozenset(keys), frozenset(digests), frozenset(data))


def leftovers(store: Store, needs: Needs) -> Iterator[Leftover]:
    """Yield what can go. What somebody is at work on, and what an unfinished run goes on with, is not in it."""
    for file in _inside(store, "keys"):
        if file.name.startswith("."):
            if time.time() - file.stat().st_mtime > _SETTLED:
                yield Leftover.of("abandoned work", file)
        elif file.stem not in needs.keys:
            yield Leftover.of("keys of no run", file, file.stem)
    for folder in sorted((store.root / "artifacts").glob("??/*")):
        if folder.name not in needs.digests:
            yield Leftover.of("artifacts of no run", folder, f"artifact-{folder.name}")
    for folder in _inside(store, "damaged"):
        yield Leftover.of("damaged artifacts", folder)
    for folder in _inside(store, "measured"):
        if _first_run(folder) not in needs.runs:
            yield Leftover.of("scores of no run", folder, f"measured-{folder.name}")
    for folder in _inside(store, "embedded"):
        if str(folder) not in needs.data:
            yield Leftover.of("embedded data of no run", folder, "embedded")
    for folder in _inside(store, "building"):
        yield Leftover.of("abandoned work", folder, folder.name.partition(".")[0])
    for folder in _inside(store, "scratch"):
        if folder.name not in needs.keys or store.digest_of(folder.name) is not None:
            yield Leftover.of("abandoned work", folder, folder.name)


def clean(store: Store, folders: Sequence[Path]) -> list[Leftover]:
    """Delete what no run of the folders needs, and return it; InputError while one of them is at work."""
    for folder in folders:
        for path in sorted(folder.glob("*/.lock")):
            with RunFolder(path.parent).held():
                pass
    gone = []
    for leftover in list(leftovers(store, Needs.of(store, folders))):
        with _free(store, leftover.lock) as free:
            if free and leftover.path.exists():
                _delete(store, leftover.path)
                gone.append(leftover)
    return gone


def _inside(store: Store, name: str) -> list[Path]:
    folder = store.root / name
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _first_run(folder: Path) -> str | None:
    """Return the name of the run that first took remembered scores; None where that cannot be read."""
    try:
        return next((row.run for row in read_rows(folder / "rows.jsonl")), None)
    except (InputError, OSError, ValueError):
        return None


@contextmanager
def _free(store: Store, lock: str | None) -> Iterator[bool]:
    """Hold a lock of the store, if nobody else does: say so."""
    from filelock import FileLock, Timeout

    if lock is None:
        yield True
        return
    held = FileLock(store.root / "locks" / f"{lock}.lock")
    try:
        held.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        held.release()


def _delete(store: Store, path: Path) -> None:
    """Delete at once for whoever looks: half an artifact must not stand under its name."""
    if path.is_file():
        path.unlink()
        return
    if path.parent == store.root / "artifacts" / path.name[:2]:
        aside = store.root / "building" / f"{path.name}.deleted"
        remove(aside)
        path.chmod(0o755)
        path = path.replace(aside)
    remove(path)
