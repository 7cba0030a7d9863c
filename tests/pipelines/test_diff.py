"""xpareto diff on pairs of made-up runs whose difference is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from compress.errors import InputError
from eval.records import append_rows, read_rows
from pipelines.cli import app
from pipelines.diff_view import notes
from pipelines.differing import diff_runs
from pipelines.runfolder import RunFolder
from tests.pipelines.made_up_run import write_run

FP32, INT8 = "none/fp32/torch", "none/int8/onnxruntime"


def level(points: float) -> Any:
    return lambda arm, name, seed: points


def made(folder: Path, points: float = 70.0, **more: Any) -> RunFolder:
    return write_run(
        folder, level(points), **({"arms": ("none",), "seeds": (0,), "examples": 600, "repeats": 3} | more)
    )


def slowed(run: RunFolder, factor: float) -> None:
    rows = list(read_rows(run.rows_file))
    run.rows_file.unlink()
    append_rows(
        run.rows_file,
        [
            type(row)(**{**vars(row), "value": (row.value or 0) * factor})
            if row.statistic == "latency"
            else row
            for row in rows
        ],
    )


def diff(a: RunFolder, b: RunFolder, **more: Any) -> dict[str, Any]:
    return diff_runs(a, b, **({"resamples": 400} | more))


def test_a_run_has_no_regression_against_itself(tmp_path: Path) -> None:
    run = made(tmp_path / "a")
    found = diff(run, run)
    assert found["regressions"] == [] and all(found["paired"].values())
    own = found["candidates"][INT8]
    assert own["average"]["difference"] == 0 and own["average"]["verdict"] == "equivalent"
    assert own["costs"]["size_bytes"]["verdict"] == own["costs"]["latency_ms"]["verdict"] == "equivalent"


def test_a_loss_of_five_points_is_a_regression_and_its_reverse_is_none(tmp_path: Path) -> None:
    good, poor = made(tmp_path / "a", 75.0), made(tmp_path / "b", 70.0)
    found = diff(good, poor)
    assert {(own["candidate"], own["what"]) for own in found["regressions"]} >= {
        (FP32, "average"), (INT8, "average"), (FP32, "tasks"), (FP32, "languages"),
    }  # fmt: skip
    contrast = found["candidates"][FP32]["average"]
    assert contrast["verdict"] == "worse" and contrast["low"] < -3.75 < contrast["high"]
    back = diff(poor, good)
    assert back["regressions"] == []
    assert back["candidates"][FP32]["average"]["verdict"] == "better"
    assert back["candidates"][FP32]["average"]["difference"] == pytest.approx(-contrast["difference"])


def test_the_tolerance_decides_what_counts(tmp_path: Path) -> None:
    good, poor = made(tmp_path / "a", 75.0), made(tmp_path / "b", 70.0)
    assert diff(good, poor, tolerance=12.0)["regressions"] == []
    assert diff(good, poor, tolerance=12.0)["candidates"][FP32]["average"]["verdict"] == "equivalent"


def test_pairing_sees_what_independent_examples_hide(tmp_path: Path) -> None:
    a = made(tmp_path / "a")
    b = made(tmp_path / "b", 69.0)
    paired = diff(a, b)["candidates"][FP32]["average"]
    listing = json.loads((b.path / "candidates.json").read_text())
    for facts in listing["tasks"].values():
        facts["limit"] = 600
    (b.path / "candidates.json").write_text(json.dumps(listing))
    found = diff(a, b)
    assert not any(found["paired"].values()) and "not paired" in " ".join(notes(found))
    apart = found["candidates"][FP32]["average"]
    assert apart["difference"] == pytest.approx(paired["difference"])
    assert apart["se_examples"] > 1.5 * paired["se_examples"]


def test_fingerprints_tell_other_files_of_the_same_name(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    for run, mark in ((a, "one"), (b, "two")):
        listing = json.loads((run.path / "candidates.json").read_text())
        for name, facts in listing["tasks"].items():
            facts["fingerprints"] = dict.fromkeys(facts["languages"], mark if name == "xnli" else "same")
        (run.path / "candidates.json").write_text(json.dumps(listing))
    assert diff(a, b)["paired"] == {"xnli": False, "udpos": True, "tatoeba": True}


def test_a_slower_candidate_is_a_regression_beyond_the_noise(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    slowed(b, 1.3)
    found = diff(a, b)
    assert {(own["what"], own["name"]) for own in found["regressions"]} == {("costs", "latency_ms")}
    contrast = found["candidates"][INT8]["costs"]["latency_ms"]
    assert contrast["ratio"] == pytest.approx(1.3) and contrast["ratio_low"] < 1.3 < contrast["ratio_high"]
    assert contrast["noise"] == ["blocks", "blocks"]
    assert diff(b, a)["regressions"] == []
    assert diff(b, a)["candidates"][INT8]["costs"]["latency_ms"]["verdict"] == "better"


def test_a_candidate_that_failed_since_is_a_regression(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b", without=(INT8,))
    found = diff(a, b)
    assert found["regressions"][0] == {"candidate": INT8, "what": "lost", "name": found["lost"][INT8]}
    assert INT8 not in found["candidates"]
    assert diff(b, a)["regressions"] == []


def test_what_only_one_run_has_is_named(tmp_path: Path) -> None:
    a = made(tmp_path / "a", arms=("none", "english"))
    b = made(tmp_path / "b", tasks={"xnli": ("en", "de"), "udpos": ("en",)})
    found = diff(a, b)
    assert found["tasks"] == {"xnli": ["en", "de"], "udpos": ["en"]}
    assert found["only_in_a"] == [
        f"english/{v}" for v in ("fp32/torch", "onnx/onnxruntime", "int8/onnxruntime")
    ]
    assert found["only_in_b"] == []


def test_the_command_ends_with_a_code_for_machines(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 75.0), made(tmp_path / "b", 70.0)
    words = ["diff", str(a.path), str(b.path), "--resamples", "200"]
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert shown.exit_code == 1, shown.output
    assert "regressions beyond the tolerance" in shown.output and "worse" in shown.output
    same = CliRunner().invoke(app, ["diff", str(a.path), str(a.path), "--json", "--resamples", "200"])
    assert same.exit_code == 0 and json.loads(same.stdout)["regressions"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tolerance": 0.0}, "--tolerance: expected points above 0"),
        ({"cost_tolerance": -1.0}, "--cost-tolerance"),
        ({"resamples": 1}, "--resamples"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_wrong_arguments_are_explained(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    run = made(tmp_path / "a", examples=20)
    with pytest.raises(InputError, match=words):
        diff(run, run, **options)


def test_runs_with_nothing_in_common_are_explained(tmp_path: Path) -> None:
    a = made(tmp_path / "a", examples=20)
    with pytest.raises(InputError, match="No candidate has the same name"):
        diff(a, made(tmp_path / "b", examples=20, arms=("english",)))
    with pytest.raises(InputError, match="no task with a split and a language in common"):
        diff(a, made(tmp_path / "c", examples=20, tasks={"pawsx": ("en",)}))
