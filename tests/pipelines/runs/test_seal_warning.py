"""A sealed run that lost rows is read all the same, and every command that reads it says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.pipelines.made_up_run import write_run
from xpareto.eval.results.integrity import changed_since_seal
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.compare_arms import compare_run
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.pipelines.storage.store import Store

COMMANDS = {
    "report": [],
    "choose": ["--resamples", "200", "--folds", "0"],
    "compare": ["--arms", "none", "english", "--resamples", "200"],
    "diff": ["--resamples", "200"],
}


def sealed(folder: Path) -> RunFolder:
    run = write_run(folder, seeds=(0,), examples=60)
    run.seal()
    return run


def truncate(run: RunFolder) -> None:
    """Take the last rows away, and half of one, as a copy that was cut off would."""
    text = run.rows_file.read_text(encoding="utf-8")
    run.rows_file.write_text(text[: len(text) * 9 // 10], encoding="utf-8")


def shown(command: str, run: RunFolder, other: Path) -> tuple[int, str]:
    words = [command, str(run.path), *([str(other)] if command == "diff" else []), *COMMANDS[command]]
    result = CliRunner().invoke(app, words)
    assert result.exit_code in (0, 1), result.output
    return result.exit_code, result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_what_differs_from_the_seal_is_told_on_standard_error(tmp_path: Path, command: str) -> None:
    run, other = sealed(tmp_path / "r"), sealed(tmp_path / "other")
    assert shown(command, run, other.path)[1] == ""
    truncate(run)
    told = shown(command, run, other.path)[1]
    assert "warning:" in told and "measurements.jsonl differs from the run's seal" in told
    assert f"xpareto verify {run.path}" in told and str(other.path) not in told


def test_the_report_and_the_comparison_have_a_caveat(tmp_path: Path) -> None:
    run = sealed(tmp_path / "r")
    title = "This run's measurements differ from its seal"
    summary = run.path / "report" / "summary.md"
    shown("report", run, run.path)
    assert title not in summary.read_text(encoding="utf-8")
    truncate(run)
    shown("report", run, run.path)
    assert title in summary.read_text(encoding="utf-8")
    assert "changed" in {own.key for own in compare_run(run, "none", "english", 1.0, 200, 0).caveats}


def test_only_what_was_sealed_can_differ(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", seeds=(0,), examples=20)
    truncate(run)
    assert changed_since_seal(run.path) == ()  # still at work
    run.seal()
    assert changed_since_seal(run.path) == ()
    listing = run.read_json("candidates.json") | {"description": "another"}
    (run.path / "candidates.json").write_text(json.dumps(listing), encoding="utf-8")
    assert changed_since_seal(run.path) == ("candidates.json",)
    (run.path / "SEAL.json").write_text("{", encoding="utf-8")
    assert changed_since_seal(run.path) == ("SEAL.json",)


def test_outcomes_that_are_gone_are_told(tmp_path: Path) -> None:
    run = sealed(tmp_path / "r")
    next((run.path / "outcomes").rglob("*.npz")).unlink()
    assert changed_since_seal(run.path) == ("outcomes/",)
    result = CliRunner().invoke(app, ["choose", str(run.path), *COMMANDS["choose"]])
    assert "outcomes/ differs from the run's seal" in result.stderr


def test_a_report_without_intervals_says_why(tmp_path: Path) -> None:
    run = sealed(tmp_path / "r")
    damaged = next((run.path / "outcomes").rglob("*.npz"))
    damaged.write_bytes(b"no zip")
    told = shown("report", run, run.path)[1]
    assert (
        f"warning: The report has no intervals and no decision: {damaged}: expected arrays of outcomes"
        in told
    )
    assert "found a file that is damaged. Repeat the run." in told and "pickle" not in told


def test_a_run_without_a_seal_is_told(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", seeds=(0,), examples=60)
    assert "no SEAL.json: the run has not finished, or the file is lost" in shown("choose", run, run.path)[1]


def test_a_run_that_is_compared_with_itself_is_told(tmp_path: Path) -> None:
    run = sealed(tmp_path / "r")
    assert "RUN_A and RUN_B are the same run" in shown("diff", run, run.path)[1]


@pytest.mark.parametrize("command", ["run demo --set 'tasks=[xnli]'", None])
def test_of_a_stopped_run_the_command_that_goes_on_is_told_once(tmp_path: Path, command: str | None) -> None:
    run = write_run(tmp_path / "r", seeds=(0,), examples=20)
    told = f"This goes on with the run: {command}" if command else "The command that made the run goes on"
    run.write_json(
        "plan.json",
        run.read_json("plan.json")
        | {"options": {"command": command, "store": str(Store(tmp_path / "s").root)}},
    )
    assert shown("diff", run, run.path)[1].count(told) == 1
    (run.path / "candidates.json").unlink()
    for words in (["choose"], ["verify"], ["export"], ["diff", str(run.path)]):
        more = {"choose": COMMANDS["choose"], "export": ["none", str(tmp_path / "out")]}.get(words[0], [])
        result = CliRunner().invoke(app, [words[0], str(run.path), *words[1:], *more])
        assert result.exception is not None and (str(result.exception) + result.stderr).count(told) == 1
