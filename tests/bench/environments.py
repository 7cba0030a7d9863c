"""Environments of other tools, which disagree with ours about versions; and what their commands said went wrong."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Iterable
from functools import cache
from pathlib import Path


class ToolFailed(SystemExit):
    """A command of another tool failed; the message is one line."""


@cache  # importing another tool takes seconds
def make_environment(folder: Path, packages: tuple[str, ...], imports: str) -> Path:
    """Return the python of an environment, made when missing, and filled where `imports` cannot be imported."""
    python = folder.absolute() / "bin" / "python"
    if not python.is_file():
        venv.create(folder, with_pip=True)
    probe = subprocess.run([python, "-I", "-c", f"import {imports}"], capture_output=True, check=False)
    if probe.returncode != 0:
        run(python, "-m", "pip", "install", "--quiet", *packages)
    return python


def run(*command: object) -> str:
    """Run a command and return what it printed; ToolFailed with the first line of its error."""
    answer = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ToolFailed(first_line(answer.stderr) or f"exit code {answer.returncode}")
    return answer.stdout


def first_line(text: str) -> str:
    """Return the first line of the error that a command ended with: an exception's, pip's, or the last one said."""
    _, found, raised = text.rpartition("Traceback (most recent call last):\n")
    lines = [
        line.strip() for line in raised.splitlines() if line.strip() and not (found and line.startswith(" "))
    ]
    told = [line for line in lines if line.startswith("ERROR")] or (lines[:1] if found else lines[-1:])
    return told[0] if told else ""


def versions(python: Path, packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each package that an environment has."""
    asked = (
        "import json, sys; from importlib.metadata import distributions; "
        "has = {one.name.lower(): one.version for one in distributions()}; "
        "print(json.dumps({name: has[name] for name in sys.argv[1:] if name in has}))"
    )
    found: dict[str, str] = json.loads(run(python, "-I", "-c", asked, *packages))
    return found
