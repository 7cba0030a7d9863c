"""Time, processor time and energy of work: the probe energy and the making of artifacts have this one meter.

The CPU packages are read from RAPL, and GPUs by codecarbon from NVML or AMD SMI. Without counters of the CPU
the figure of codecarbon's process mode stands in (see `power_model`). Such joules are close to a constant times
processor time, so they are marked as modelled and never mixed with measured ones. Memory is modelled in any case.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

from xpareto.compress.core import InputError
from xpareto.eval.hardware.gpu_energy import Cards, find_cards
from xpareto.eval.hardware.interference import processor_seconds
from xpareto.eval.hardware.power_model import PowerModel, power_model
from xpareto.eval.hardware.rapl import PowerCounter
from xpareto.eval.records import Basis

JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Spent:
    """Wall-clock seconds, processor seconds of all processes and cores, and joules of the counters.

    `cpu_j` is what the CPU packages drew meanwhile, whoever used them, and `gpu_j` the GPUs; None where
    no counter is readable. Sums and differences have joules only where both sides have them.
    """

    seconds: float
    cpu_seconds: float
    cpu_j: float | None = None
    gpu_j: float | None = None

    def __add__(self, other: Spent) -> Spent:
        return self._plus(other, 1)

    def __sub__(self, other: Spent) -> Spent:
        return self._plus(other, -1)

    def _plus(self, other: Spent, sign: int) -> Spent:
        pairs = zip(astuple(self), astuple(other), strict=True)
        sums: list[Any] = [None if None in (a, b) else a + sign * b for a, b in pairs]
        return Spent(*sums)


@dataclass(frozen=True)
class Joules:
    """Joules of a piece of work, how those of the CPU came about, and by what.

    `ram_j` is modelled always; `gpu_j` is measured, None where no GPU is readable.
    """

    cpu_j: float
    ram_j: float
    gpu_j: float | None
    basis: Basis
    instrument: str

    @property
    def total_j(self) -> float:
        """All that has the basis of the CPU: measured without memory, modelled with it. GPUs are not in it."""
        return self.cpu_j + (self.ram_j if self.basis == "modelled" else 0.0)


def energy(spent: Spent, model: PowerModel) -> Joules:
    """Return the energy of work: what counters measured, else what `model` makes of its times.

    Measured is gross: idle power and other processes on the packages are in it.

    >>> model = PowerModel(cpu_watts=8.0, cores=2, ram_watts=10.0, source="codecarbon")
    >>> energy(Spent(10.0, 12.0), model).total_j
    148.0
    >>> energy(Spent(10.0, 12.0, 900.0, 50.0), model).total_j
    900.0
    """
    ram_j = model.ram_j(spent.seconds)
    if spent.cpu_j is not None:
        return Joules(spent.cpu_j, ram_j, spent.gpu_j, "measured", "RAPL counters of the CPU packages")
    return Joules(model.cpu_j(spent.cpu_seconds), ram_j, spent.gpu_j, "modelled", model.words)


def machine_energy(spent: Spent) -> Joules:
    """Return the energy of work that was done in this process, with the model's figures of this machine."""
    return energy(spent, power_model())


class EnergyMeter:
    """Reads what was spent since it was made. Prints nothing, writes no file, asks no network.

    Counters start again after some minutes, so that no two readings may lie further apart. `counter` and
    `cards`: those of the CPU packages and GPUs; without arguments, those of this machine, if any.
    """

    def __init__(self, counter: PowerCounter | None = None, cards: Cards | None = None) -> None:
        self._counter = counter or PowerCounter.find()
        self._cards = cards or find_cards()
        self.measured = self._counter is not None
        self._counts = self._counter.read() if self._counter is not None else {}
        self._cpu_j = self._gpu_j = 0.0
        self._used, self._started = processor_seconds(), time.perf_counter()
        self._last = self._started

    def read(self) -> Spent:
        """Return what was spent since the meter was made."""
        now = time.perf_counter()
        if self._counter is not None:
            counts = self._counter.read()
            self._cpu_j += self._counter.joules(self._counts, counts)
            self._counts = counts
        if self._cards is not None:
            _, drawn = self._cards.measure_power_and_energy(now - self._last)
            self._gpu_j += drawn.kWh * JOULES_PER_KWH
        self._last = now
        return Spent(
            now - self._started,
            processor_seconds() - self._used,
            self._cpu_j if self._counter is not None else None,
            self._gpu_j if self._cards is not None else None,
        )

    def window(self, work: Callable[[], object]) -> Spent:
        """Return what `work` took."""
        start = self.read()
        work()
        return self.read() - start


def carbon_intensity(country: str | None) -> float:
    """Return the grams of CO2 equivalent per joule of a country's electricity, 0 without a country.

    `country` is its ISO 3166 alpha-3 code; InputError for one that codecarbon does not know.
    """
    if country is None:
        return 0.0
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import GeoMetadata
    from codecarbon.input import DataSource

    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    source = DataSource()
    if country not in source.get_global_energy_mix_data():
        raise InputError(
            f"measure.country: expected a three-letter ISO 3166 code such as FRA, found {country!r}."
        )
    kilograms = Emissions(source).get_country_emissions(Energy.from_energy(1.0), GeoMetadata(country))
    return float(kilograms) * 1e3 / JOULES_PER_KWH
