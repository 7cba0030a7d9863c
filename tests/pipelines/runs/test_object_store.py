"""Runs on a store in S3 find what a run on a folder finds, on whatever machine, whatever dies meanwhile."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors import safe_open

from tests.pipelines.runs.test_ray import recipe
from tests.pipelines.runs.test_run import artifacts, events, facts, only_run
from tests.pipelines.two_node_cluster import ENVIRONMENT, TwoNodes
from xpareto.compress.training import SAVED_TRAINING
from xpareto.pipelines.storage import cache_folder

MISSING = [name for name in ("s3fs", "moto", "flask") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (pip install s3fs 'moto[server]')"
    ),
]
ON_RAY = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: xpareto[ray]"
)
ROOT = Path(__file__).parents[3]
STEPS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.pipelines.s3_server"], cwd=ROOT, env=ENVIRONMENT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    address = ""
    while not address.startswith("http://"):
        address = running.stdout.readline().strip()
    ours = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ours.items():
            patch.setenv(name, value)
            patch.setitem(ENVIRONMENT, name, value)
        yield
    running.communicate("", timeout=60)


def begin(
    folder: Path, base: Path, store: str, *words: str, cache: str = "cache", steps: int = STEPS
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "xpareto.pipelines", "run", str(recipe(folder, base, steps)), "--store", store, *words],
        cwd=folder, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT | {"XPARETO_CACHE": str(folder / cache)},
    )  # fmt: skip


def done(running: subprocess.Popen[str]) -> str:
    _, errors = running.communicate(timeout=1800)
    assert running.returncode == 0, errors
    return errors


def in_bucket(store: str) -> dict[str, str]:
    """Return the digest of every key of a store in S3."""
    import s3fs

    system = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    records = [json.loads(system.cat_file(name)) for name in system.find(f"{store}/keys")]
    return {record["key"]: record["digest"] for record in records}


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    folder = tmp_path_factory.mktemp("serial")
    done(begin(folder, base, "store"))
    return folder


def assert_same(folder: Path, store: str, serial: Path) -> None:
    assert in_bucket(store) == artifacts(serial)
    assert facts(only_run(folder)) == facts(only_run(serial))


def test_one_process_finds_the_same_and_a_second_machine_makes_nothing_again(
    server: None, serial: Path, tmp_path: Path, base: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        done(begin(folder, base, "s3://bucket/serial"))
        assert_same(folder, "s3://bucket/serial", serial)
    assert events(only_run(first), "made") and not events(only_run(second), "started")
    target = second / "exported"
    words = ["export", "latest", "main/onnx", str(target), "--store", "s3://bucket/serial"]
    exported = subprocess.run(
        [sys.executable, "-m", "xpareto.pipelines", *words], cwd=second, capture_output=True, text=True, check=False,
        env=ENVIRONMENT | {"XPARETO_CACHE": str(second / "a third machine")},
    )  # fmt: skip
    assert exported.returncode == 0, exported.stderr
    assert list(target.glob("*/model.onnx"))


def test_two_workers_find_the_same(server: None, serial: Path, tmp_path: Path, base: Path) -> None:
    done(begin(tmp_path, base, "s3://bucket/workers", "--workers", "2"))
    assert_same(tmp_path, "s3://bucket/workers", serial)


def test_a_driver_that_is_killed_goes_on_on_another_machine(
    server: None, serial: Path, tmp_path: Path, base: Path
) -> None:
    running = begin(tmp_path, base, "s3://bucket/killed")
    keys = cache_folder("s3://bucket/killed").name
    deadline = time.monotonic() + 900
    while len(list((tmp_path / "cache" / keys / "keys").glob("*.json"))) < 2:
        assert time.monotonic() < deadline and running.poll() is None, "nothing was made"
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    errors = done(begin(tmp_path, base, "s3://bucket/killed", cache="another"))
    assert "Going on with" in errors
    assert_same(tmp_path, "s3://bucket/killed", serial)


def saved_step(file: Path) -> int:
    """Return how many updates a saved training has made; 0 where there is none."""
    if not file.is_file():
        return 0
    with safe_open(file, "pt") as opened:
        return int(json.loads(opened.metadata()["state"])["step"])


def test_a_training_goes_on_on_another_machine(server: None, tmp_path: Path, base: Path) -> None:
    import s3fs

    store = "s3://bucket/carried"
    system = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    words = ("--save-every", "0.005")
    running = begin(tmp_path, base, store, *words, steps=2000)
    deadline = time.monotonic() + 900
    while not system.glob(f"{store}/scratch/*/SAVED.json"):
        assert time.monotonic() < deadline and running.poll() is None, "nothing was saved"
        time.sleep(0.1)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    (key,) = (name.split("/")[-2] for name in system.glob(f"{store}/scratch/*/SAVED.json"))
    system.get_file(f"{store}/scratch/{key}/{SAVED_TRAINING}", str(tmp_path / "lost"))
    there = saved_step(tmp_path / "lost")
    assert there > 0
    running = begin(tmp_path, base, store, *words, cache="another", steps=2000)
    begun = tmp_path / "another" / cache_folder(store).name / "scratch" / key / SAVED_TRAINING
    while (first := saved_step(begun)) == 0:
        assert time.monotonic() < deadline and running.poll() is None, "nothing was saved"
        time.sleep(0.001)
    assert first >= there, "it began anew"
    done(running)
    assert not system.find(f"{store}/scratch")


def test_two_drivers_at_once_end_in_the_same(server: None, serial: Path, tmp_path: Path, base: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    running = [begin(folder, base, "s3://bucket/two") for folder in folders]
    for one, folder in zip(running, folders, strict=True):
        done(one)
        assert_same(folder, "s3://bucket/two", serial)


@ON_RAY
def test_nodes_of_a_cluster_with_caches_of_their_own_find_the_same(
    server: None, serial: Path, tmp_path: Path, base: Path
) -> None:
    cluster = TwoNodes(caches=tmp_path / "nodes")
    try:
        done(begin(tmp_path, base, "s3://bucket/ray", "--ray", cluster.address))
    finally:
        cluster.end()
    assert_same(tmp_path, "s3://bucket/ray", serial)
    name = cache_folder("s3://bucket/ray").name
    caches = [tmp_path / "nodes" / node / name for node in ("first", "second")]
    assert all(list((cache / "artifacts").glob("??/*")) for cache in caches)
