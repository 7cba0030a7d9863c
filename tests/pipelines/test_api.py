"""From Python: a recipe of Python objects is planned and run, and its run asked, as the command line does it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xpareto.eval.records import Measurement
from xpareto.pipelines import InputError, Requirements, Run, Status, plan, run

RECIPE: dict[str, Any] = {
    "xpareto": 1,
    "name": "from-python",
    "base": "embedded",
    "data": "embedded",
    "tasks": ["tatoeba"],
    "languages": ("de", "el"),  # a tuple is a list
    "seeds": [0],
    "steps": [{"step": "export_onnx", "label": "onnx"}, {"step": "quantize_dynamic", "label": "int8"}],
    "runtimes": ["onnxruntime"],
    "measure": {"probes": ["accuracy", "size"], "limit": 20},
    "objectives": ["score", "size_bytes"],
}
FULL, SMALL = "main/onnx/onnxruntime", "main/int8/onnxruntime"


@pytest.fixture(scope="module")
def told() -> list[Status]:
    return []


@pytest.fixture(scope="module")
def done(told: list[Status], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("python")
    return run(
        RECIPE,
        overrides={"measure.limit": 30},
        store=folder / "store",
        runs=folder / "runs",
        progress=told.append,
    )


def xpareto(*words: object) -> str:
    command = [sys.executable, "-P", "-m", "xpareto.pipelines", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_plan_tells_what_would_run(tmp_path: Path) -> None:
    ready = plan(RECIPE, overrides=["runtimes=[onnxruntime]"], store=tmp_path)
    assert [one.name for one in ready.plan.candidates] == [FULL, SMALL]
    assert ready.checked.recipe.languages == ["de", "el"]


def test_progress_is_told_and_nothing_failed(done: Run, told: list[Status]) -> None:
    assert not done.failed and (done.report / "index.html").is_file()
    assert {f"accuracy of {SMALL}", "report"} <= {status.what for status in told}
    assert [status.number for status in told] == sorted(status.number for status in told)
    assert told[-1].number == told[-1].total


def test_frames_hold_what_was_measured(done: Run) -> None:
    candidates, scores, rows = done.candidates(), done.scores(), done.measurements()
    assert list(candidates["candidate"]) == [FULL, SMALL] and list(candidates["baseline"]) == [True, False]
    assert list(scores.columns) == [
        "candidate", "task", "language", "status", "score", "half_width", "examples",
    ]  # fmt: skip
    assert len(scores) == 4 and set(scores["examples"]) == {30} and set(scores["status"]) == {"ok"}
    mean = scores.groupby("candidate")["score"].mean()
    np.testing.assert_allclose(candidates["score"], mean[candidates["candidate"]])
    found = rows[(rows["probe"] == "accuracy") & (rows["statistic"] == "accuracy")]
    np.testing.assert_allclose(found["value"], scores["score"])
    assert list(rows.columns) == [field.name for field in fields(Measurement)]


def test_the_frontier_is_ordered_by_cost(done: Run) -> None:
    frontier = done.frontier("size_bytes")
    assert frontier["size_bytes"].is_monotonic_increasing and frontier["score"].is_monotonic_increasing
    assert set(frontier["candidate"]) <= {FULL, SMALL} and SMALL in set(frontier["candidate"])
    with pytest.raises(InputError, match="expected two objectives of score, size_bytes, found latency_ms"):
        done.frontier("latency_ms")


def test_choosing_and_exporting_are_those_of_the_command_line(done: Run, tmp_path: Path) -> None:
    chosen = done.choose(Requirements({"max_drop": 100.0}, prefer="size"))
    answer = xpareto("choose", done.path, "--max-drop", 100, "--prefer", "size", "--json")
    assert json.loads(answer) == json.loads(chosen.as_json())
    assert chosen.chosen is not None and chosen.chosen.candidate == SMALL
    (folder,) = done.export(chosen.chosen.candidate, tmp_path / "python")
    xpareto("export", done.path, "main/int8", tmp_path / "command")
    files = {name for name in folder.rglob("*") if name.is_file()}
    assert folder / "model.onnx" in files
    for file in files:
        assert (
            file.read_bytes() == (tmp_path / "command" / file.relative_to(tmp_path / "python")).read_bytes()
        )


def test_an_open_run_is_the_same(done: Run) -> None:
    again = Run.open(runs=done.path.parent)
    assert again.path.samefile(done.path) and again.candidates().equals(done.candidates())
    with pytest.raises(InputError, match='No run "other"'):
        Run.open("other", runs=done.path.parent)


def test_the_report_says_how_to_repeat_it(done: Run) -> None:
    kept = json.loads((done.path / "plan.json").read_text())["options"]
    assert kept["command"] == "xpareto run recipe.yaml --set measure.limit=30"
    ready = plan(done.path / "recipe.yaml", store=done.store or Path())
    assert ready.plan.key == json.loads((done.path / "plan.json").read_text())["key"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ["tatoebaa"]}, 'recipe: tasks.0: unknown task "tatoebaa". Did you mean'),
        ({"seeds": [np.int64(1)]}, "recipe: expected text, numbers, true and false"),
        ({"measure": {"limit": float("nan")}}, "recipe"),
    ],
)
def test_a_wrong_recipe_is_told_without_lines(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        plan({**RECIPE, **change}, store=tmp_path)
    assert str(told.value).startswith(message)


def test_a_wrong_override_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="overrides: seeds: expected text, a number"):
        plan(RECIPE, overrides={"seeds": {1, 2}}, store=tmp_path)


def test_the_example_of_the_documentation_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[2] / "pipelines" / "README.md").read_text(encoding="utf-8")
    section = text.partition("## From Python\n")[2].partition("\n## ")[0]
    code = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    monkeypatch.chdir(tmp_path)
    quick = (
        'overrides={"measure.probes": ["accuracy", "latency"], "measure.limit": 9, "measure.seconds": 0.1}'
    )
    assert code.count("done = run(recipe,") == 1
    exec(
        code.replace("done = run(recipe,", f"done = run(recipe, {quick},"),
        {"MODEL": "embedded", "XTREME": "embedded"},
    )
    assert Run.open().frontier("latency_ms")["candidate"].str.startswith("main/").all()
