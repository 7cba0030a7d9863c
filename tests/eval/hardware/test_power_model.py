"""Watts are codecarbon's own, and what is modelled is what its process mode says of the same work."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import codecarbon.core.cpu
import codecarbon.core.util
import pytest

from tests.bench.energy import ALLOWED, compared, loads
from xpareto.eval.hardware import power_model
from xpareto.eval.hardware.power_model import _cpu


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    _cpu.cache_clear()
    yield
    _cpu.cache_clear()


def machine(
    monkeypatch: pytest.MonkeyPatch, name: str, tdp: float | None, sockets: int = 1, virtual: bool = False
) -> tuple[float, int, str]:
    """Return the watts, logical CPUs and words of a machine of 8 logical CPUs."""

    def table() -> Any:
        return SimpleNamespace(tdp=tdp)

    monkeypatch.setattr(power_model, "cpu_model", lambda: name)
    monkeypatch.setattr(power_model, "is_virtual", lambda: virtual)
    monkeypatch.setattr(codecarbon.core.cpu, "TDP", table)
    monkeypatch.setattr(codecarbon.core.util, "count_cpus", lambda: 8)
    monkeypatch.setattr(codecarbon.core.util, "count_physical_cpus", lambda: sockets)
    return _cpu()


@pytest.mark.parametrize(("virtual", "said"), [(False, "whole socket"), (True, "may have a share only")])
def test_a_known_cpu_has_the_tdp_of_its_sockets(
    monkeypatch: pytest.MonkeyPatch, virtual: bool, said: str
) -> None:
    watts, cores, words = machine(monkeypatch, "AMD EPYC 7763", 280.0, 1, virtual)
    assert (watts, cores) == (280.0, 8) and said in words
    assert ("share" in words) == virtual


def test_each_socket_has_a_tdp(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine(monkeypatch, "AMD EPYC 7763", 280.0, 2)[0] == 560.0


@pytest.mark.parametrize("name", ["Intel(R) Xeon(R) Processor", "Some CPU 9000"])
def test_a_cpu_that_codecarbon_does_not_know_has_4_watts_for_each_logical_cpu(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    watts, cores, words = machine(
        monkeypatch, name, 32.0
    )  # as codecarbon's TDP says of a name not in its table
    assert (watts, cores) == (32.0, 8) and "4 W for each logical CPU" in words


def test_where_codecarbon_has_no_figure_its_constant_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine(monkeypatch, "CPU 1", None)[0] == 85.0


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # codecarbon warns while it looks for hardware
@pytest.mark.parametrize("load", list(loads(0.0)))
def test_the_energy_of_a_known_load_is_codecarbons_process_figure(load: str) -> None:
    found = compared(load, loads(8.0)[load])
    assert found.their_j > 50.0  # 8 s of memory alone
    assert found.apart <= ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["Intel(R) Xeon(R) Processor", "AMD EPYC-Milan Processor", "Common KVM processor", "DO-Regular"],
)
def test_codecarbons_table_has_no_name_without_a_number(name: str) -> None:
    assert codecarbon.core.cpu.TDP.__new__(codecarbon.core.cpu.TDP)._get_cpu_power_from_registry(name) is None
