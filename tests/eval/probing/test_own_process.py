"""Whatever we start ourselves takes code from where it is installed, never from the working directory."""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest

from xpareto.eval.probing.own_process import own_command, own_environment

ROOT = Path(__file__).parents[3]


def test_a_module_beside_the_user_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "platform.py").write_text("raise SystemExit('the working directory ran')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/nowhere", ""]))
    done = subprocess.run(own_command("platform"), env=own_environment(), cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "" not in own_environment()["PYTHONPATH"].split(os.pathsep)


def test_every_python_of_ours_is_started_so() -> None:
    """The interpreter is named in one module of the house, the one that is careful."""
    users = {
        path.relative_to(ROOT).as_posix()
        for package in ("compress", "eval", "pipelines", "reports")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.executable"
    }
    assert users == {"eval/probing/own_process.py"}
