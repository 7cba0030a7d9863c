"""What trackers are told of a run, that they are told it once, and that nothing is lost where they cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.reports.analysed_run import analysed_run, read, reported
from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.documents.summary import NO_ANALYSIS
from xpareto.pipelines.api import Run
from xpareto.pipelines.cli import app
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.pipelines.trackers import _tracker, mlflow, trackio
from xpareto.pipelines.trackers._tracked import Tracked, tracked

INT8 = "none/int8/onnxruntime"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run with its report."""
    path = analysed_run(tmp_path / "runs" / "made", arms=("none",), seeds=(0,), repeats=1)
    (path / "recipe.yaml").write_text("name: made-up\n")
    reported(path, path / "report")
    return path


def told(run: Path) -> Tracked:
    return tracked(RunFolder(run), *read(run, run / "report"), 1_000)


def test_a_candidate_is_its_fields_its_objectives_and_every_metric_by_language(run: Path) -> None:
    found = told(run)
    assert (found.name, found.experiment, found.params["base"]) == ("made", "made-up", "some-base")
    assert found.metrics == {"candidates": 3.0, "failed": 0.0}
    (int8,) = [candidate for candidate in found.candidates if candidate.name == INT8]
    assert {
        "arm": "none",
        "stage": "int8",
        "runtime": "onnxruntime",
        "seed": "0",
    }.items() <= int8.params.items()
    assert int8.params["onnx.step"] == "export_onnx" and int8.params["onnx.opset"] == "20"
    run_summary, analysis = read(run, run / "report")
    for objective in ("score", "latency_ms", "size_bytes"):
        assert int8.metrics[objective] == run_summary.values[INT8][objective]
    cell = run_summary.cells[INT8]["tatoeba", "sw"].score
    assert cell is not None and int8.metrics["tatoeba/accuracy/sw"] == cell.value
    assert int8.metrics["score_change"] == run_summary.gain(INT8)
    (german,) = [entry for entry in analysis.drift if (entry.task, entry.language) == ("tatoeba", "de")]
    drifted = german.values["cosine"][analysis.names.index(INT8)]
    assert drifted is not None and int8.metrics["tatoeba/drift_cosine/de"] == drifted.value > 0


def test_without_an_analysis_no_drift_is_told(run: Path) -> None:
    run_summary, _ = read(run, run / "report")
    found = tracked(RunFolder(run), run_summary, NO_ANALYSIS, 0)
    assert found.deploy == "" and not any("drift" in name for one in found.candidates for name in one.metrics)


class Client:
    """What of MLflow's client the tracker calls, in memory."""

    tracking_uri = "memory"

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, Any] = {}
        self.logged: list[tuple[str, str]] = []
        self.artifacts: list[str] = []
        self.ended: dict[str, str] = {}

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=self.experiments[name]) if name in self.experiments else None

    def create_experiment(self, name: str) -> str:
        return self.experiments.setdefault(name, str(len(self.experiments)))

    def search_runs(self, experiments: list[str], filter_string: str, page_token: str | None) -> Any:
        name = filter_string.split("'")[1]
        places = [at for at, one in enumerate(self.runs.values()) if one.data.tags["xpareto.run"] == name]
        begin = int(page_token or 0)  # pages of two

        class Page(list):
            token = str(begin + 2) if begin + 2 < len(places) else None

        return Page(list(self.runs.values())[at] for at in places[begin : begin + 2])

    def create_run(self, place: str, start_time: int, tags: Mapping[str, str], name: str) -> Any:
        data = SimpleNamespace(params={}, metrics={}, tags=dict(tags), name=name)
        made = SimpleNamespace(info=SimpleNamespace(run_id=str(len(self.runs))), data=data)
        self.runs[made.info.run_id] = made
        return made

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
        assert len(params) <= 100 and len(metrics) <= 1000
        data = self.runs[run_id].data
        for kind, kept, given in (("param", data.params, params), ("metric", data.metrics, metrics),
                                  ("tag", data.tags, tags)):  # fmt: skip
            for one in given:
                assert kind != "param" or one.key not in kept, "a parameter is written once"
                kept[one.key] = one.value
                self.logged.append((kind, one.key))

    def log_artifacts(self, run_id: str, folder: str, place: str) -> None:
        self.artifacts += [f"{place}/{file.name}" for file in Path(folder).iterdir()]

    def log_artifact(self, run_id: str, file: str) -> None:
        self.artifacts.append(Path(file).name)

    def set_terminated(self, run_id: str, status: str, end_time: int) -> None:
        self.ended[run_id] = status


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client that stands in for MLflow's, whether that is installed or not."""
    made, package, entities = Client(), ModuleType("mlflow"), ModuleType("mlflow.entities")
    package.MlflowClient = lambda: made  # type: ignore[attr-defined]
    for name in ("Metric", "Param", "RunTag"):
        setattr(entities, name, lambda key, value, *when: SimpleNamespace(key=key, value=value))
    monkeypatch.setitem(sys.modules, "mlflow", package)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    return made


def test_mlflow_has_a_run_and_a_nested_one_for_each_candidate(run: Path, client: Client) -> None:
    found = told(run)
    said = mlflow.TRACKER.track(found)
    assert "experiment made-up, run made (0), at memory" in said
    parent, *children = client.runs.values()
    assert "mlflow.parentRunId" not in parent.data.tags and parent.data.metrics["candidates"] == 3
    assert [child.data.tags["xpareto.candidate"] for child in children] == [c.name for c in found.candidates]
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {"0"}
    for child, candidate in zip(children, found.candidates, strict=True):
        assert child.data.params == dict(candidate.params)
        assert child.data.metrics == dict(candidate.metrics)
    assert set(client.ended.values()) == {"FINISHED"}
    assert {"report/index.html", "report/scores.csv", "report/drift.csv", "recipe.yaml"} <= set(
        client.artifacts
    )
    assert parent.data.tags["xpareto.deploy"] == found.deploy != ""


def test_what_is_tracked_twice_is_updated(run: Path, client: Client) -> None:
    mlflow.TRACKER.track(told(run))
    client.logged.clear()
    mlflow.TRACKER.track(told(run))
    assert len(client.runs) == 4 and client.logged == []
    found = told(run)
    changed = found.candidates[0].metrics | {"score": 1.0}
    first = found.candidates[0].__class__(found.candidates[0].name, found.candidates[0].params, changed, True)
    mlflow.TRACKER.track(Tracked(**{**vars(found), "candidates": (first, *found.candidates[1:])}))
    assert client.logged == [("metric", "failed"), ("metric", "score")] and client.ended["1"] == "FAILED"


def test_an_unknown_tracker_and_a_missing_library_are_told_with_what_to_do(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match='Expected mlflow and trackio, found "mlfow"'):
        _tracker.tracker("mlfow")

    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(_tracker, "import_module", missing)
    with pytest.raises(
        InputError, match=r"install it: pip install 'xpareto\[trackio\]' \(No module named 'trackio'\)"
    ):
        Run.open(run).track("trackio")


def test_where_it_cannot_be_told_the_run_stays_and_the_command_says_how_to_go_on(
    run: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(name: str) -> None:
        raise ConnectionError("no route to the server\nmore of it")

    monkeypatch.setattr(client, "get_experiment_by_name", down)
    before = {file: file.stat().st_mtime_ns for file in run.rglob("*")}
    with pytest.raises(
        InputError, match=rf"no route to the server\. Nothing .* xpareto track {run} --to mlflow"
    ):
        Run.open(run).track("mlflow")
    assert {file: file.stat().st_mtime_ns for file in run.rglob("*")} == before


def test_a_run_without_a_report_is_refused(run: Path, client: Client) -> None:
    (run / "report" / "index.html").unlink()
    with pytest.raises(InputError, match=r"found none\. Write it: xpareto report"):
        Run.open(run).track("mlflow")


def test_the_command_tells_where_it_is(run: Path, client: Client) -> None:
    done = CliRunner().invoke(app, ["track", "made", "--to", "mlflow", "--runs", str(run.parent)])
    assert done.exit_code == 0 and "MLflow: experiment made-up, run made" in done.output


def test_a_run_is_not_begun_for_a_tracker_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", "demo", "--track", "wandb", "--out", str(tmp_path / "runs")])
    assert isinstance(done.exception, InputError) and not (tmp_path / "runs").exists()


def track_twice(run: Path, to: str, **environment: str) -> None:
    """Run the command twice in processes of their own."""
    for _ in range(2):
        command = [sys.executable, "-m", "xpareto.pipelines", "track", str(run), "--to", to]
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            cwd=run.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.filterwarnings("default")  # its own
def test_a_real_mlflow_has_it_once_in_a_file(run: Path, tmp_path: Path) -> None:
    package = pytest.importorskip("mlflow", reason="mlflow is not installed: pip install 'xpareto[mlflow]'")
    pytest.importorskip("sqlalchemy", reason="without sqlalchemy MLflow keeps nothing offline")
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    track_twice(run, "mlflow", MLFLOW_TRACKING_URI=address)
    found, kept = told(run), package.MlflowClient(address)
    runs = kept.search_runs([kept.get_experiment_by_name("made-up").experiment_id])
    assert len(runs) == 4 and {one.info.status for one in runs} == {"FINISHED"}
    by_name = {one.data.tags.get("xpareto.candidate", ""): one for one in runs}
    for candidate in found.candidates:
        data = by_name[candidate.name].data
        assert data.params == dict(candidate.params)
        assert data.metrics == pytest.approx(dict(candidate.metrics))
        assert len(kept.get_metric_history(by_name[candidate.name].info.run_id, "score")) == 1
    files = {file.path for file in kept.list_artifacts(by_name[""].info.run_id, "report")}
    assert {"report/index.html", "report/drift.csv"} <= files


def test_a_real_trackio_has_it_once(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trackio", reason="trackio is not installed: pip install 'xpareto[trackio]'")
    assert trackio.TRACKER.needs == "trackio"
    for name in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    track_twice(run, "trackio", TRACKIO_DIR=str(tmp_path / "trackio"))
    script = (
        "import json, trackio; from trackio.sqlite_storage import SQLiteStorage as S; "
        "print(json.dumps({one.name: [len(S.get_logs('made-up', one.name)), one.config['_Group'], "
        "S.get_logs('made-up', one.name)[0].get('score')] for one in trackio.Api().runs('made-up')}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    kept = json.loads(done.stdout.splitlines()[-1])
    expected: dict[str, Any] = {"made": [1, "made", None]}
    for candidate in told(run).candidates:
        expected[f"made/{candidate.name}"] = [1, "made", candidate.metrics["score"]]
    assert kept == expected
