"""Standard output and error that never end a command: closed, read no further, or of a small character set."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from typing import Any

_ESCAPED = "xpareto.escaped"


class _Output(io.FileIO):
    """Lets go of what nobody reads any more, as after `| head`, so that a command ends as it would have."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            discard(self.fileno())
            return memoryview(data).nbytes


def open_output() -> None:
    """Open what was closed, and make standard output and error take every text.

    What the terminal's character set lacks is written as JSON escapes it, so that documents stay JSON.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    codecs.register_error(_ESCAPED, _escaped)
    for number, name in ((1, "stdout"), (2, "stderr")):
        given = getattr(sys, name)
        if given is not getattr(sys, f"__{name}__"):
            continue  # somebody listens in place of the terminal
        encoding = given.encoding if given is not None else "utf-8"
        buffer = io.BufferedWriter(_Output(number, "w", closefd=False))
        lines = name == "stderr" or os.isatty(number)
        setattr(sys, name, io.TextIOWrapper(buffer, encoding, _ESCAPED, line_buffering=lines))


def tell(what: object, *, error: bool = False) -> None:
    """Print a line to standard output or error, with every character that would hide or move others spelled out."""
    from xpareto.reports.text import visible

    (sys.stderr if error else sys.stdout).write(visible(str(what)) + "\n")


def discard(number: int) -> None:
    """Let what is written to an open file vanish from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
