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

from xpareto.compress.core import InputError, parse_json
from xpareto.compress.training import SAVED_TRAINING
from xpareto.pipelines.storage import Bucket, RemoteStore, Store, remove

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
    states = _States(store.bucket, scratch)
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
    def __init__(self, bucket: Bucket, scratch: Path) -> None:
        self._bucket, self._scratch, self._prefix = bucket, scratch, f"scratch/{scratch.name}"
        self._sent = self._saved_ns()

    def bring(self) -> None:
        content = self._bucket.read(f"{self._prefix}/{_SAVED}")
        if content is None:
            return
        at = int(parse_json(content.decode())["ns"])
        if at <= (self._saved_ns() or 0):
            return
        coming = self._scratch.with_name(f"{self._scratch.name}.{os.getpid()}")
        remove(coming)
        names = [name for name in self._bucket.names(self._prefix) if name != _SAVED]
        if self._bucket.download([(f"{self._prefix}/{name}", coming / name) for name in names]):
            for name in sorted(names, key=lambda name: name == SAVED_TRAINING):  # the state last
                (self._scratch / name).parent.mkdir(parents=True, exist_ok=True)
                (coming / name).replace(self._scratch / name)
            os.utime(self._scratch / SAVED_TRAINING, ns=(at, at))
            self._sent = at
        remove(coming)

    def send_until(self, over: threading.Event) -> None:
        while not over.wait(EVERY_SECONDS):
            try:
                self._send()
            except InputError as error:  # what is saved is an aid: the work goes on without
                print(error, file=sys.stderr)

    def _send(self) -> None:
        at = self._saved_ns()
        if at is None or at == self._sent:
            return
        files = [file for file in self._scratch.rglob("*") if file.is_file() and file.suffix != ".new"]
        self._bucket.upload(
            [(file, f"{self._prefix}/{file.relative_to(self._scratch).as_posix()}") for file in files]
        )
        self._bucket.write(f"{self._prefix}/{_SAVED}", json.dumps({"ns": at}).encode())
        self._sent = at

    def drop(self) -> None:
        """Delete what the object store has of it, the record first."""
        self._bucket.delete(f"{self._prefix}/{_SAVED}")
        for name in self._bucket.names(self._prefix):
            self._bucket.delete(f"{self._prefix}/{name}")

    def _saved_ns(self) -> int | None:
        try:
            return (self._scratch / SAVED_TRAINING).stat().st_mtime_ns
        except FileNotFoundError:
            return None
