"""What work saves while it runs, in the object store, too: another machine may go on with it.

scratch/<key>/SAVED.json   when the state was saved; written last
scratch/<key>/...          the state, and the accounts of what its attempts took
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xpareto.compress.core import InputError, parse_json, plain_path
from xpareto.compress.training import SAVED_TRAINING
from xpareto.pipelines.storage import RemoteStore, Store, remove

EVERY_SECONDS = 5.0
_SAVED = "SAVED.json"


@contextmanager
def carried(store: Store, scratch: Path) -> Iterator[None]:
    """Bring the state that was saved last of a piece of work, and send each that is saved while this is entered.

    Where the work is done nothing of it stays in the object store. A folder's machines see one scratch: nothing to do.
    """
    if not isinstance(store, RemoteStore):
        yield
        return
    states = _States(store, scratch)
    states.bring()
    over = threading.Event()
    thread = threading.Thread(target=states.send_until, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    states.drop()


class _States:
    """The states of one piece of work. They are an aid: where they cannot be had or sent, the work goes on without."""

    def __init__(self, store: RemoteStore, scratch: Path) -> None:
        self._bucket, self._scratch, self._prefix = store.bucket, scratch, f"scratch/{scratch.name}"
        self._there: int | None = None  # when that was saved which the object store has

    def bring(self) -> None:
        with _told():
            self._there = self._recorded()
            if self._there is not None and self._there > (self._saved_ns() or 0):
                self._fetch(self._there)

    def send_until(self, over: threading.Event) -> None:
        while not over.wait(EVERY_SECONDS):
            with _told():
                self._send()

    def drop(self) -> None:
        """Delete what the object store has of it, the record first."""
        if self._there is not None:
            with _told():
                self._bucket.delete(f"{self._prefix}/{_SAVED}")
                for name in self._bucket.names(self._prefix):
                    self._bucket.delete(f"{self._prefix}/{name}")

    def _recorded(self) -> int | None:
        """Return when that was saved which the object store has, in ns; None where it has nothing that can be read."""
        content = self._bucket.read(f"{self._prefix}/{_SAVED}")
        try:
            return None if content is None else int(parse_json(content.decode())["ns"])
        except (ValueError, TypeError, KeyError):
            return None

    def _fetch(self, saved_ns: int) -> None:
        names = [
            plain_path(name, self._prefix) for name in self._bucket.names(self._prefix) if name != _SAVED
        ]
        if SAVED_TRAINING not in names:  # another machine is done with the work, and deletes them
            return
        coming = self._scratch.with_name(f"{self._scratch.name}.{os.getpid()}")
        remove(coming)
        try:
            if self._bucket.download([(f"{self._prefix}/{name}", coming / name) for name in names]):
                os.utime(coming / SAVED_TRAINING, ns=(saved_ns, saved_ns))
                for name in sorted(names, key=lambda name: name == SAVED_TRAINING):  # the state last
                    (self._scratch / name).parent.mkdir(parents=True, exist_ok=True)
                    (coming / name).replace(self._scratch / name)
        finally:
            remove(coming)

    def _send(self) -> None:
        saved_ns = self._saved_ns()
        if saved_ns is None or saved_ns == self._there:
            return
        files = [file for file in self._scratch.rglob("*") if file.is_file() and file.suffix != ".new"]
        self._there = 0  # there is something to delete, from now on
        self._bucket.upload(
            [(file, f"{self._prefix}/{file.relative_to(self._scratch).as_posix()}") for file in files]
        )
        self._bucket.write(f"{self._prefix}/{_SAVED}", json.dumps({"ns": saved_ns}).encode())
        self._there = saved_ns

    def _saved_ns(self) -> int | None:
        try:
            return (self._scratch / SAVED_TRAINING).stat().st_mtime_ns
        except FileNotFoundError:
            return None


@contextmanager
def _told() -> Iterator[None]:
    """Write to the log what goes wrong."""
    try:
        yield
    except InputError as error:
        print(error, file=sys.stderr)
