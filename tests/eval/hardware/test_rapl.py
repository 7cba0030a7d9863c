"""A load of known power is recovered from its counters, whatever else the folder holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xpareto.eval.hardware.energy_meter import EnergyMeter, Joules, Spent, machine_energy
from xpareto.eval.hardware.rapl import PowerCounter
from xpareto.eval.probes.energy import _rows, passes
from xpareto.eval.records.measurement import ENERGY_WINDOW


def zone(root: Path, folder: str, name: str, energy_uj: int = 0, span: int = 10**12) -> Path:
    made = root / folder
    made.mkdir()
    (made / "name").write_text(f"{name}\n")
    (made / "max_energy_range_uj").write_text(f"{span}\n")
    (made / "energy_uj").write_text(f"{energy_uj}\n")
    return made / "energy_uj"


def test_packages_are_added_and_their_parts_and_copies_are_not(tmp_path: Path) -> None:
    zones = {
        "intel-rapl:0": "package-0", "intel-rapl:1": "package-1", "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram", "intel-rapl:2": "psys", "intel-rapl-mmio:0": "package-0",
    }  # fmt: skip
    files = {folder: zone(tmp_path, folder, name) for folder, name in zones.items()}
    (tmp_path / "intel-rapl").mkdir()
    counter = PowerCounter.find(tmp_path)
    assert counter is not None
    start = counter.read()
    for number, file in enumerate(files.values()):
        file.write_text(str(10**6 * 10**number))
    joules = counter.joules(start, counter.read())
    one = float(files["intel-rapl:1"].read_text()) / 1e6
    package = {float(files[name].read_text()) / 1e6 for name in ("intel-rapl:0", "intel-rapl-mmio:0")}
    assert joules - one in package  # package-0 once, by one of its two drivers


def test_a_counter_that_started_again_is_understood(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", energy_uj=9_000_000, span=10_000_000)
    counter = PowerCounter.find(tmp_path)
    assert counter is not None
    start = counter.read()
    file.write_text("500000")
    assert counter.joules(start, counter.read()) == pytest.approx(1.5)


@pytest.mark.parametrize("broken", ["", "many"])
def test_without_a_readable_package_there_is_no_counter(tmp_path: Path, broken: str) -> None:
    assert PowerCounter.find(tmp_path / "nowhere") is None
    zone(tmp_path, "intel-rapl:0", "package-0").write_text(broken)
    zone(tmp_path, "intel-rapl:0:0", "core")
    assert PowerCounter.find(tmp_path) is None


@pytest.mark.filterwarnings(
    "default"
)  # codecarbon warns while it looks for hardware, and ends at once where that raises
def test_the_meter_recovers_a_load_of_known_power_and_what_it_adds_to_idle(tmp_path: Path) -> None:
    span = 40_000_000
    file = zone(tmp_path, "intel-rapl:0", "package-0", energy_uj=39_000_000, span=span)
    counter = PowerCounter.find(tmp_path)
    assert counter is not None
    meter = EnergyMeter(counter=counter)
    assert meter.measured

    def drawing(joules: float) -> Callable[[], None]:
        """Return work of 20 ms that draws so much; the counter starts again at its span."""

        def work() -> None:
            time.sleep(0.02)
            file.write_text(str((int(file.read_text()) + int(joules * 1e6)) % span))

        return work

    before, loaded, after = (meter.window(drawing(joules)) for joules in (0.25, 30.0, 0.5))
    assert (before.cpu_j, loaded.cpu_j, after.cpu_j) == pytest.approx((0.25, 30.0, 0.5))
    joules = machine_energy(loaded)
    assert joules.instrument == "RAPL counters of the CPU packages" and joules.total_j == loaded.cpu_j
    rows = {row["statistic"]: row for row in _rows(loaded, joules, [before, after], 10, 0.0)}
    idle_watts = 0.75 / (before.seconds + after.seconds)
    assert rows["energy_net"]["value"] == pytest.approx(max(0.0, 30.0 - idle_watts * loaded.seconds) / 10)
    assert rows["energy_net"]["basis"] == "measured"


class _Counting:
    """A session that takes a moment for each call."""

    calls = 0

    def run(self, ids: np.ndarray, mask: np.ndarray) -> None:
        self.calls += 1
        time.sleep(0.001)


@pytest.mark.parametrize(("seconds", "least"), [(0.0, 1), (0.0, 7), (0.05, 3)])
def test_passes_go_on_until_both_time_and_count_are_reached(seconds: float, least: int) -> None:
    session = _Counting()
    batch = (np.ones((2, 3), np.int64), np.ones((2, 3), np.int64))
    start = time.perf_counter()
    done = passes(session, [batch, batch])(seconds, least)  # type: ignore[arg-type]
    assert time.perf_counter() - start >= seconds and done >= least
    assert session.calls == 2 * done
    assert seconds or done == least


@pytest.mark.parametrize(
    ("seconds", "examples", "short"), [(30.5, 200, False), (29.0, 4000, True), (31.0, 128, True)]
)
def test_a_measured_window_tells_its_length_and_whether_it_is_short(
    seconds: float, examples: int, short: bool
) -> None:
    spent = Spent(seconds, 1.0, 900.0)
    rows = {row["statistic"]: row for row in _rows(spent, machine_energy(spent), [], examples, 0.0)}
    window = rows[ENERGY_WINDOW]
    assert (window["value"], window["unit"], window["basis"]) == (seconds, "s", "measured")
    told = rows["energy"]["instrument"]
    assert f"window {seconds:.1f} s, {examples} inferences" in told
    assert ("short of 30 s and 200 inferences" in told) == short


def test_a_modelled_window_has_no_length_to_fall_short_of() -> None:
    rows = list(_rows(Spent(0.1, 0.1), Joules(1.0, 1.0, None, "modelled", "a model"), [], 10, 0.0))
    assert {row["statistic"] for row in rows} == {"energy"}
    assert not any("inferences" in row["instrument"] for row in rows)


def test_a_gpu_has_a_row_of_its_own_and_carbon_counts_all_joules() -> None:
    spent = Spent(10.0, 20.0, 900.0, 100.0)
    rows = list(_rows(spent, Joules(900.0, 50.0, 100.0, "measured", "counters"), [], 10, 0.002))
    values = {(row["statistic"], row["component"]): row["value"] for row in rows}
    assert values["energy", "gpu"] == 10.0 and values["energy", "total"] == 90.0
    assert values["carbon", "total"] == pytest.approx(0.002 * 105.0)
