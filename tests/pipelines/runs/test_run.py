"""The whole spine on the embedded data, with a model so small that it takes seconds."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from xpareto.eval.results.document import read_document
from xpareto.eval.results.provenance import efforts

RECIPE = """\
xpareto: 1
name: tiny
description: A test.
base: BASE
data: embedded
tasks: [udpos, xnli, tatoeba]
languages: [en, de, zh]
steps:
  - {step: train, label: fp32, on: each, max_steps: 6, batch_size: 16, learning_rate: 1e-3, dev_limit: 40}
  - {step: export_onnx, label: onnx}
  - {step: quantize_dynamic, label: int8}
arms:
  mnli:
    - {step: train, label: intermediate, on: mnli, max_steps: 4, batch_size: 16, dev_limit: 40}
runtimes: [torch, onnxruntime]
measure: {limit: 12, seconds: 0.1, latency_samples: 10, threads: 1, probes: [accuracy, size, memory, latency, energy],
  blocks: 2, retries: 0}
"""


QUICK = "measure.probes=[accuracy, size]"


def write_recipe(folder: Path, base: Path) -> Path:
    file = folder / "tiny.yaml"
    file.write_text(RECIPE.replace("BASE", str(base)), encoding="utf-8")
    return file


def xpareto(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xpareto.pipelines", *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[3])},
    )


def facts(run: Path) -> list[tuple[object, ...]]:
    """Return the rows of a run without what the clock or the run's name decides."""
    found = []
    for line in (run / "measurements.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        exact = row["basis"] == "exact"
        value, examples = (row["value"], row["examples"]) if exact else (None, None)
        found.append((row["candidate"], row["probe"], row["task"], row["language"], row["statistic"],
                      row["component"], row["artifact"], row["status"], examples, value))  # fmt: skip
    return sorted(found, key=repr)


def events(run: Path, what: str) -> list[dict]:
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == what]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    folder = tmp_path_factory.mktemp("spine")
    done = xpareto("run", write_recipe(folder, base), folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def only_run(folder: Path) -> Path:
    (found,) = (path.parent for path in folder.glob("runs/*/SEAL.json"))
    return found


def test_one_command_makes_measures_and_reports_every_variant(finished: Path) -> None:
    run = only_run(finished)
    candidates = json.loads((run / "candidates.json").read_text())["candidates"]
    assert len(candidates) == 3
    rows = facts(run)
    for candidate in candidates:
        mine = [row for row in rows if row[0] == candidate["name"]]
        probes = {"accuracy", "cost", "size", "memory", "latency", "energy"}
        baseline = candidate is candidates[0]
        assert {row[1] for row in mine} == probes | ({"aa"} if baseline else set())
        scored = {(row[2], row[3]) for row in mine if row[1] == "accuracy" and row[2] and row[7] == "ok"}
        # English has no Tatoeba pair with itself, so no data is missed there
        assert {("udpos", "en"), ("udpos", "zh"), ("xnli", "de"), ("tatoeba", "zh")} <= scored
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert all(candidate["name"] in page for candidate in candidates)
    assert "synthetic" in (run / "report" / "summary.md").read_text(encoding="utf-8").lower()


def artifacts(folder: Path) -> dict[str, str]:
    """Return the digest of every key of a store."""
    records = [json.loads(file.read_text()) for file in (folder / "store" / "keys").glob("*.json")]
    return {record["key"]: record["digest"] for record in records}


def test_two_workers_make_and_score_the_same(finished: Path, tmp_path: Path, base: Path) -> None:
    done = xpareto("run", write_recipe(tmp_path, base), "--workers", "2", "--set", QUICK, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert artifacts(tmp_path) == artifacts(finished)
    first, second = only_run(finished), only_run(tmp_path)
    exact = {"accuracy", "size"}
    assert [row for row in facts(second) if row[1] in exact] == [
        row for row in facts(first) if row[1] in exact
    ]
    assert {"worker 1", "worker 2"} <= set(re.findall(r"worker \d", done.stderr))


def test_a_store_at_a_url_gives_the_same_and_a_second_machine_makes_nothing_again(
    finished: Path, tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, runs = f"file://{tmp_path / 'store'}", []
    for machine in ("one", "other"):
        folder = tmp_path / machine
        folder.mkdir()
        monkeypatch.setenv("XPARETO_CACHE", str(folder / "cache"))
        done = xpareto("run", write_recipe(folder, base), "--store", url, "--set", QUICK, folder=folder)
        assert done.returncode == 0, done.stderr
        runs.append(only_run(folder))
    assert artifacts(tmp_path) == artifacts(finished)
    assert events(runs[0], "made") and not events(runs[1], "started")
    assert facts(runs[0]) == facts(runs[1])
    exact = {"accuracy", "size"}
    assert [row for row in facts(runs[1]) if row[1] in exact] == [
        row for row in facts(only_run(finished)) if row[1] in exact
    ]
    shown = xpareto("plan", write_recipe(tmp_path, base), "--store", url, "--json", folder=tmp_path)
    assert all(node["cached"] for node in json.loads(shown.stdout)["nodes"])
    cleaned = xpareto("clean", "--store", url, folder=tmp_path)
    assert cleaned.returncode == 2 and str(tmp_path / "other" / "cache") in cleaned.stderr


def test_a_worker_that_is_killed_is_replaced_and_its_work_done_again(
    finished: Path, tmp_path: Path, base: Path
) -> None:
    running = subprocess.Popen(
        [
            sys.executable, "-m", "xpareto.pipelines", "run", str(write_recipe(tmp_path, base)), "--workers", "2",
            "--set", QUICK, "--set", "tasks=[udpos]", "--set", "runtimes=[torch]",
        ],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    parent, victims = psutil.Process(running.pid), []
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not victims:
        scratch = list(tmp_path.glob("store/scratch/*"))  # something is being made
        victims = [
            one for one in parent.children() if scratch and "execution.worker" in " ".join(one.cmdline())
        ]
        time.sleep(0.01)
    victims[0].kill()
    _, errors = running.communicate(timeout=900)
    assert running.returncode == 0, errors
    assert "Done again" in errors and len(events(only_run(tmp_path), "died")) == 1
    assert artifacts(tmp_path).items() <= artifacts(finished).items()


def test_a_second_run_makes_only_what_was_damaged_and_finds_the_same(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy")
    folder = tmp_path / "copy"
    victim = max(folder.glob("store/artifacts/*/*/model.onnx"), key=lambda file: file.stat().st_size)
    victim.chmod(0o644)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 4  # one bit
    victim.write_bytes(bytes(data))
    verified = xpareto("verify", "latest", "--store", "store", folder=folder)
    assert verified.returncode == 1 and str(victim.name) in verified.stderr
    nodes = json.loads((only_run(folder) / "plan.json").read_text())["nodes"]
    base = next(key for key, node in nodes.items() if node["step"] == "base")  # no candidate is read from it
    digest = json.loads((folder / "store/keys" / f"{base}.json").read_text())["digest"]
    manifest = folder / "store/artifacts" / digest[:2] / digest / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace("{", "", 1))
    done = xpareto("run", "tiny.yaml", "--set", QUICK, "--out", "second", folder=folder)
    assert done.returncode == 0, done.stderr
    first, second = only_run(finished), next(folder.glob("second/*"))
    assert len(events(second, "damaged")) == 2 and len(events(second, "made")) == 2
    assert len(events(second, "cached")) >= 8
    for run in (first, second):  # what making took is told whether this run made it or not
        document = read_document(run)
        keys = {own.name: list(own.keys.values()) for own in document.candidates}
        for effort, own in zip(
            efforts(keys, document.made or {}).candidates, document.candidates, strict=True
        ):
            assert effort.seconds == pytest.approx(own.made_seconds, abs=0.06) and effort.unknown == 0
            assert effort.cpu_seconds is not None and effort.cpu_seconds > 0
            assert effort.energy_j is not None and effort.energy_j > 0
    assert [row for row in facts(first) if row[1] in {"accuracy", "size"}] == [
        row for row in facts(second) if row[1] != "cost"
    ]


def test_a_plan_of_finished_work_says_cached(finished: Path) -> None:
    done = xpareto("plan", "tiny.yaml", "--json", folder=finished)
    nodes = json.loads(done.stdout)["nodes"]
    assert len(nodes) == 1 + 1 + 9 and all(node["cached"] for node in nodes)
    assert "0 to run" in xpareto("plan", "tiny.yaml", folder=finished).stdout


def test_a_sealed_run_verifies(finished: Path) -> None:
    run = only_run(finished)
    done = xpareto("verify", run, folder=finished)
    assert done.returncode == 0, done.stderr


def test_an_exported_candidate_runs_in_bare_onnxruntime(finished: Path, tmp_path: Path) -> None:
    import numpy as np
    import onnxruntime

    target = tmp_path / "out"
    done = xpareto("export", only_run(finished), "mnli/int8/onnxruntime", target, folder=finished)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in target.iterdir()} == {"udpos", "mnli", "encoder"}
    for folder in target.iterdir():
        assert {"model.onnx", "config.json", "tokenizer.json", "README.md", "manifest.json"} <= {
            path.name for path in folder.iterdir()
        }
        session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        ids = np.array([[0, 5, 6, 2], [0, 7, 2, 1]], dtype=np.int64)
        (output,) = session.run(None, {"input_ids": ids, "attention_mask": (ids != 1).astype(np.int64)})
        assert output.shape[0] == 2 and np.isfinite(output).all()
    again = xpareto("export", only_run(finished), "mnli/int8/onnxruntime", target, folder=finished)
    assert again.returncode == 2 and "new or empty folder" in again.stderr
    wrong = xpareto("export", only_run(finished), "mnli/int9/onnxruntime", tmp_path / "x", folder=finished)
    assert wrong.returncode == 2 and "Did you mean" in wrong.stderr


def gold_folder(run: Path, target: Path, limit: int) -> Path:
    """Write the gold of a run's data in the leaderboard's shape."""
    from xpareto.eval.data.source import Data, DataSpec
    from xpareto.eval.submission.leaderboard import file_of, format_of
    from xpareto.eval.tasks import Pair, Tagged, task

    data = Data.open(DataSpec(json.loads((run / "plan.json").read_text())["options"]["data"]))
    for name in ("xnli", "udpos", "tatoeba"):
        for language in data.languages(task(name)):
            examples = data.examples(task(name), language, "test", limit)
            golds: list = []
            for place, example in enumerate(examples):
                if isinstance(example, Pair):
                    golds.append(example.label)
                else:
                    golds.append(example.tags if isinstance(example, Tagged) else place)
            file = file_of(target, task(name), language)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(format_of(task(name)).text(examples, golds), encoding="utf-8")
    return target


def test_a_submission_of_a_candidate_scores_what_the_run_measured(finished: Path, tmp_path: Path) -> None:
    run, name = only_run(finished), "mnli/int8/onnxruntime"
    made = xpareto("submit", run, name, tmp_path / "made", "--limit", "12", folder=finished)
    assert made.returncode == 0, made.stderr
    assert (
        "only the first 12 examples" in made.stdout
        and "not in this run, so not written: pawsx" in made.stdout
    )
    gold = gold_folder(run, tmp_path / "gold", 12)
    done = xpareto("score", tmp_path / "made", gold, "--json", folder=finished)
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)["tasks"]
    assert set(scores) == {"xnli", "udpos", "tatoeba"}
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    accuracy = [
        row
        for row in rows
        if (row["probe"], row["candidate"]) == ("accuracy", name)
        and row["value"] is not None
        and row["statistic"] != "chance"
    ]
    compared = 0
    for row in accuracy:
        if row["status"] == "ok" and row["task"]:
            found = scores[row["task"]]["languages"][row["language"]]
            assert found["metrics"][row["statistic"]] == pytest.approx(row["value"], abs=1e-9)
            compared += 1
    assert compared >= 9
    assert len(scores["xnli"]["languages"]) > 3  # the recipe asked for three languages only


def test_a_submission_that_cannot_be_made_says_why(finished: Path, tmp_path: Path) -> None:
    from xpareto.compress.core.errors import InputError
    from xpareto.pipelines.runs.later_actions import store_of
    from xpareto.pipelines.runs.run import Console
    from xpareto.pipelines.runs.submission import submit
    from xpareto.pipelines.storage.run_folder import RunFolder

    run = RunFolder(only_run(finished))
    store = store_of(run, None)

    def refused(name: str, target: Path, data: str | None = None) -> str:
        with pytest.raises(InputError) as caught:
            submit(run, store, name, target, data=data, limit=None, console=Console())
        return str(caught.value)

    name = "mnli/int8/onnxruntime"
    assert 'Did you mean "mnli/int8/onnxruntime"?' in refused("mnli/int9/onnxruntime", tmp_path / "new")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert "expected a new or empty folder, found files" in refused(name, tmp_path / "full")
    assert "expected a new or empty folder, found a file" in refused(name, tmp_path / "full" / "file")
    assert "no folder nowhere" in refused(name, tmp_path / "new", "nowhere")
    (tmp_path / "data" / "pawsx").mkdir(parents=True)
    assert "no test data of xnli, udpos, tatoeba" in refused(name, tmp_path / "new", str(tmp_path / "data"))
    (tmp_path / "data" / "xnli").mkdir()
    (tmp_path / "data" / "xnli" / "test-en.tsv").write_text("only one column\n")
    message = refused(name, tmp_path / "new", str(tmp_path / "data"))
    assert f"{tmp_path / 'data' / 'xnli' / 'test-en.tsv'}:1: expected" in message
    assert not (tmp_path / "new").exists() and list((store.root / "scratch").iterdir()) == []


def test_the_predictions_of_every_example_are_kept_beside_the_outcomes(finished: Path) -> None:
    import numpy as np

    run = only_run(finished)
    kept = sorted((run / "predictions").glob("*/accuracy-0-xnli.json"))
    assert len(kept) == 3
    for file in kept:
        predictions = json.loads(file.read_text(encoding="utf-8"))
        with np.load(run / "outcomes" / file.parent.name / "accuracy-0-xnli.npz") as outcomes:
            assert {name: len(rows) for name, rows in predictions.items()} == {
                name: len(outcomes[name]) for name in outcomes.files if name != "columns"
            }
    assert any(name.startswith("predictions/") for name in json.loads((run / "SEAL.json").read_text()))


def test_measuring_again_adds_a_repeat_and_makes_nothing(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy")
    folder = tmp_path / "copy"
    run = only_run(folder)
    done = xpareto("measure", run, "--probe", "size", "--store", "store", folder=folder)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    sizes = {
        (row["repeat"], row["value"])
        for row in rows
        if row["probe"] == "size" and row["component"] == "model"
    }
    assert {repeat for repeat, _ in sizes} == {
        0,
        2,
    }  # two blocks were timed, the size was counted in the first
    assert len({value for repeat, value in sizes if repeat}) == len(
        {value for repeat, value in sizes if not repeat}
    )
    assert run.joinpath("SEAL.json").is_file()


def in_process(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> tuple[int, str]:
    """Return the exit code and what the command tells, run in this process from a folder."""
    from typer.testing import CliRunner

    from xpareto.pipelines.cli import app

    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, f"{done.stderr}{done.exception}"


def test_damage_is_not_measured_and_not_sealed(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that was changed, a file that was deleted, weights that were overwritten: told, and left as they are."""
    from xpareto.pipelines.runs.measure import Measuring

    monkeypatch.setattr(Measuring, "rows_of", lambda *_: pytest.fail("something was measured"))
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    run, words = only_run(folder), ("measure", "latest", "--probe", "size", "--store", "store")
    seal = (run / "SEAL.json").read_bytes()
    kept = next((run / "outcomes").rglob("*.npz"))
    weights = max(folder.glob("store/artifacts/*/*/model.safetensors"), key=lambda file: file.stat().st_mtime)
    for victim in (run / "measurements.jsonl", kept, weights):
        good = victim.read_bytes()
        victim.chmod(0o644)
        victim.write_bytes(good[:-4096] + bytes(4096) if victim == weights else good[:-2])
        _, told = in_process(folder, monkeypatch, *words)
        assert "expected sha256" in told and str(victim) in told
        assert (run / "SEAL.json").read_bytes() == seal
        victim.write_bytes(good)


def test_a_probe_that_failed_is_told_by_the_exit_code(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xpareto.eval.records.measurement import Measurement
    from xpareto.pipelines.runs import measure

    def launch(job: measure.Job, folder: Path) -> list[Measurement]:
        folder.mkdir(parents=True, exist_ok=True)
        return [
            Measurement(job.run, job.candidate, "size", "size", None, "", status="failed", error="no room\nx")
        ]

    monkeypatch.setattr(measure, "launch", launch)
    shutil.copytree(finished, tmp_path / "copy")
    run = only_run(tmp_path / "copy")
    code, told = in_process(
        tmp_path / "copy", monkeypatch, "measure", "latest", "--probe", "size", "--store", "store"
    )
    assert code == 1 and "Failed: mnli/int8/onnxruntime: size: no room" in told
    assert in_process(tmp_path / "copy", monkeypatch, "verify", run, "--store", "store")[0] == 0


def test_the_report_of_two_runs_shows_both(finished: Path, tmp_path: Path) -> None:
    run = only_run(finished)
    done = xpareto("report", run, "--out", tmp_path / "report", folder=finished)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report" / "index.html").is_file()


def test_a_run_of_a_newer_schema_is_refused_by_every_command(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "x"
    shutil.copytree(only_run(finished), run)
    plan = json.loads((run / "plan.json").read_text()) | {"schema": 99}
    (run / "plan.json").unlink()
    (run / "plan.json").write_text(json.dumps(plan))
    for words in (["report", run], ["verify", run], ["measure", run], ["export", run, "a", tmp_path / "b"]):
        done = xpareto(*words, folder=tmp_path)
        assert done.returncode == 2 and "newer xpareto" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_with_the_same_rows(
    finished: Path, tmp_path: Path, base: Path
) -> None:
    import random

    expected = facts(only_run(finished))
    write_recipe(tmp_path, base)
    moments = random.Random(0)
    command = [sys.executable, "-m", "xpareto.pipelines", "run", "tiny.yaml"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    for _ in range(5):
        process = subprocess.Popen(
            command, cwd=tmp_path, env=env, stdout=-3, stderr=-3, start_new_session=True
        )
        time.sleep(moments.uniform(3, 20))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = xpareto("run", "tiny.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    assert facts(run) == expected
    made = [event["key"] for event in events(run, "made")]
    assert len(made) == len(set(made)), "a finished step was repeated"
