"""CONTRIBUTING.md's tutorials work word by word: their files are written into a copy, and their commands run there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.copied_house import copy_house, python
from tests.tutorials import TUTORIALS, commands, write_files

ADDED = ("round_weights", "sib200", "worst_language", "onnx_reference")
TOLD = {  # what the commands of each tutorial print or leave in a report
    "step": ("3 candidates", "rounded", "dtype=float16"),
    "task": ("sib200", "classification"),
    "objective": ("worst_language", "Score of the worst language", "score of the worst language"),
    "runtime": ("onnx_reference", "main/int8/onnx_reference"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """Return a copy of the house with all files of the tutorials, and these files."""
    folder = copy_house(tmp_path_factory.mktemp("tutorials"), "tests", "pyproject.toml", "CONTRIBUTING.md")
    return folder, write_files(folder)


@pytest.fixture
def copied(written: tuple[Path, list[Path]]) -> Path:
    return written[0]


def test_each_adds_one_file_and_its_test(written: tuple[Path, list[Path]]) -> None:
    folder, files = written
    code = [file.relative_to(folder).as_posix() for file in files if file.suffix == ".py"]
    assert [Path(file).stem for file in code if not file.startswith("tests/")] == list(ADDED)
    assert [Path(file).stem for file in code if file.startswith("tests/")] == [
        f"test_{name}" for name in ADDED
    ]
    sources = [str(file) for file in files if file.suffix == ".py"]
    for command in (("check",), ("format", "--check")):
        done = python(folder, "-m", "ruff", *command, *sources, "CONTRIBUTING.md")
        assert done.returncode == 0, done.stdout + done.stderr


def test_their_tests_pass_and_the_law_holds(written: tuple[Path, list[Path]]) -> None:
    folder, files = written
    tests = [str(file) for file in files if file.name.startswith("test_")]
    chosen = " or ".join((*ADDED, "circle", "listed", "mirror"))
    done = python(
        folder, "-m", "pytest", "-p", "no:cacheprovider", *tests, "tests/test_import_law.py", "-k", chosen
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


@pytest.mark.slow
def test_they_are_typed(copied: Path, tmp_path: Path) -> None:
    done = python(copied, "-m", "mypy", "--cache-dir", str(tmp_path))
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", TUTORIALS)
def test_the_commands_run_as_they_are_written(name: str, copied: Path, tmp_path: Path) -> None:
    for command, module in (("python", ()), ("xpareto", ("-m", "xpareto.pipelines"))):
        file = tmp_path / command
        file.write_text(f'#!/bin/sh\nexec {" ".join((sys.executable, *module))} "$@"\n', encoding="utf-8")
        file.chmod(0o755)
    done = subprocess.run(
        ["bash", "-e", "-c", commands(name)], cwd=copied, capture_output=True, text=True, check=False,
        env=os.environ | {
            "COLUMNS": "200", "PYTHONPATH": f"{copied / '.packages'}{os.pathsep}{copied}",
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        },
    )  # fmt: skip
    assert done.returncode == 0 and "Failed:" not in done.stderr, done.stdout[-4000:] + done.stderr[-4000:]
    (*_, report) = sorted(copied.glob("runs/*/report/summary.md"))
    shown = done.stdout + report.read_text(encoding="utf-8")
    assert [words for words in TOLD[name] if words not in shown] == []
