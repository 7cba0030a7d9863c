"""A copy of the packages to which a test adds files, as somebody who extends the house does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("compress", "eval", "pipelines", "reports")


def copy_house(folder: Path, *more: str) -> Path:
    """Copy the four packages, the links that name them, and `more` files and folders of the root; return the folder."""
    for name in (*PACKAGES, ".packages", *more):
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "published")
            shutil.copytree(source, folder / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy2(source, folder / name)
    return folder


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, on its packages; return what it printed and its exit code."""
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"COLUMNS": "200", "PYTHONPATH": f"{folder / '.packages'}{os.pathsep}{folder}"},
    )  # fmt: skip


def xpareto(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the copy."""
    return python(folder, "-m", "xpareto.pipelines", *words)
