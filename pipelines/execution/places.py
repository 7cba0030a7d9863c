"""Where a job's artifacts and data lie, told so that a machine finds them that sees none of this one's folders.

With a store at a URL each machine has a cache of its own: an artifact is then named by its URL, data that ship with
xpareto by their name, and the commits of the hub by the text of their lock.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from xpareto.compress.core import replace_text
from xpareto.eval.data import DataSpec
from xpareto.eval.probing import Job as Measurable
from xpareto.pipelines.planning import EMBEDDED, embedded_data
from xpareto.pipelines.storage import cache_folder, is_url, open_store, store_and_digest


def sent(data: DataSpec, store: str) -> DataSpec:
    """Return data as another machine finds them: at the same absolute path, or by name and text (see `arrived`)."""
    root, lock = absolute(data.root), absolute(data.lock)
    if is_url(store):
        if root is not None and Path(root).parent == cache_folder(store).resolve() / EMBEDDED:
            root = EMBEDDED
        if lock is not None and Path(lock).is_file():
            lock = Path(lock).read_text("utf-8")
    return replace(data, root=root, lock=lock)


def arrived(data: DataSpec, store: str) -> DataSpec:
    """Return data that were sent, as this machine has them, written to its cache where they came as text."""
    if not is_url(store):
        return data
    root, lock = data.root, data.lock
    opened = open_store(store, only_read=True)
    if root == EMBEDDED:
        root = str(embedded_data(opened))
    if lock is not None and lock.lstrip().startswith("{"):
        file = opened.root / "hub" / f"{hashlib.sha256(lock.encode()).hexdigest()}.json"
        replace_text(file, lock)
        lock = str(file)
    return replace(data, root=root, lock=lock)


def brought(job: Measurable) -> Measurable:
    """Return what is to be measured with its artifacts in folders of this machine."""
    if not any(map(is_url, job.artifacts.values())):
        return job
    folders = {}
    for name, address in job.artifacts.items():
        folders[name] = address
        if is_url(address):
            store, digest = store_and_digest(address)
            folders[name] = str(open_store(store, only_read=True).open(digest, verify=False).path)
    return replace(job, artifacts=folders)


def store_named_by(job: Measurable) -> str:
    """Return the address of the store that the artifacts to be measured are in."""
    return next((store_and_digest(address)[0] for address in job.artifacts.values()), "")


def absolute(path: str | None) -> str | None:
    """Return a path as it is named wherever a process stands; None stays None."""
    return None if path is None else str(Path(path).absolute())
