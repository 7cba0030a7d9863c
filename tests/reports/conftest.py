"""A made-up run folder, with everything in it that a real one may hold."""

from __future__ import annotations

import hashlib
import json
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reports.analysed_run import analysed_run, read, reported
from tests.reports.browser import CHROMIUM, DRIVER, Browser
from xpareto.eval.analyses.documents.summary import Summary
from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.results.summary import RunSummary

TIME = "2026-11-22T10:00:00Z"
LANGUAGES = [
    *("en", "af", "ar", "bg", "bn", "de", "el", "es", "et", "fa", "fi", "fr", "he", "hi", "hu"),
    *("id", "it", "ja", "jv", "ka", "kk", "ko", "mr", "nl", "pt", "ru", "sw", "ta", "te", "th"),
]
HOSTILE = 'x</script><img src=x onerror="alert(1)">|`*_\u202e\u2028"&\'<b>'
TASKS: dict[str, dict[str, Any]] = {
    "udpos": {"metrics": ["f1", "accuracy"], "group": "tagging", "languages": LANGUAGES[:24]},
    "xnli": {"metrics": ["accuracy"], "group": "classification", "languages": LANGUAGES[:15]},
    "tatoeba": {"metrics": ["accuracy"], "group": "retrieval", "languages": LANGUAGES[1:]},
}
VARIANTS = {  # (stage, runtime): latency, size, memory, loss
    ("target", "torch"): (20.0, 1.1e9, 1.9e9, 0.0),
    ("onnx", "onnxruntime"): (13.0, 1.1e9, 1.5e9, 0.0),
    ("int8", "onnxruntime"): (5.5, 2.8e8, 6e8, 0.6),
    ("int8-no-embeddings", "onnxruntime"): (5.9, 8.4e8, 1.2e9, 0.4),
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_run(
    folder: Path,
    *,
    run: str = "20261122T100000Z-fake-1a2b3c4d",
    hostile: bool = True,
    synthetic: bool = True,
    energy: str = "modelled",
    failing: bool = True,
    missing: bool = True,
    limit: int | None = 200,
    seeds: tuple[int, ...] = (0,),
    many_tasks: bool = False,
    schema: int = 1,
    apart: float = 1.0,
) -> Path:
    """Write a run: 2 arms x 4 variants (x seeds), 3 tasks, 30 languages."""
    chance = random.Random(7)
    tasks = {name: dict(facts) for name, facts in TASKS.items()}
    if many_tasks:
        tasks |= {f"extra{n}": dict(TASKS["xnli"], languages=["en", "de"]) for n in range(6)}
        tasks["udpos"]["metrics"] = ["accuracy"]
    for facts in tasks.values():
        facts |= {"missing": ["eu", "th"] if missing else [], "limit": limit}
        facts["languages"] = [code for code in facts["languages"] if code not in facts["missing"]]
    candidates, rows = [], []
    for seed in seeds:
        for arm in ("none", HOSTILE if hostile else "mnli"):
            for place, ((stage, runtime), costs) in enumerate(VARIANTS.items()):
                name = f"{arm}/{stage}/{runtime}" + (f"/s{seed}" if len(seeds) > 1 else "")
                sets = {key: digest(name + key) for key in ("udpos", "mnli", "encoder")}
                candidates.append(_candidate(name, arm, stage, runtime, seed, sets))
                lift = 0.0 if arm == "none" else 2.0
                failed = failing and arm != "none" and place == 3
                rows += _rows(
                    run, name, runtime, tasks, costs, lift, sets, chance, failed, energy, apart**place
                )
    folder.mkdir(parents=True)
    append_rows(folder / "measurements.jsonl", rows)
    listing = {
        "schema": schema, "run": run, "recipe": "fake", "command": "xpareto run fake --seed 0",
        "synthetic": synthetic, "data": "embedded", "tasks": tasks,
        "objectives": ["score", "latency_ms", "size_bytes", "peak_rss_bytes", "energy_j", "throughput"],
        "baseline": "none/target/torch" + (f"/s{seeds[0]}" if len(seeds) > 1 else ""),
        "candidates": candidates,
    }  # fmt: skip
    (folder / "candidates.json").write_text(json.dumps(listing), encoding="utf-8")
    environment = {"cpu": {"model": "Some CPU", "flags": ["avx2"] * 90}, "cores": 2, "memory_bytes": 8 << 30}
    (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    (folder / "recipe.yaml").write_text("base: tiny\narms: {none: [], mnli: [train]}\n# </pre><b>\n", "utf-8")
    (folder / "events.jsonl").write_text("", encoding="utf-8")
    return folder


def _candidate(
    name: str, arm: str, stage: str, runtime: str, seed: int, sets: dict[str, str]
) -> dict[str, Any]:
    steps = [
        {"step": "pretrain", "label": "", "version": 1, "fields": {"layers": 2, "width": 64}},
        {"step": "train", "label": "target", "version": 1, "fields": {"on": "each", "epochs": 2}},
    ]
    if stage.startswith("int8"):
        steps.append(
            {"step": "quantize_dynamic", "label": "int8", "version": 2, "fields": {"note": "a<b>&c"}}
        )
    return {
        "name": name, "arm": arm, "stage": stage, "runtime": runtime, "seed": seed,
        "settings": {"int8.embeddings": stage != "int8-no-embeddings"} if "int8" in stage else {},
        "steps": steps, "artifacts": sets, "made_seconds": 12.3,
    }  # fmt: skip


def _rows(
    run: str,
    name: str,
    runtime: str,
    tasks: dict[str, dict[str, Any]],
    costs: tuple[float, float, float, float],
    lift: float,
    sets: dict[str, str],
    chance: random.Random,
    failed: bool,
    energy: str,
    stretch: float,
) -> Iterator[Measurement]:
    latency, size, memory, loss = costs
    latency *= stretch * chance.uniform(0.97, 1.03)

    def row(probe: str, statistic: str, value: float | None, unit: str, **more: Any) -> Measurement:
        return Measurement(run, name, probe, statistic, value, unit, runtime=runtime, time=TIME, **more)

    trained = {"udpos": "udpos", "tatoeba": "encoder"}
    for task, facts in tasks.items():
        artifact = sets[trained.get(task, "mnli")]
        for place, code in enumerate(facts["languages"]):
            base = {"udpos": 72.0, "tatoeba": 55.0}.get(task, 64.0) - 0.9 * place
            for number, metric in enumerate(facts["metrics"]):
                value: float | None = base + 4 * number + lift - loss * place / 6 + chance.uniform(-0.4, 0.4)
                broken = failed and task == "udpos" and code == "de"
                yield row(
                    "accuracy", metric, float("nan") if broken else value, "percent", artifact=artifact,
                    task=task, language=code, examples=0 if broken else 200,
                )  # fmt: skip
        for code in facts["missing"]:
            yield row(
                "accuracy", facts["metrics"][0], None, "percent", task=task, language=code, status="missing"
            )
        for part, factor in (("p50", 1.0), ("p90", 1.4), ("p99", 2.1)):
            yield row("latency", "latency", latency * factor, "ms", task=task, component=part, basis="measured",
                      artifact=artifact, examples=50)  # fmt: skip
        yield row("latency", "throughput", 3000 / latency, "examples/s", task=task, basis="measured",
                  artifact=artifact, examples=200)  # fmt: skip
        if energy == "unavailable":
            yield row("energy", "energy", None, "J", task=task, component="total", basis="unavailable",
                      status="missing", artifact=artifact)  # fmt: skip
            continue
        for part, factor in (("cpu", 0.02), ("ram", 0.005), ("total", 0.025)):
            basis: Any = (
                "modelled"
                if part == "ram"
                else energy
                if energy != "mixed"
                else ("measured" if "int8" in name else "modelled")
            )
            yield row("energy", "energy", latency * factor, "J", task=task, component=part, basis=basis,
                      instrument="codecarbon TDP 65 W", artifact=artifact, examples=200)  # fmt: skip
    for artifact in sets.values():
        split = {"embeddings": 0.68, "encoder": 0.3, "head": 0.001, "other": 0.001, "tokenizer": 0.018}
        for part, factor in split.items():
            yield row("size", "size", size / 3 * factor, "bytes", component=part, artifact=artifact)
        yield row("size", "size", size / 3 * 0.982, "bytes", component="model", artifact=artifact)
        if not failed:
            yield row("memory", "peak_rss", memory, "bytes", basis="measured", artifact=artifact)
            yield row("memory", "load_time", latency * 20, "ms", basis="measured", artifact=artifact)
    for probe in ("accuracy", "energy", "latency", "memory", "size"):
        yield row(probe, "probe_time", 1.5, "s", basis="measured")
    if failed:
        yield row("memory", "peak_rss", None, "bytes", status="failed",
                  error="killed: out of memory <script>alert(2)</script>")  # fmt: skip


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a run folder below the test's own directory."""
    count = iter(range(100))
    return lambda **options: write_run(tmp_path / f"run{next(count)}", **options)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunSummary, Summary]:
    """Return a run of two seeds as its report shows it."""
    folder = tmp_path_factory.mktemp("seeds")
    run = analysed_run(folder / "run")
    reported(run, folder / "out")
    return read(run, folder / "out")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunSummary, Summary]:
    """Return the same with one seed."""
    folder = tmp_path_factory.mktemp("alone")
    run = analysed_run(folder / "run", seeds=(0,))
    reported(run, folder / "out")
    return read(run, folder / "out")


@pytest.fixture(scope="module")
def driver_port() -> Iterator[int]:
    if not CHROMIUM or not DRIVER:
        pytest.skip("no Chromium with chromedriver on this machine")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with subprocess.Popen(
        [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield port
        finally:
            process.terminate()


@pytest.fixture
def browser(driver_port: int, tmp_path: Path) -> Iterator[Browser]:
    made = Browser(driver_port, 1400, tmp_path / "profile")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def seeded(tmp_path: Path) -> Path:
    """Return a run of several training seeds with an analysis."""
    return analysed_run(tmp_path / "run")
