"""A run whose rows hold NaN or Infinity: report, choose, diff and compare take such a row as a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.pipelines.made_up_run import write_run
from xpareto.eval.analyses.requirements import Requirements
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.choose import choose_run
from xpareto.pipelines.runs.compare_arms import compare_run
from xpareto.pipelines.runs.diff import diff_runs
from xpareto.pipelines.storage.run_folder import RunFolder

FP32, ONNX, INT8 = "none/fp32/torch", "none/onnx/onnxruntime", "none/int8/onnxruntime"


def spoil(run: RunFolder, candidate: str, statistic: str, value: float, task: str | None = None) -> None:
    """Put a value that is not finite into rows, as a program other than this one would write it."""
    lines = []
    for line in run.rows_file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["candidate"] == candidate and row["statistic"] == statistic and task in (None, row["task"]):
            row["value"] = value
        lines.append(json.dumps(row) + "\n")
    run.rows_file.write_text("".join(lines), encoding="utf-8")


def made(folder: Path, arms: tuple[str, ...] = ("none",)) -> RunFolder:
    return write_run(folder, arms=arms, seeds=(0,), examples=60, repeats=2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_latency_that_is_no_number_fits_no_limit(tmp_path: Path, value: float) -> None:
    run = made(tmp_path / "r")
    spoil(run, INT8, "latency", value)
    found = choose_run(run, Requirements({"p95_ms": 500.0}, resamples=200, folds=0))
    assert INT8 not in found.fits and set(found.fits) == {FP32, ONNX}
    assert found.rejected[INT8][0].found is None


def test_what_is_left_of_a_failed_probe_shows_no_limit_to_hold(tmp_path: Path) -> None:
    """The latency of the other tasks is not the worst one where a task's is unknown."""
    run = made(tmp_path / "r")
    rows = [json.loads(line) for line in run.rows_file.read_text(encoding="utf-8").splitlines()]
    more = [row | {"task": "udpos"} for row in rows if row["statistic"] == "latency"]
    with run.rows_file.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in more)
    requirements = Requirements({"p95_ms": 500.0}, resamples=200, folds=0)
    assert INT8 in choose_run(run, requirements).fits
    spoil(run, INT8, "latency", float("nan"), task="udpos")
    assert INT8 not in choose_run(run, requirements).fits


@pytest.mark.parametrize("statistic", ["latency", "accuracy", "f1"])
def test_a_report_is_written_and_names_the_failure(tmp_path: Path, statistic: str) -> None:
    run = made(tmp_path / "r")
    spoil(run, INT8, statistic, float("inf"))
    shown = CliRunner().invoke(app, ["report", str(run.path)])
    assert shown.exit_code == 0, shown.output
    text = (run.path / "report" / "summary.md").read_text(encoding="utf-8")
    assert "value is inf" in text
    analysis = json.loads((run.path / "report" / "analysis.json").read_text(encoding="utf-8"))
    assert "unavailable" not in analysis


def test_a_diff_and_a_comparison_take_it_as_lost(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    spoil(b, INT8, "accuracy", float("nan"))
    assert INT8 in diff_runs(a, b, resamples=200).lost
    both = made(tmp_path / "c", arms=("none", "english"))
    spoil(both, "english/int8/onnxruntime", "latency", float("nan"))
    found = compare_run(both, "none", "english", 1.0, 200, 0)
    json.loads(found.as_json())
    assert found.variants
