"""Energy of a window of work: the CPU's counters where they are readable, else codecarbon's model.

Memory is modelled by codecarbon in any case, and the GPU is read by it from NVML.

Without counters codecarbon models the CPU as TDP times the share of the machine's processor time
that this process used, and memory as a constant power; such joules are close to a constant times
processor time, so they are marked as modelled and never mixed with measured ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from compress.errors import InputError
from eval.modelled_power import FALLBACK_TDP_WATTS, tdp_watts
from eval.power_counter import PowerCounter

JOULES_PER_KWH = 3.6e6
_NEVER_SECONDS = 1_000_000  # codecarbon's periodic sampling would disturb the window


@dataclass(frozen=True)
class Reading:
    """Joules of one window; `carbon_g` is 0 without a country code."""

    seconds: float
    cpu_j: float
    ram_j: float
    gpu_j: float
    carbon_g: float


class EnergyMeter:
    """Prints nothing, writes no file, asks no network. One meter per process.

    `counter`: the CPU's energy counters; without an argument, those of this machine, if any.
    """

    def __init__(self, country: str | None = None, counter: PowerCounter | None = None) -> None:
        from codecarbon import OfflineEmissionsTracker

        logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
        self._counter = counter or PowerCounter.find()
        self.measured = self._counter is not None
        self.tdp_watts = None if self.measured else tdp_watts()
        settings: dict[str, Any] = (
            {"country_iso_code": _checked(country)}
            if country is not None
            else {"force_carbon_intensity_g_co2e_kwh": 0.0}
        )
        # Also beside a counter, which is read here: codecarbon would look for one of its own.
        settings["force_cpu_power"] = self.tdp_watts or FALLBACK_TDP_WATTS
        self._carbon = country is not None
        self._tracker = OfflineEmissionsTracker(
            project_name="xpareto",
            tracking_mode="process",
            measure_power_secs=_NEVER_SECONDS,
            api_call_interval=-1,
            output_methods=[],
            log_level="critical",
            allow_multiple_runs=True,
            **settings,
        )
        self.ram_watts = 0.0

    def read(self, work: Callable[[], object]) -> Reading:
        """Return the energy of the time that `work` took."""
        self._tracker.start_task()
        start = self._counter.read() if self._counter is not None else {}
        began = perf_counter()
        work()
        seconds = perf_counter() - began
        end = self._counter.read() if self._counter is not None else {}
        found = self._tracker.stop_task()
        self.ram_watts = float(found.ram_power)
        cpu_j, ram_j, gpu_j = (
            float(energy) * JOULES_PER_KWH
            for energy in (found.cpu_energy, found.ram_energy, found.gpu_energy)
        )
        grams_per_joule = float(found.emissions) * 1e3 / max(cpu_j + ram_j + gpu_j, 1e-12)
        if self._counter is not None:
            cpu_j = self._counter.joules(start, end)
        return Reading(
            seconds=seconds if self._counter is not None else float(found.duration),
            cpu_j=cpu_j,
            ram_j=ram_j,
            gpu_j=gpu_j,
            carbon_g=grams_per_joule * (cpu_j + ram_j + gpu_j) if self._carbon else 0.0,
        )

    def instrument(self) -> str:
        """Return how the joules came about, for the rows."""
        from importlib.metadata import version

        name = f"codecarbon {version('codecarbon')}"
        if self.measured:
            return "RAPL counters of the CPU packages"
        return (
            f"{name}, cpu = TDP {self.tdp_watts:g} W x process share of all cores x time, "
            f"ram = {self.ram_watts:g} W x time"
        )


def _checked(country: str) -> str:
    from codecarbon.input import DataSource

    if country not in DataSource().get_global_energy_mix_data():
        raise InputError(
            f"energy.country: expected a three-letter ISO 3166 code such as FRA, found {country!r}."
        )
    return country
