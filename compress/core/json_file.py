"""What comes from disk: regular files of bounded size, JSON of bounded depth, and names that stay in their folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from xpareto.compress.core.errors import InputError, refused, shortened, what_else_it_is

MOST_BYTES = 1 << 30  # of a file that is read whole; a tokenizer of 500,000 subwords has 40 MB
MOST_DEPTH = 100  # of lists and objects in each other; what we and others write has under ten
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket",
          stat.S_IFDIR: "a folder"}  # fmt: skip
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONG = re.compile(r"[0-9]{21}")
_NO_END = str(int(1e30))  # transformers' model_max_length of a tokenizer that tells none, in many checkpoints
_LONGEST_NAME = 255  # bytes, of most file systems


def read_file(file: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a regular file of at most so many; OSError for a pipe, a device, a folder or a larger one.

    A pipe would keep us waiting, and /dev/zero has no end.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        kind = stat.S_IFMT(found.st_mode)
        if kind != stat.S_IFREG:
            raise OSError(errno.EINVAL, f"{_KINDS.get(kind, 'something')} and no file", str(file))
        content = stream.read(min(found.st_size, most) + 1)  # a buffer is made of what is asked for
        if len(content) > found.st_size:  # it grows meanwhile
            content += stream.read(max(0, most + 1 - len(content)))
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most} bytes", str(file))
    return content


def load_json(file: Path, most: int = MOST_BYTES) -> Any:
    """Return the value in a JSON file; OSError as `read_file`, ValueError where it is not JSON that we take."""
    return parse_json(read_file(file, most).decode("utf-8-sig"))


def parse_json(
    text: str, object_pairs_hook: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None
) -> Any:
    """Return the value that JSON text holds; ValueError, too, where it is nested too deep or has half a character.

    `object_pairs_hook` makes an object of its names and values, as for `json.loads`.

    >>> parse_json("[" * 200 + "]" * 200)
    Traceback (most recent call last):
    ValueError: lists or objects in each other deeper than 100
    """
    try:
        whole = _whole if _LONG.search(text) else None
        value = json.loads(text, parse_int=whole, object_pairs_hook=object_pairs_hook)
    except RecursionError:
        raise ValueError(f"lists or objects in each other deeper than {MOST_DEPTH}") from None
    if text.count("[") + text.count("{") > MOST_DEPTH:
        _check_depth(value)
    if _SURROGATE.search(text):
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half of a pair cannot be written again
    return value


def json_sha256(value: Any) -> str:
    """Return the sha256 (hex) of a value as JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _whole(digits: str) -> int:
    """Return a whole number of at most 64 bits: one that no float holds ends in an OverflowError somewhere else."""
    if len(digits) > 20 and digits != _NO_END:
        raise ValueError(f"a whole number of {len(digits)} digits")
    return int(digits)


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH + 1:
            raise ValueError(f"lists or objects in each other deeper than {MOST_DEPTH}")
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]


def read_json(file: Path, fix: str = "Download it again.") -> dict[str, Any]:
    """Return the object in a JSON file; InputError where the file is missing, damaged or something else."""
    try:
        content = read_file(file)
        if told := what_else_it_is(content[:64]):
            raise InputError(f"{file}: expected a JSON object, found {told[0]}. {told[1]}")
        data = parse_json(content.decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(
            f"{file}: expected this file, found none. Give a complete checkpoint folder."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable as JSON ({why(error)}). {fix}") from error
    if not isinstance(data, dict):
        raise InputError(f"{file}: expected a JSON object, found {type(data).__name__}. {fix}")
    return data


def checked(kind: Any, value: Any, where: str, fix: str) -> Any:
    """Return a value from disk as a type says it is; InputError tells the first place where it is not."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: {f'{place}: ' if place else ''}{refused(first)}. {fix}") from error


@cache
def _adapter(kind: Any) -> Any:
    """Return what validates values of a type; to make one takes milliseconds, and a store has thousands of records."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def why(error: BaseException) -> str:
    """Return in words why a file could not be read, without the name of the file."""
    return getattr(error, "strerror", None) or str(error)


def plain_name(name: object, where: str) -> str:
    """Return a name that came from others and is to name one file or folder; InputError where it could leave it.

    >>> plain_name("../x", "candidates.json: artifacts")
    Traceback (most recent call last):
    xpareto.compress.core.errors.InputError: candidates.json: artifacts: expected a plain name, found '../x'.
    """
    if not _plain(name):
        raise InputError(f"{where}: expected a plain name, found {shortened(name)}.")
    assert isinstance(name, str)
    return name


def plain_path(name: object, where: str) -> str:
    """Return a relative path of plain names, such as "1_Pooling/config.json", that came from others; InputError for
    one that could lead out of the folder that it is in."""
    if not isinstance(name, str) or not all(map(_plain, name.split("/"))):
        raise InputError(f"{where}: expected a relative path of plain names, found {shortened(name)}.")
    return name


def _plain(name: object) -> bool:
    return (
        isinstance(name, str)
        and name not in ("", ".", "..")
        and not any(char in name for char in "/\\\0")
        and len(name.encode("utf-8", "surrogatepass")) <= _LONGEST_NAME
    )
