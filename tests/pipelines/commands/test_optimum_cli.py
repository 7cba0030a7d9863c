"""`optimum-cli xpareto`: optimum finds it where it looks, and it hands on every word."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
PLACE = ".packages/optimum/commands/register/xpareto.py"  # where the wheel takes it from


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module as it is where a stand-in of optimum's command line is there."""

    class Base:
        def __init__(self, args: Any) -> None:
            self.args = args

    base = ModuleType("optimum.commands.base")
    base.BaseOptimumCLICommand, base.CommandInfo = Base, SimpleNamespace  # type: ignore[attr-defined]
    for name in ("optimum", "optimum.commands"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "optimum.commands.base", base)
    monkeypatch.delitem(sys.modules, "xpareto.pipelines.commands.optimum_cli", raising=False)
    yield importlib.import_module("xpareto.pipelines.commands.optimum_cli")
    sys.modules.pop("xpareto.pipelines.commands.optimum_cli", None)


@pytest.mark.parametrize(
    "words",
    [
        [], ["--help"], ["-h"], ["--version"], ["run", "demo", "--set", "fp32.epochs=2", "--base", "x"],
        ["run", "r.yaml", "-h"], ["choose", "latest", "--max-drop", "-1"], ["list", "--", "steps"],
    ],
)  # fmt: skip
def test_every_word_is_handed_on(command: Any, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    root = argparse.ArgumentParser("Optimum CLI tool")
    (one,) = command.REGISTER_COMMANDS
    parser = root.add_subparsers().add_parser(one.COMMAND.name, help=one.COMMAND.help)
    one.parse_args(parser)
    main = importlib.import_module("xpareto.pipelines.__main__")
    seen: list[list[str]] = []
    monkeypatch.setattr(main, "main", lambda: seen.append(list(sys.argv)))
    monkeypatch.setattr(sys, "argv", ["optimum-cli"])
    one(root.parse_args(["xpareto", *words])).run()
    assert seen == [["xpareto", *words]]


def test_optimum_looks_where_it_lies_and_no_package_file_is_in_the_way() -> None:
    assert (ROOT / PLACE).resolve() == ROOT / "pipelines" / "commands" / "optimum_cli.py"
    names = {path.name for path in (ROOT / ".packages" / "optimum").rglob("*")} - {"__pycache__"}
    assert {name for name in names if name.endswith(".py")} == {
        "xpareto.py"
    }  # an __init__.py would hide optimum


def test_a_real_optimum_has_the_command() -> None:
    try:
        importlib.import_module("optimum.commands.optimum_cli")
    except ImportError:
        pytest.skip("optimum is not installed: pip install 'xpareto[optimum]'")
    environment = os.environ | {"PYTHONPATH": str(ROOT / ".packages")}
    runs = [
        subprocess.run(
            [sys.executable, "-m", *words], capture_output=True, text=True, check=False, env=environment
        )
        for words in (
            ["optimum.commands.optimum_cli", "xpareto", "--version"],
            ["xpareto.pipelines", "--version"],
        )
    ]
    assert runs[0].stdout == runs[1].stdout and runs[0].returncode == 0, runs[0].stderr
