"""Read YAML safely, and remember the line of every key and item for error messages."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError, MaxDepthExceededError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from xpareto.compress.core import InputError, shortened

MOST_BYTES = 256 * 1024
MOST_PARTS = 10_000
"""Keys, items and values, copies by alias counted: many times those of any recipe, and read in a second."""
_DEEPEST, _LONGEST_NUMBER, _LARGEST = 40, 400, 2**63
_TOO_DEEP = f"expected at most {_DEEPEST} levels, found more, or an alias that refers to itself"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

Where = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[str, Callable[[str], Any]]] = {  # what each looks like, and its value
    "bool": ("true|True|TRUE|false|False|FALSE", lambda text: text[0] in "tT"),
    "null": ("~|null|Null|NULL|", lambda text: None),
    "int": ("[-+]?[0-9]+", int),
    "float": (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", float),
    "str": ("(?s:.*)", str),
}


@dataclass(frozen=True)
class Located:
    """Plain data and, for every path into it, the line (from 1) where it stands.

    `flags` holds what the command line set instead, by path: `--set int8.embeddings=true`; `files` the parts that stand
    in another file.
    """

    file: str
    value: Any
    lines: Mapping[Where, int]
    flags: Mapping[Where, str] = field(default_factory=dict)
    files: Mapping[Where, str] = field(default_factory=dict)

    def at(self, where: Where) -> str:
        """Return ``file:line: path`` of the nearest ancestor of a path that has a line, or the flag that set it."""
        name, (start, depth) = ".".join(str(part) for part in where), self._nearest(where)
        return start if (depth == len(where) and where in self.flags) or not name else f"{start}: {name}"

    def place(self, where: Where) -> str:
        """Return ``file:line`` of a part, with the flags that set something inside of it."""
        inside = [path for path in self.flags if len(path) > len(where) and path[: len(where)] == where]
        flags = [self.flags[path] for path in inside]
        return self._nearest(where)[0] + (f" (with {', '.join(flags)})" if flags else "")

    def _nearest(self, where: Where) -> tuple[str, int]:
        """Return the line or the flag that holds a path most closely, and how long a path that one is of."""
        for end in range(len(where), 0, -1):
            if where[:end] in self.flags:
                return self.flags[where[:end]], end
            if where[:end] in self.lines:
                file = next(
                    (self.files[where[:at]] for at in range(end, 0, -1) if where[:at] in self.files),
                    self.file,
                )
                return f"{file}:{self.lines[where[:end]]}", end
        return f"{self.file}:{self.lines.get((), 1)}" if self.lines else self.file, 0

    def under(self, where: Where) -> Any:
        """Return the data at a path that is there."""
        value = self.value
        for part in where:
            value = value[part]
        return value


class _CoreSchema(VersionedResolver):
    """YAML 1.2's core schema without its hexadecimal, octal and infinite numbers.

    YAML 1.1 would read the key `on`, the language code `no` and 1:30 as True, False and 90, and ruamel.yaml
    the label 1_2, the revision 0x12 and 2026-01-01 as numbers and a date.
    """

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode and implicit[0]:
            kind_of = next(name for name, (look, _) in _SCALARS.items() if re.fullmatch(look, value))
            return Tag(suffix=f"{_TAG}{kind_of}")
        return super().resolve(kind, value, (False, False))


class _Counting(Composer):
    """Stops at once at more parts than a recipe has, where a large file would be read for minutes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.warn_double_anchors = (
            False  # YAML allows them, and warns with a line of ours: the later one counts
        )
        self.parts = getattr(self, "parts", 0) + 1
        if self.parts > MOST_PARTS:
            mark = self.parser.peek_event().start_mark
            raise ComposerError(problem=f"more than {MOST_PARTS:,} keys and values", problem_mark=mark)
        return super().compose_node(parent, index)


class _Representer(SafeRepresenter):
    def represent_str(self, data: str) -> Any:
        # The emitter writes these as they are, and the scanner takes them for line breaks.
        style = '"' if re.search("[\x85\u2028\u2029]", data) else None
        return self.represent_scalar(f"{_TAG}str", data, style=style)


_Representer.add_representer(str, _Representer.represent_str)


def _yaml() -> Any:
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Resolver, yaml.Composer, yaml.Representer = _CoreSchema, _Counting, _Representer
    yaml.default_flow_style = yaml.sort_base_mapping_type_on_output = False
    yaml.width, yaml.max_depth = sys.maxsize, _DEEPEST
    return yaml


def read_yaml(path: Path) -> Located:
    """Return the file's content; InputError with file:line when it is not plain YAML, or more of it than a recipe."""
    try:
        if not path.is_file():  # a pipe or a device would be waited for, or read without end
            raise InputError(f"{path}: expected a file with a recipe, found none.")
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InputError(
                f"{path}: expected a recipe of at most {MOST_BYTES // 1024} KiB, found a larger file. Is it a recipe?"
            )
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text, found byte {error.start} outside it.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}.") from error
    return parse_yaml(text, str(path))


def dump_yaml(value: Any) -> str:
    """Return plain data as YAML text that `parse_yaml` reads back equal, its keys in their order.

    >>> dump_yaml({"name": "é"})
    'name: é\\n'
    """
    stream = StringIO()
    _yaml().dump(value, stream)
    return stream.getvalue()


def plain_data(value: Any, name: str) -> Located:
    """Return data that Python gives as it reads once it is written as YAML, without lines.

    InputError where that cannot be written: `name` is what messages call it.
    """
    try:
        text = dump_yaml(value)
    except YAMLError as error:
        raise InputError(
            f"{name}: expected text, numbers, true and false, None, lists and dicts of these, found {error}."
        ) from error
    return replace(parse_yaml(text, name), lines={})


def parse_yaml(text: str, file: str) -> Located:
    """Return plain data (dict, list, str, int, float, bool, None) with the line of each part.

    `<<` takes the keys of other mappings, as YAML 1.1 has it; a mapping's own keys count before them.

    Tags that would build other objects, keys given twice, characters that are no text and numbers that are
    not finite or have hundreds of digits are refused, as is more than `MOST_PARTS`.

    >>> parse_yaml("a: 1\\nb: [2, 3]", "x.yaml").lines[("b", 1)]
    2
    """
    lines: dict[Where, int] = {}
    counter = count(1)
    merging: list[int] = []  # the mappings that are being merged into one another

    def merges(key_node: Any) -> bool:
        return key_node.id == "scalar" and key_node.value == "<<" and not key_node.style

    def forget(value: Any, where: Where) -> None:
        """Leave out the lines of a merged value that the mapping has itself."""
        lines.pop(where, None)
        inner = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for part, inside in inner:
            forget(inside, (*where, part))

    def merged(node: Any, where: Where) -> dict[str, Any]:
        """Return what a mapping takes from others by `<<: *name` or `<<: [*one, *two]`, of which the first counts."""
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not merges(key_node):
                continue
            for other in reversed(value_node.value if value_node.id == "sequence" else [value_node]):
                line = key_node.start_mark.line + 1
                if other.id != "mapping":
                    raise InputError(
                        f"{file}:{line}: expected a mapping behind <<, such as *name, found {other.id}."
                    )
                if id(other) in merging:
                    raise InputError(f"{file}:{line}: {_TOO_DEEP}.")
                merging.append(id(other))
                found |= plain(other, where)
                merging.pop()
        return found

    def plain(node: Any, where: Where) -> Any:
        line, tag = node.start_mark.line + 1, str(node.tag).removeprefix(_TAG)
        lines.setdefault(where, line)
        if next(counter) > MOST_PARTS:
            raise InputError(
                f"{file}:{lines[where[:1]]}: expected at most {MOST_PARTS:,} keys and values, found more, aliases "
                "(*name) counted as what they copy."
            )
        if len(where) > _DEEPEST:
            raise InputError(f"{file}:{line}: {_TOO_DEEP}.")
        if (node.id, tag) == ("mapping", "map"):
            mapping = merged(node, where)
            own: set[str] = set()
            for key_node, value_node in node.value:
                if merges(key_node):
                    continue
                key, line = key_node.value, key_node.start_mark.line + 1
                if key_node.tag != f"{_TAG}str":
                    given = key if key_node.id == "scalar" else f"a {key_node.id}"
                    raise InputError(f"{file}:{line}: expected a name as key, found {given}. Quote it.")
                _refuse_unprintable(key, f"{file}:{line}")
                if key in own:
                    raise InputError(f"{file}:{line}: the key {key} is given twice. Keep one of them.")
                own.add(key)
                if key in mapping:
                    forget(mapping[key], (*where, key))
                lines[(*where, key)] = line
                mapping[key] = plain(value_node, (*where, key))
            return mapping
        if (node.id, tag) == ("sequence", "seq"):
            return [plain(item, (*where, index)) for index, item in enumerate(node.value)]
        if node.id != "scalar" or tag not in _SCALARS or not re.fullmatch(_SCALARS[tag][0], node.value):
            raise InputError(
                f"{file}:{line}: not valid YAML: {node.tag} does not fit here, or is no plain data."
            )
        if tag == "str":
            _refuse_unprintable(node.value, f"{file}:{line}")
        elif len(node.value) > _LONGEST_NUMBER:
            digits = f"{len(node.value):,} characters"
            raise InputError(
                f"{file}:{line}: expected a number, found one of {digits}. Quote it if it is text."
            )
        value = _SCALARS[tag][1](node.value)
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{file}:{line}: expected a finite number, found {shortened(node.value)}.")
        if isinstance(value, int) and abs(value) >= _LARGEST:
            raise InputError(f"{file}:{line}: expected a number of 64 bits, found {shortened(node.value)}.")
        return value

    try:
        node = _yaml().compose(text)
        value = plain(node, ()) if node is not None else None
    except MaxDepthExceededError as error:
        raise InputError(f"{file}:{error.problem_mark.line + 1}: {_TOO_DEEP}.") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # A character that YAML forbids is told by its place in the text alone.
        line = mark.line + 1 if mark is not None else text.count("\n", 0, getattr(error, "position", 0)) + 1
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(f"{file}:{line}: not valid YAML: {problem}.") from error
    return Located(file, value, lines)


def _refuse_unprintable(text: str, where: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found is not None:
        code = f"U+{ord(found[0]):04X}"
        raise InputError(
            f"{where}: expected text, found the character {code} in {shortened(text)}. Leave it out."
        )
