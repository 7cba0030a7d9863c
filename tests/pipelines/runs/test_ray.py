"""A run on a Ray cluster of two nodes finds what a run in one process finds, whatever dies meanwhile."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.runs.test_run import artifacts, events, facts, only_run, xpareto

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: xpareto[ray]"),
]

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": f"{ROOT / '.packages'}{os.pathsep}{ROOT}",
    "RAY_worker_niceness": "0",
}
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


class Cluster:
    """tests/pipelines/two_node_cluster.py in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.pipelines.two_node_cluster"], cwd=ROOT, env=ENVIRONMENT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.address = self.said()

    def said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made._process.communicate("end\n", timeout=120)


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


def begin(folder: Path, base: Path, cluster: Cluster, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "xpareto.pipelines", "run", str(recipe(folder, base)), "--ray", cluster.address,
            "--save-every", "0.005", *words,
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
    cluster: Cluster, serial: Path, tmp_path: Path, base: Path
) -> None:
    running = begin(tmp_path, base, cluster)
    _, errors = running.communicate(timeout=1800)
    assert running.returncode == 0, errors
    assert_same(tmp_path, serial)


def test_costs_are_measured_on_the_node_that_carries_the_label(
    cluster: Cluster, serial: Path, tmp_path: Path, base: Path
) -> None:
    (tmp_path / "store").symlink_to(serial / "store")  # nothing is left to make
    words = ("--set", "measure.on=quiet", "--set", "measure.probes=[accuracy, size, latency]")
    running = begin(tmp_path, base, cluster, *words)
    _, errors = running.communicate(timeout=1800)
    assert running.returncode == 0, errors
    rows = facts(only_run(tmp_path))
    assert {row[1] for row in rows} >= {"accuracy", "size", "latency"} and {row[7] for row in rows} == {"ok"}
    other = begin(tmp_path, base, cluster, "--set", "measure.on=loud")
    _, errors = other.communicate(timeout=600)
    assert other.returncode == 2 and "expected a node of the Ray cluster with the resource loud" in errors


def test_a_node_that_dies_costs_time_alone(
    cluster: Cluster, serial: Path, tmp_path: Path, base: Path
) -> None:
    running = begin(tmp_path, base, cluster)
    wait_for_training(tmp_path)
    cluster.tell("remove")
    assert cluster.said() == "removed"
    _, errors = running.communicate(timeout=1800)
    cluster.tell("add")
    assert cluster.said() == "added"
    assert running.returncode == 0, errors
    assert_same(tmp_path, serial)


def test_a_driver_that_is_killed_goes_on(cluster: Cluster, serial: Path, tmp_path: Path, base: Path) -> None:
    running = begin(tmp_path, base, cluster)
    wait_for_training(tmp_path)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    again = begin(tmp_path, base, cluster)
    _, errors = again.communicate(timeout=1800)
    assert again.returncode == 0 and "Going on with" in errors, errors
    assert_same(tmp_path, serial)
    assert len(events(only_run(tmp_path), "started")) <= 2 * len(artifacts(serial))


def test_two_drivers_share_a_store(cluster: Cluster, serial: Path, tmp_path: Path, base: Path) -> None:
    drivers = [begin(tmp_path, base, cluster, "--out", f"runs{number}") for number in (1, 2)]
    for driver in drivers:
        _, errors = driver.communicate(timeout=1800)
        assert driver.returncode == 0, errors
    assert artifacts(tmp_path) == artifacts(serial)
