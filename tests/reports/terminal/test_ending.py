"""A run ends with what to deploy, how sure that is, and what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.made_up_run import write_run
from xpareto.pipelines.runs.report import write_analysis
from xpareto.reports.terminal.ending import answer_lines, next_lines, show_ending


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "20260101T000000Z-made-up"
    folder.mkdir(parents=True)
    write_run(folder, seeds=(0,), examples=150, arms=("none",), repeats=4)
    write_analysis([folder], folder / "report", resamples=200)
    return folder


def test_the_answer_names_both_sides_and_the_uncertainty(run: Path) -> None:
    answer, *sure = answer_lines(run)
    assert answer.startswith("Deploy none/onnx/onnxruntime: ") and "quicker" in answer
    assert "than none/fp32/torch" in answer and "95 %" in answer
    assert "variants are shown to lose at most 1 point" in sure[0]
    assert "One training seed: what another training would score is not known." in sure


def test_what_comes_next_can_be_given_as_it_stands(run: Path) -> None:
    commands = dict(next_lines(run))
    assert list(commands.values()) == [
        f"xpareto export {run} none/onnx/onnxruntime exported",
        f"xpareto choose {run} --max-drop 1",
        f"{run}/report/index.html",
    ]


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
