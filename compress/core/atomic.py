"""Write files so that a kill at any point leaves the old content or the new, never half of it."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from xpareto.compress.core.errors import DiskError, InputError

_CHUNK_BYTES = 1 << 16
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_FULL = ("No space left on device", "os error 28", "Disk quota exceeded")
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_PLACE = _REFUSED | {errno.ENOTDIR, errno.EEXIST, errno.ENOENT}  # while making a folder or file of ours


def replace_text(path: Path, text: str) -> None:
    """Put text in a file atomically and durably, making its folder when needed."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, content: bytes) -> None:
    """Put bytes in a file atomically and durably, making its folder when needed; a link in its place is replaced."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.unlink(
            missing_ok=True
        )  # what a killed process of that number left, or a link that was laid there
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
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
    append_text(path, json.dumps(record, ensure_ascii=False) + "\n")


def append_text(path: Path, text: str) -> tuple[int, int]:
    """Append whole lines and force them to disk; return where they begin and end, in bytes.

    A torn last line of an earlier kill is cut off first. InputError where the file is a link or no file.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with writing(path):
        try:
            descriptor = os.open(path, flags, 0o666)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO):
                raise
            raise not_written_through(path) from error
        with os.fdopen(descriptor, "rb+") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise not_written_through(path)
            begin = _after_last_newline(stream)
            stream.truncate(begin)
            stream.seek(begin)
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(descriptor)
            return begin, stream.tell()


def not_written_through(path: Path) -> InputError:
    """Return what is said of a link, a pipe or a device where a file of ours has to be."""
    return InputError(
        f"{path}: expected a file or folder of ours, found a link or a device, and nothing is written or read "
        "through those. Delete it, or put what it leads to in its place."
    )


def _after_last_newline(stream: IO[bytes]) -> int:
    at = stream.seek(0, os.SEEK_END)
    while at > 0:
        start = max(0, at - _CHUNK_BYTES)
        stream.seek(start)
        found = stream.read(at - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0


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
