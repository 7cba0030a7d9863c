"""What making took is told whole: killed attempts, helpers, and a load of known power."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import xpareto.pipelines.execution.effort
from xpareto.eval.hardware.energy_meter import Spent, energy
from xpareto.eval.hardware.power_model import PowerModel
from xpareto.eval.hardware.rapl import PowerCounter
from xpareto.pipelines.execution.effort import WorkMeter, instrument_of_work, total


class Cards:
    """GPUs that draw 100 W together."""

    def measure_power_and_energy(self, last_duration: float) -> tuple[Any, Any]:
        return None, SimpleNamespace(kWh=100.0 * last_duration / 3.6e6)


@contextmanager
def package(folder: Path, watts: float, span_uj: int) -> Iterator[PowerCounter]:
    """Run the counter of a package that draws `watts` and starts again after `span_uj`."""
    zone = folder / "intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in {"name": "package-0", "max_energy_range_uj": str(span_uj), "energy_uj": "0"}.items():
        (zone / name).write_text(text)
    over, start = threading.Event(), time.perf_counter()

    def run() -> None:
        while not over.is_set():
            written = zone / "new"
            written.write_text(str(int(watts * (time.perf_counter() - start) * 1e6) % span_uj))
            written.replace(zone / "energy_uj")
            time.sleep(0.001)

    thread = threading.Thread(target=run)
    thread.start()
    counter = PowerCounter.find(folder)
    assert counter is not None
    try:
        yield counter
    finally:
        over.set()
        thread.join()


def test_a_load_of_known_power_is_recovered_though_its_counter_starts_again_many_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xpareto.pipelines.execution.effort, "EVERY_SECONDS", 0.02)
    with (
        package(tmp_path / "powercap", watts=50.0, span_uj=5_000_000) as counter,  # every 0.1 s
        WorkMeter(tmp_path, counter=counter, cards=Cards()) as meter,
    ):
        time.sleep(1.0)
        spent = meter.spent()
    assert spent.cpu_j == pytest.approx(50.0 * spent.seconds, rel=0.05)
    assert spent.gpu_j == pytest.approx(100.0 * spent.seconds, rel=0.01)
    found = energy(spent, PowerModel(85.0, 2, 10.0, "a test"))
    assert found.basis == "measured" and found.total_j == spent.cpu_j and found.gpu_j == spent.gpu_j
    told = instrument_of_work(found)
    assert told == "RAPL counters of the CPU packages, gross; GPUs by their own counters"


def test_attempts_that_were_killed_and_helpers_count(tmp_path: Path) -> None:
    with WorkMeter(tmp_path):  # its account stays in the folder, as a killed one's does
        _use_a_core(0.3)
    with WorkMeter(tmp_path, helps=True):
        _use_a_core(0.2)
    with WorkMeter(tmp_path) as meter:
        spent = meter.spent()
    assert spent.seconds >= 0.3
    assert spent.cpu_seconds >= 0.45  # the kernel counts in hundredths of a second


def test_the_time_of_a_helper_is_no_time_of_its_own(tmp_path: Path) -> None:
    with WorkMeter(tmp_path, helps=True):
        time.sleep(0.2)
    (account,) = (tmp_path / "spent").glob("*.json")
    assert json.loads(account.read_text())["spent"]["seconds"] == 0.0


def test_an_account_is_written_while_the_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xpareto.pipelines.execution.effort, "EVERY_SECONDS", 0.01)
    with WorkMeter(tmp_path):
        end = time.monotonic() + 20
        while not (files := list((tmp_path / "spent").glob("*.json"))) and time.monotonic() < end:
            time.sleep(0.01)
        assert json.loads(files[0].read_text())["spent"]["seconds"] > 0


def test_a_helper_that_ends_after_the_scratch_folder_is_gone_leaves_nothing(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    with WorkMeter(scratch, helps=True):
        (scratch / "spent").rmdir()
        scratch.rmdir()
    assert not scratch.exists()


def test_without_a_counter_in_one_attempt_all_of_it_is_modelled() -> None:
    whole = total([Spent(10.0, 20.0, 900.0), Spent(5.0, 4.0)], [False, False])
    found = energy(whole, PowerModel(80.0, 2, 10.0, "a test"))
    assert (found.basis, found.total_j) == ("modelled", 80.0 * 24.0 / 2 + 10.0 * 15.0)
    assert "CPU = 80 W" in found.instrument and "RAM = 10 W" in found.instrument


def _use_a_core(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
