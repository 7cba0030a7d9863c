"""A run ends with what to deploy, how sure that is, and what to do next."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.pipelines.made_up_run import write_run
from xpareto.eval.analyses.documents.summary_file import read_analysis
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import summarize
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.report import write_analysis
from xpareto.reports.formats.markdown import summary
from xpareto.reports.terminal.ending import answer_lines, next_lines, show_ending


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "20260101T000000Z-made-up"
    folder.mkdir(parents=True)
    write_run(folder, seeds=(0,), examples=150, arms=("none",), repeats=4)
    write_analysis([folder], folder / "report", resamples=200)
    return folder


def test_the_answer_names_both_sides_and_the_uncertainty(run: Path) -> None:
    answer, kept_out, *sure = answer_lines(run)
    assert answer.startswith("Deploy none/onnx/onnxruntime: ") and "quicker" in answer
    assert "than none/fp32/torch" in answer and "95 %" in answer
    assert kept_out.startswith("Compressed to none/int8/onnxruntime it would be 3.3× smaller and ")
    assert "; kept out because it may lose up to " in kept_out
    assert "variants are shown to lose at most 1 point" in sure[0]
    assert "One training seed: what another training would score is not known." in sure


def test_what_comes_next_can_be_given_as_it_stands(run: Path) -> None:
    commands = dict(next_lines(run))
    assert list(commands.values()) == [
        f"xpareto export {run} none/onnx/onnxruntime exported",
        f"xpareto choose {run} --max-drop 1",
        f"{run}/report/index.html",
    ]


def test_every_command_of_the_summary_runs_as_it_stands(tmp_path: Path) -> None:
    """`xpareto compare RUN --arms tells ...` was printed: --arms requires 2 arguments."""
    folder = tmp_path / "with space" / "r"
    folder.parent.mkdir()
    write_run(folder, seeds=(0,), examples=60, repeats=4)
    write_analysis([folder], folder / "report", resamples=200)
    text = summary(summarize(read_runs([folder])), read_analysis(folder / "report"))
    commands = [shlex.split(found) for found in re.findall("`(xpareto [^`]*)`", text)]
    assert [words[1] for words in commands] == ["choose", "compare"]
    for words in commands:
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == 0, done.output


def test_without_a_decision_the_ending_says_why(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (run / "outcomes").rglob("*.npz"):
        file.unlink()
    write_analysis([run], run / "report", resamples=200)
    show_ending(run)
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "The baseline none/fp32/torch scores" in shown and "expected the outcomes of every example" in shown
    )
    assert "xpareto choose" in shown and "xpareto export" not in shown


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_of_the_ending_is_cut(
    width: int, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    show_ending(run)
    shown = capsys.readouterr().out
    told, (command, *_) = " ".join(answer_lines(run)), dict(next_lines(run)).values()
    assert " ".join(told.split()) in " ".join(shown.split())
    assert f"  {command}\n" in shown  # on one line, however narrow: it is there to be copied
    assert all(len(line.rstrip()) <= width for line in shown.splitlines() if not line.startswith("  "))
