"""Write files so that a kill at any point leaves the old content or the new, never half of it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xpareto.compress.core.errors import DiskError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_FULL = ("No space left on device", "os error 28", "Disk quota exceeded")
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_PLACE = _REFUSED | {errno.ENOTDIR, errno.EEXIST, errno.ENOENT}  # while making a folder or file of ours


def replace_text(path: Path, text: str) -> None:
    """Put text in a file atomically and durably, making its folder when needed."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with temporary.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def replace_json(path: Path, value: Any) -> None:
    """Put a value in a file as JSON, atomically."""
    replace_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def append_line(path: Path, record: Any) -> None:
    """Append one JSON line and force it to disk."""
    with writing(path), path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(record, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written to into a clear DiskError."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, _NO_PLACE) or error from error


def disk_error(
    error: BaseException, path: Path, no_place: AbstractSet[int] = frozenset(_REFUSED)
) -> DiskError | None:
    """Return the message for a disk that is full or cannot be written to, else None.

    Libraries wrap the system's error in ones of their own (safetensors, shutil), so that its text
    counts where its number is lost.
    """
    code = getattr(error, "errno", None)
    full = code in _NO_ROOM or any(text in str(error) for text in _FULL)
    if not full and code not in no_place:
        return None
    where = getattr(error, "filename", None) or path
    if full:
        what = "the disk is full. Free some space, or write to another one"
    else:
        reason = getattr(error, "strerror", None) or error
        what = f"cannot be written to ({reason}). Write to another folder"
    return DiskError(f"{where}: {what}.")
