from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.pipelines.execution.test_executor import work
from xpareto.eval.hardware.machine import core_numbers
from xpareto.pipelines.execution import executor as executors
from xpareto.pipelines.execution.executor import LocalExecutor, LocalWorkers, WorkerDied


def quiet(done: int, of: int, text: str) -> None:
    return None


def test_each_worker_has_a_card_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,3")
    workers = LocalWorkers(tmp_path / "log", 3, 1)
    cards = [worker.variables["CUDA_VISIBLE_DEVICES"] for worker in workers._workers]
    assert cards == ["GPU-a", "3", "GPU-a"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not LocalWorkers(tmp_path / "log", 1, 1)._workers[0].variables


def test_what_is_measured_stays_on_the_share_of_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cores = core_numbers()
    if len(cores) < 2 or not hasattr(os, "sched_getaffinity"):
        pytest.skip("needs two cores and a system that knows affinity")
    met = threading.Barrier(2, timeout=20)

    def launched(job: object, folder: Path) -> list:
        met.wait()
        return sorted(os.sched_getaffinity(0))

    monkeypatch.setattr(executors, "launch", launched)
    workers = LocalWorkers(tmp_path / "log", 2, 1)
    with ThreadPoolExecutor(2) as threads:
        shares = list(
            threads.map(lambda _: workers.measure(SimpleNamespace(artifacts={}), tmp_path), range(2))
        )  # type: ignore[arg-type]
    assert sorted([*shares[0], *shares[1]]) == cores and not set(shares[0]) & set(shares[1])
    assert core_numbers() == cores


def test_closing_ends_what_runs_and_tells_who_waits(tmp_path: Path, base: Path) -> None:
    workers = LocalWorkers(tmp_path / "log", 2, 1)
    begun = threading.Event()

    def begins(where: str) -> None:
        begun.set()

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(workers.do, work(tmp_path, "base", {}, base), quiet, begins)
        assert begun.wait(20)
        workers.close()
        with pytest.raises(WorkerDied):  # it was ended, or had not begun
            waiting.result(20)
    assert len(workers.do(work(tmp_path, "base", {}, base), quiet)) == 64  # and it can go on
    workers.close()


def test_memory_that_is_not_there_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "free_memory_bytes", lambda: 100)
    workers = LocalWorkers(tmp_path / "log", 2, 1)
    assert workers.fits([60, 40]) and not workers.fits([60, 10**15])
    assert LocalExecutor(tmp_path / "log").fits([10**15])
