"""A quality objective is one file: it is shown beside the score, preferred and limited with a true interval."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.pipelines.made_up_run import LANGUAGES, write_run
from tests.tutorials import files
from xpareto.eval.analyses.summary import analyse
from xpareto.eval.objectives._objective import OBJECTIVES
from xpareto.eval.records.measurement import append_rows
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.run_results import read_run_results
from xpareto.eval.results.summary import SCORE, summarize
from xpareto.eval.statistics.scores import AVERAGE, Weights
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.diff import diff_runs
from xpareto.pipelines.runs.report import build_report
from xpareto.pipelines.storage.run_folder import RunFolder

NAME = "worst_language"  # see CONTRIBUTING.md
ONNX, INT8 = "none/onnx/onnxruntime", "none/int8/onnxruntime"


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the file into the catalogue, as if it lay in its package."""
    file = f"eval/objectives/{NAME}.py"
    module = ModuleType(f"{OBJECTIVES.package}.{NAME}")
    exec(compile(files("objective")[file], file, "exec"), vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(vars(OBJECTIVES), "names", (*OBJECTIVES.names, NAME))
    monkeypatch.setitem(vars(OBJECTIVES), "_packages", OBJECTIVES._packages | {NAME: OBJECTIVES.package})


def made(folder: Path, **options: Any) -> RunFolder:
    run = write_run(folder, **({"arms": ("none",), "seeds": (0,), "examples": 400} | options))
    file = folder / "candidates.json"
    listing = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(listing | {"objectives": [*listing["objectives"], NAME]}), "utf-8")
    return run


def choose(run: RunFolder, *words: str) -> dict[str, Any]:
    done = CliRunner().invoke(
        app, ["choose", str(run.path), "--resamples", "300", "--folds", "0", "--json", *words]
    )
    assert done.exit_code in (0, 3), done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_it_is_a_quality_and_no_cost(tmp_path: Path) -> None:
    found = summarize(read_runs([made(tmp_path / "r").path]))
    assert found.qualities == (NAME,) and NAME not in found.costs and found.shown[:2] == (SCORE, NAME)
    for candidate in found.run.candidates:
        by_language: dict[str, list[float]] = {}
        for (_, language), cell in found.cells[candidate.name].items():
            assert cell.score is not None
            by_language.setdefault(language, []).append(cell.score.value)
        lowest = min(sum(scores) / len(scores) for scores in by_language.values())
        assert found.value(candidate.name, NAME) == pytest.approx(lowest)
        assert found.on_frontier(candidate.name) == tuple(
            cost for cost in found.costs if candidate.name in found.frontiers[cost, SCORE]
        )


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_its_interval_is_that_of_the_paired_bootstrap_and_never_of_width_0(
    tmp_path: Path, seeds: tuple[int, ...]
) -> None:
    results = read_run_results(made(tmp_path / "r", seeds=seeds, repeats=4).path)
    document = analyse(results, 400)
    for at, (value, low, high) in enumerate(document.qualities[NAME].changes):
        assert (low < value < high) == (at != document.base)
    assert NAME not in document.costs and NAME not in document.objectives
    assert set(document.frontiers) == {"latency_ms", "size_bytes", "all"}


def test_its_draws_are_the_lowest_language_of_each_draw(tmp_path: Path) -> None:
    results = read_run_results(made(tmp_path / "r").path)
    table = results.table(200, Weights())
    place = table.quality_places[NAME]
    languages = list(table.language_places)
    rows = [results.run_summary.value(name, NAME) for name in results.names]
    assert table.points[:, place] == pytest.approx(rows)
    drawn = table.points[:, languages, None] + table.examples[:, languages]
    assert table.points[:, place, None] + table.examples[:, place] == pytest.approx(
        drawn.min(axis=1), abs=1e-4
    )
    change = drawn.min(axis=1)[1:] - drawn.min(axis=1)[:1]
    halves = [
        (high - low) / 2
        for _, low, high in results.quality_changes(table, results.systems(True), 0)[NAME][1:]
    ]
    assert halves == pytest.approx((1.96 * change.std(axis=1, ddof=1)).tolist(), rel=0.05)
    score = table.quantity(AVERAGE)
    assert np.array_equal(score.points, table.points[:, AVERAGE]) and score.draws.shape == (3, 200)


def test_it_can_be_preferred_and_limited_by_options_that_follow_from_it(tmp_path: Path) -> None:
    run = made(tmp_path / "r")
    preferred = choose(run, "--prefer", NAME)
    assert preferred["chosen"]["name"] == ONNX  # equal to fp32 but for chance, and quicker
    assert preferred["rule"].startswith(
        "Of the variants that meet every limit: the best score of the worst language, then the least latency"
    )
    quality = preferred["runner_up"]["qualities"][NAME]
    assert quality["change"][1] <= quality["change"][0] <= quality["change"][2]
    assert choose(run, "--prefer", "latency_ms")["chosen"]["name"] == INT8
    limited = choose(run, "--lowest-drop", "2")
    (broken,) = limited["rejected"][INT8]
    assert broken["limit_name"] == "lowest_drop" and 2 < broken["value"] < broken["upper"]
    assert limited["chosen"]["name"] == ONNX
    told = CliRunner().invoke(app, ["choose", str(run.path), "--lowest-drop", "20", "--folds", "0"]).output
    assert "score of the worst language" in told and "loss of the worst language" in told


def test_a_run_that_does_not_name_it_can_be_asked_for_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", arms=("none",), seeds=(0,), examples=400)
    assert choose(run, "--prefer", NAME)["chosen"]["name"] == ONNX
    assert analyse(read_run_results(run.path), 200).qualities == {}


def test_every_form_of_report_shows_it_beside_the_score(tmp_path: Path) -> None:
    run = made(tmp_path / "r")
    files = {file.name: file.read_text("utf-8") for file in build_report([run.path], tmp_path / "out")
             if file.suffix in (".html", ".md", ".csv", ".json")}  # fmt: skip
    title = OBJECTIVES.load(NAME).title
    assert title in files["index.html"] and f"{title} (%)" in files["summary.md"]
    (row,) = [line for line in files["summary.md"].splitlines() if line.startswith(f"| `{INT8}` |")][:1]
    scores, change = row.split("|")[4:6]
    assert float(scores) > 0 and " to " in change
    assert f"{NAME} (percent)" in files["candidates.csv"]


def test_diff_compares_it_between_runs_by_the_paired_bootstrap(tmp_path: Path) -> None:
    """The same seed makes the same examples; the second run loses ten points in every language."""
    first, second = made(tmp_path / "a"), made(tmp_path / "b", truth=lambda *_: 60.0)
    document = diff_runs(first, second, resamples=300)
    for name in (ONNX, INT8):
        quality = document.candidates[name].qualities[NAME]
        assert quality.low < quality.difference < quality.high < 0 and quality.se_examples > 0
        assert quality.verdict == "worse"
    assert {change.name for change in document.regressions if change.what == "qualities"} == {NAME}
    same = diff_runs(first, first, resamples=300)
    assert all(changes.qualities[NAME].difference == 0 for changes in same.candidates.values())
    assert not any(change.what == "qualities" for change in same.regressions)


def test_it_is_0_for_sure_only_where_predictions_are_the_same(tmp_path: Path) -> None:
    run = made(tmp_path / "r")
    for name in ("none/fp32/torch", ONNX):
        for kind in ("outcomes", "predictions"):
            (run.path / kind / name.replace("/", "__")).mkdir(parents=True, exist_ok=True)
    source, target = (run.path / "outcomes" / n.replace("/", "__") for n in ("none/fp32/torch", ONNX))
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    rows = [row for row in run.rows() if not (row.candidate == ONNX and row.probe == "accuracy")]
    copies = [
        replace(row, candidate=ONNX)
        for row in rows
        if row.candidate == "none/fp32/torch" and row.probe == "accuracy"
    ]
    run.rows_file.unlink()
    append_rows(run.rows_file, [*rows, *copies])

    def change() -> list[float]:
        results = read_run_results(run.path)
        return results.quality_changes(results.table(200, Weights()), results.systems(True), 0)[NAME][1]

    value, low, high = change()
    assert low < value == 0 < high  # alike on these examples; on the next one who knows
    for name, languages in LANGUAGES.items():
        answers = json.dumps({code: ["a"] * 400 for code in languages})
        for candidate in ("none/fp32/torch", ONNX):
            kept = run.path / "predictions" / candidate.replace("/", "__") / f"accuracy-0-{name}.json"
            kept.write_text(answers, encoding="utf-8")
    assert change() == [0.0, 0.0, 0.0]
