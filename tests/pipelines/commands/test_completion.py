from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.pipelines.made_up_run import write_run
from xpareto.compress.steps.quantize_dynamic import QuantizeDynamic
from xpareto.pipelines.cli import app, main
from xpareto.pipelines.recipe.checks import shipped_recipes

NAMES = ["english/fp32/torch", "english/int8/onnxruntime", "none/fp32/torch", "none/int8/onnxruntime",
         "english/onnx/onnxruntime", "none/onnx/onnxruntime"]  # fmt: skip


def completed(words: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what a shell is told after `xpareto WORDS`, as typer's own script for fish asks it."""
    shown = CliRunner().invoke(
        app,
        [],
        prog_name="xpareto",
        env={
            "_XPARETO_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_ARGS": f"xpareto {words}",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
    )
    return [line.split("\t")[0] for line in shown.stdout.splitlines() if line]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "runs" / "20260101T000000Z-made-up"
    run.mkdir(parents=True)
    write_run(run, seeds=(0,), examples=4)
    (tmp_path / "mine.yaml").write_text("xpareto: 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("run dem", ["demo"]),
        ("run min", [name for name in shipped_recipes() if name.startswith("min")] + ["mine.yaml"]),
        ("choose 2026", ["20260101T000000Z-made-up"]),
        ("report l", ["latest"]),
        ("export latest none/", sorted(name for name in NAMES if name.startswith("none/"))),
        ("compare latest --arms e", ["english"]),
        ("run demo --set int8.", [f"int8.{name}=" for name in QuantizeDynamic.model_fields]),
        ("run demo --set int8.over", [f"int8.overflow={one}" for one in ("warn", "refuse", "ignore")]),
        ("run demo --set target.precision=", [f"target.precision={one}" for one in ("auto", "bf16", "fp32")]),
        ("run demo --set measure.sec", ["measure.seconds="]),
        ("choose latest --prefer thr", ["throughput"]),
        ("schema --of rec", ["recipe", "recommendation"]),
        ("run demo --data h", ["hub"]),
        ("list xnl", ["xnli", "xnli_dev"]),
        ("export nowhere non", []),  # what goes wrong completes nothing
    ],
)
def test_the_shell_completes_recipes_runs_candidates_and_values(
    words: str, expected: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(completed(words, monkeypatch)) == sorted(expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--set", "int8.overflow", "=", "w"], "warn\n"),
        (["--set", "int8.overflow", "="], "warn\nrefuse\nignore\n"),
        (["--set", "=", "int8.overflow", "=", "w"], "warn\n"),
        (["--set", "int8.overflow", "=", "warn", "--set", "int8.overf"],
         "int8.overflow=warn\nint8.overflow=refuse\nint8.overflow=ignore\n"),
    ],
)  # fmt: skip
def test_bash_which_splits_at_the_equals_sign_is_told_what_stands_behind_it(
    words: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["xpareto", "run", "demo", *words]
    monkeypatch.setenv("_XPARETO_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(asked))
    monkeypatch.setenv("COMP_CWORD", str(len(asked) - 1))
    monkeypatch.setattr("sys.argv", ["xpareto"])
    monkeypatch.setattr(
        sys.modules["__main__"], "__package__", None
    )  # as in a script, which is called by its name
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == expected


def test_help_loads_nothing_that_completion_asks_for() -> None:
    program = (
        "import sys\nsys.argv = ['xpareto', '--help']\nfrom xpareto.pipelines.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert not {'pydantic', 'numpy', 'ruamel.yaml'} & set(sys.modules)"
    )
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", program], check=True, env=env, capture_output=True)
