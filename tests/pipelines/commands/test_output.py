"""Standard output that is closed, full, read no further or of few characters, and paths that the system refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SAY = "from xpareto.pipelines.commands import output; output.open_output(); "
ENDINGS = {  # what is run: (exit code, standard error begins so), and what standard output of the whole is
    "xpareto list | head -n 1; exit ${PIPESTATUS[0]}": (0, "", "list"),
    "xpareto list >&-": (0, "", ""),
    "xpareto list >&- 2>&- <&-": (0, "", ""),
    "xpareto list > /dev/full": (2, "error: standard output: the disk is full", ""),
    "xpareto report $(printf 'a%.0s' {1..300})": (2, "error: aaa", ""),
    "xpareto plan demo --base '~nosuchuser/x'": (2, "error: --base: no folder ~nosuchuser/x", ""),
    "xpareto plan $'\\xff.yaml'": (2, "error: expected text in UTF-8 on the command line", ""),
    "xpareto plan $'a\\x1b[31m.yaml'": (2, "error: a\\x1b[31m.yaml: no such recipe file.", ""),
    f"PYTHONIOENCODING=ascii python -c '{SAY}print(chr(0x20ac), chr(0x1f600))'": (0, "", r"\u20ac \ud83d\ude00"),
    f"python -c '{SAY}" + "[print(1) for _ in range(99999)]; exit(3)' | head -n 1; exit ${PIPESTATUS[0]}": (3, "", "1"),
}  # fmt: skip


def test_every_ending_is_one_line_and_the_usual_exit_code(tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "python").symlink_to(sys.executable)
    (bin_folder / "xpareto").write_text(f'#!/bin/sh\nexec {sys.executable} -m xpareto.pipelines "$@"\n')
    (bin_folder / "xpareto").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / ".packages"),
    }
    for command, (code, error, output) in ENDINGS.items():
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert (done.returncode, done.stderr[: len(error)]) == (code, error), (command, done)
        assert done.stderr.count("\n") == (1 if error else 0), (command, done.stderr)
        assert done.stdout.startswith(output), (command, done.stdout)


def test_an_error_while_reading_is_told_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from xpareto.pipelines import cli

    def fails() -> None:
        raise OSError(5, "Input/output error", "data/train.tsv")

    monkeypatch.setattr(cli, "app", fails)
    monkeypatch.setattr(cli.output, "discard", lambda number: None)
    monkeypatch.setattr("sys.argv", ["xpareto", "report", "latest"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().err) == (2, "error: data/train.tsv: Input/output error.\n")
