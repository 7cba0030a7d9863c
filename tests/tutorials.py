"""The files and commands of CONTRIBUTING.md's tutorials, as a reader would copy them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

CONTRIBUTING = Path(__file__).parent.parent / "CONTRIBUTING.md"
TUTORIALS = ("step", "task", "objective", "runtime")
_FILE = re.compile(r"`([\w./]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def tutorial(name: str) -> str:
    """Return the section `Add a NAME` or `Add an NAME`."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## Add an? {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(section)


def files(*names: str) -> Mapping[str, str]:
    """Return path -> text of the files of some tutorials; of all where none is named."""
    return {path: text for name in names or TUTORIALS for path, text in _FILE.findall(tutorial(name))}


def commands(name: str) -> str:
    """Return the shell commands of a tutorial, one after the other."""
    return "".join(_COMMANDS.findall(tutorial(name)))


def write_files(folder: Path, *names: str) -> list[Path]:
    """Write the files of some tutorials, or of all, below a folder; return their paths."""
    written = []
    for path, text in files(*names).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        written.append(file)
    return written
