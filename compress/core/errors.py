"""The one exception that the command line shows without a traceback, and words that its messages share."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_MOST_LINES = 20
_LONGEST_NAME = 100
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_EXPECTED = {  # what a type of pydantic takes; {} are of the problem's context
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "list": "a list, such as [a, b]",
    "tuple": "a list, such as [a, b]",
    "dict": "keys with values, such as {{key: value}}",
    "dataclass": "keys with values, such as {{key: value}}",
    "model": "keys with values, such as {{key: value}}",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of {ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of {le} or less",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
}


class InputError(Exception):
    """Something the user gave is wrong; the message is all that they see (exit code 2).

    The message says what was expected, what was found, where, and what to do next.
    """


class DiskError(InputError):
    """A disk is full, or a folder cannot be written to; the command line adds which of its options name folders."""


class ArtifactDamaged(InputError):
    """A sealed artifact no longer has the content it was sealed with; it can be rebuilt."""


def bounded(message: str) -> str:
    r"""Return a message as a terminal may show it, whatever names it repeats.

    At most 20 lines of about 900 characters, the middle of longer ones left out, and control characters escaped.

    >>> bounded("a: unknown step \x1b[31m."), bounded("b" * 5000).count("b")
    ('a: unknown step \\x1b[31m.', 900)
    """
    lines = message.split("\n")
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"... and {len(lines) - _MOST_LINES + 1} lines more."]
    return "\n".join(
        _CONTROL.sub(
            lambda found: repr(found[0])[1:-1], line if len(line) <= 900 else f"{line[:600]}...{line[-300:]}"
        )
        for line in lines
    )


def hint(wrong: str, names: Iterable[str]) -> str:
    """Return `` Did you mean "x"?`` for a near miss of one of the names, else an empty string.

    >>> hint("xlni", ["xnli", "udpos"])
    ' Did you mean "xnli"?'
    >>> hint("zebra", ["xnli", "udpos"])
    ''
    """
    if len(wrong) > _LONGEST_NAME:
        return ""  # no slip of the pen, and slow to compare
    near = difflib.get_close_matches(wrong, list(names), n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""


def install(extra: str) -> str:
    """Return what installs an optional part of xpareto, as the README installs the whole.

    >>> install("openvino")
    "Run, where you installed xpareto from: pip install -c constraints.txt -e '.[openvino]'"
    """
    return f"Run, where you installed xpareto from: pip install -c constraints.txt -e '.[{extra}]'"


def shortened(value: Any) -> str:
    """Return a value as a message shows it, cut to 60 characters.

    >>> shortened({"epochs": "three"})
    "{'epochs': 'three'}"
    """
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def what_else_it_is(start: bytes) -> tuple[str, str] | None:
    """Return what a file of a checkpoint or of data is that begins so, where it is neither, and what to do.

    >>> what_else_it_is(b"version https://git-lfs.github.com/spec/v1")[0]
    'a pointer of git-lfs in its place'
    >>> what_else_it_is(b'{"model_type":') is None
    True
    """
    if start.startswith(b"version https://git-lfs"):
        return (
            "a pointer of git-lfs in its place",
            "Run git lfs pull in the folder, or download the file itself.",
        )
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x04")):
        return "a pickle or zip file", "Download it again."
    if start.startswith((b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"BZh91AY")):
        return "a compressed file", "Unpack it."
    if start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "a web page", "Download the file itself."
    return None


def enumerated(names: Sequence[str], most: int = 1) -> str:
    """Return the first names and how many more there are, which is never one: then it is named, too.

    >>> enumerated(["a"]), enumerated(["a", "b"]), enumerated(["a", "b", "c"])
    ('a', 'a and b', 'a and 2 more')
    """
    shown = list(names) if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} more"]
    return " and ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def refused(*problems: Mapping[str, Any], patterns: Mapping[str, str] = {}) -> str:
    r"""Return what was expected of one value and what was found, without a full stop.

    `problems` are the entries of pydantic's `ValidationError.errors()` of that value: several where it may be
    of several types. `patterns` says in words what a regular expression takes.

    >>> refused({"type": "int_parsing", "msg": "Input should be a valid integer", "input": "x"})
    "expected a whole number, found 'x'"
    >>> literal = {"type": "literal_error", "ctx": {"expected": "'int4' or 'none'"}, "input": "int5"}
    >>> refused({"type": "bool_parsing", "input": "int5"}, literal)
    'expected true or false or \'int4\' or \'none\', found \'int5\'. Did you mean "int4"?'
    """
    words = list(dict.fromkeys(_what(problem, patterns) for problem in problems))
    for what in words:
        if not what.startswith("expected "):
            return what
    expected, given = " or ".join(what.removeprefix("expected ") for what in words), problems[0]["input"]
    if ", found " in expected:
        return f"expected {expected}"
    near = hint(given, re.findall("'([^']*)'", expected)) if isinstance(given, str) else ""
    return f"expected {expected}, found {shortened(given)}{'.' if near else ''}{near}"


def _what(problem: Mapping[str, Any], patterns: Mapping[str, str]) -> str:
    kind, context = str(problem["type"]), problem.get("ctx", {})
    if kind == "missing":
        return "is required but missing. Add it"
    if kind == "literal_error":
        return f"expected {context['expected']}"
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return f"expected {patterns.get(pattern, f'text that matches {pattern}')}"
    if kind == "value_error":
        told = str(context["error"])
        return told if told.startswith("expected ") else f"{told}, found {shortened(problem['input'])}"
    expected = _EXPECTED.get(kind) or _EXPECTED.get(kind.partition("_")[0])
    if expected is not None:
        numbers = {name: f"{value:g}" for name, value in context.items() if isinstance(value, float)}
        return f"expected {expected.format(**{**context, **numbers})}"
    message = str(problem["msg"])
    return f"{message[0].lower()}{message[1:]}, found {shortened(problem['input'])}"
