"""A run on a Ray cluster of two nodes finds what a run in one process finds, whatever dies meanwhile."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from tests.pipelines.runs.test_run import artifacts, events, facts, only_run, xpareto
from tests.pipelines.two_node_cluster import ENVIRONMENT, TwoNodes
from xpareto.pipelines import plan
from xpareto.pipelines.execution.ray_cluster import RayCluster
from xpareto.pipelines.runs.turns import turns_to_take

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: xpareto[ray]"),
]

EXACT = "measure.probes=[accuracy, size]"  # of the demo: what does not hang on time
RECIPE = """\
xpareto: 1
name: tiny
base: BASE
data: embedded
tasks: [udpos, xnli]
languages: [en, de]
steps:
  - {step: train, label: fp32, on: each, max_steps: STEPS, batch_size: 16, learning_rate: 1e-3, dev_limit: 40}
  - {step: export_onnx, label: onnx}
runtimes: [torch, onnxruntime]
measure: {limit: 12, seconds: 0.1, latency_samples: 10, threads: 1, probes: [accuracy, size], blocks: 1, retries: 0}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[TwoNodes]:
    made = TwoNodes()
    yield made
    made.end()


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    folder = tmp_path_factory.mktemp("serial")
    done = xpareto("run", recipe(folder, base), folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def recipe(folder: Path, base: Path, steps: int = 400) -> Path:
    file = folder / "tiny.yaml"
    file.write_text(RECIPE.replace("BASE", str(base)).replace("STEPS", str(steps)), encoding="utf-8")
    return file


def begin(folder: Path, base: Path, cluster: TwoNodes | None, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "xpareto.pipelines", "run", str(recipe(folder, base)),
            *(["--ray", cluster.address] if cluster else []), "--save-every", "0.005", *words,
        ],
        cwd=folder, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip


def wait_for_training(folder: Path) -> None:
    """Return once a training is at work that has saved where it is."""
    deadline = time.monotonic() + 600
    while not list(folder.glob("store/scratch/*/training.*")):
        assert time.monotonic() < deadline, "no training was begun"
        time.sleep(0.05)


def assert_same(folder: Path, serial: Path) -> None:
    assert artifacts(folder) == artifacts(serial)
    assert facts(only_run(folder)) == facts(only_run(serial))


def test_two_nodes_find_what_one_process_finds(
    cluster: TwoNodes, serial: Path, tmp_path: Path, base: Path
) -> None:
    running = begin(tmp_path, base, cluster)
    _, errors = running.communicate(timeout=1800)
    assert running.returncode == 0, errors
    assert_same(tmp_path, serial)


def test_costs_are_measured_on_the_node_that_carries_the_label_alone_and_in_blocks(
    cluster: TwoNodes, serial: Path, tmp_path: Path, base: Path
) -> None:
    (tmp_path / "store").symlink_to(serial / "store")  # nothing is left to make
    more = {"measure.on": "quiet", "measure.probes": ["accuracy", "size", "latency"], "measure.blocks": 3}
    words = [word for name, value in more.items() for word in ("--set", f"{name}={json.dumps(value)}")]
    running = begin(tmp_path, base, cluster, *words)
    _, errors = running.communicate(timeout=1800)
    assert running.returncode == 0, errors
    run = only_run(tmp_path)
    assert {row[1] for row in facts(run)} >= {"accuracy", "size", "latency", "aa"}
    assert {row[7] for row in facts(run)} == {"ok"}
    ready = plan(tmp_path / "tiny.yaml", overrides=more, store=tmp_path / "store")
    turns = turns_to_take(ready.plan, ready.checked.recipe.measure, frozenset())
    blocks = [(turn.candidate, turn.group) for turn in turns if turn.alone]
    measured = [(event["candidate"], event["probe"]) for event in events(run, "measured")]
    assert measured[-len(blocks) :] == blocks and len(blocks) > 3


def where_and_when(text: str, number: str, board: object) -> tuple[str, float, float]:
    """Return the node of Ray's that this runs on, and when it began and ended."""
    import ray

    began = time.time()
    time.sleep(0.5)
    return ray.get_runtime_context().get_node_id(), began, time.time()


def test_nothing_of_ours_is_on_a_labelled_node_beside_what_is_measured_there(cluster: TwoNodes) -> None:
    import ray

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a worker has no tests to import
    connected = RayCluster(cluster.address, 1, "quiet")
    assert connected.labelled is not None
    wants = [{"num_cpus": 1}] * 6 + [connected.labelled.wants] * 3 + [{"num_cpus": 1}] * 3
    try:
        with ThreadPoolExecutor(len(wants)) as threads:
            calls = [
                threads.submit(connected.call, where_and_when, "", want, lambda *_: None, lambda _: None)
                for want in wants
            ]
            found = [call.result(300) for call in calls]
    finally:
        connected.end()
    measured, others = found[6:9], [*found[:6], *found[9:]]
    (quiet,) = {node for node, _, _ in measured}
    assert {node for node, _, _ in others} - {quiet}, "the other node works, too"
    there = sorted((begin, end) for node, begin, end in found if node == quiet)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(there))


def test_a_label_that_no_node_carries_leaves_no_folder(cluster: TwoNodes, tmp_path: Path, base: Path) -> None:
    running = begin(tmp_path, base, cluster, "--set", "measure.on=loud")
    _, errors = running.communicate(timeout=600)
    assert running.returncode == 2 and "expected a node of the Ray cluster with the resource loud" in errors
    assert not list(tmp_path.glob("runs/*"))


def test_a_node_that_dies_costs_time_alone(
    cluster: TwoNodes, serial: Path, tmp_path: Path, base: Path
) -> None:
    running = begin(tmp_path, base, cluster)
    wait_for_training(tmp_path)
    cluster.remove()
    _, errors = running.communicate(timeout=1800)
    cluster.add()
    assert running.returncode == 0, errors
    assert_same(tmp_path, serial)


def test_a_driver_that_is_killed_goes_on(cluster: TwoNodes, serial: Path, tmp_path: Path, base: Path) -> None:
    running = begin(tmp_path, base, cluster)
    wait_for_training(tmp_path)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    again = begin(tmp_path, base, cluster)
    _, errors = again.communicate(timeout=1800)
    assert again.returncode == 0 and "Going on with" in errors, errors
    assert_same(tmp_path, serial)
    assert len(events(only_run(tmp_path), "started")) <= 2 * len(artifacts(serial))


@pytest.mark.parametrize("way", ["cluster", "local", "workers"])
def test_two_drivers_share_a_store(
    way: str, cluster: TwoNodes, serial: Path, tmp_path: Path, base: Path
) -> None:
    words = {
        "cluster": ["--ray", cluster.address],
        "local": ["--ray", "local"],
        "workers": ["--workers", "2"],
    }
    drivers = [
        begin(tmp_path, base, None, *words[way], "--out", str(tmp_path / f"runs{number}"))
        for number in (1, 2)
    ]
    for driver in drivers:
        _, errors = driver.communicate(timeout=1800)
        assert driver.returncode == 0, errors
    assert artifacts(tmp_path) == artifacts(serial)
    for number in (1, 2):
        (run,) = (tmp_path / f"runs{number}").iterdir()
        assert facts(run) == facts(only_run(serial))


@pytest.mark.parametrize("way", ["workers", "cluster"])
def test_the_demo_is_the_same_with_two_workers_and_on_two_nodes(
    way: str, cluster: TwoNodes, demo: Path, tmp_path: Path
) -> None:
    words = ["--ray", cluster.address] if way == "cluster" else ["--workers", "2"]
    done = xpareto("run", "demo", "--set", EXACT, *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path, demo)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    done = xpareto("run", "demo", "--set", EXACT, folder=folder)
    assert done.returncode == 0, done.stderr
    return folder
