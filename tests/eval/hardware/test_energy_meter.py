"""Modelled joules follow processor time, and carbon is what codecarbon says of the country."""

from __future__ import annotations

import time

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.hardware.energy_meter import EnergyMeter, Spent, carbon_intensity, energy
from xpareto.eval.hardware.power_model import PowerModel
from xpareto.eval.hardware.rapl import PowerCounter


def test_without_a_counter_energy_follows_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PowerCounter, "find", staticmethod(lambda: None))
    meter = EnergyMeter()
    assert not meter.measured

    def work() -> None:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass

    busy, idle = meter.window(work), meter.window(lambda: time.sleep(0.2))
    assert busy.cpu_seconds == pytest.approx(0.2, abs=0.02) and idle.cpu_seconds < 0.05
    joules = energy(busy, PowerModel(cpu_watts=80.0, cores=4, ram_watts=10.0, source="a test"))
    assert joules.cpu_j == pytest.approx(80.0 * busy.cpu_seconds / 4)
    assert joules.total_j == joules.cpu_j + 10.0 * busy.seconds


def test_a_difference_has_joules_only_where_both_sides_have() -> None:
    assert Spent(5.0, 8.0, 300.0, 7.0) - Spent(1.0, 2.0, 100.0, 4.0) == Spent(4.0, 6.0, 200.0, 3.0)
    assert Spent(5.0, 8.0, 300.0) + Spent(1.0, 2.0) == Spent(6.0, 10.0)


@pytest.mark.parametrize("country", ["FRA", "POL"])
def test_carbon_is_what_codecarbon_says_of_the_country(country: str) -> None:
    from codecarbon.input import DataSource

    grams_per_kwh = DataSource().get_global_energy_mix_data()[country]["carbon_intensity"]
    assert carbon_intensity(country) == pytest.approx(grams_per_kwh / 3.6e6, rel=1e-12)


def test_without_a_country_there_is_no_carbon_and_an_unknown_one_is_refused() -> None:
    assert carbon_intensity(None) == 0.0
    with pytest.raises(InputError, match=r"measure\.country: .* found 'XXX'"):
        carbon_intensity("XXX")
