"""The energy of GPUs where there is one, where there is none, and where its driver does not answer."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from xpareto.eval.hardware.gpu_energy import find_cards

GPU = importlib.import_module("codecarbon.core.gpu")
HARDWARE = importlib.import_module("codecarbon.external.hardware")


class DriverError(Exception):
    """What a driver's library raises."""


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(GPU, "is_gpu_details_available", lambda: True)
    monkeypatch.setattr(GPU, "pynvml", SimpleNamespace(NVMLError=DriverError))
    return monkeypatch


def test_without_a_gpu_there_is_nothing_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GPU, "is_gpu_details_available", lambda: False)
    assert find_cards() is None


@pytest.mark.parametrize(("visible", "asked"), [(None, None), ("0,2", ["0", "2"]), ("", [])])
def test_the_cards_that_this_process_may_use_are_read(
    driver: pytest.MonkeyPatch, visible: str | None, asked: list[str] | None
) -> None:
    given: list[Any] = []

    def from_utils(ids: Any) -> Any:
        given.append(ids)
        return SimpleNamespace(num_gpus=8 if ids is None else len(ids), start=lambda: None)

    driver.setattr(HARDWARE, "GPU", SimpleNamespace(from_utils=from_utils))
    if visible is None:
        driver.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        driver.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = find_cards()
    assert given == [asked] and (found is None) == (asked == [])


def test_a_driver_that_does_not_answer_stops_no_work(driver: pytest.MonkeyPatch) -> None:
    def broken(ids: Any) -> Any:
        raise DriverError("the driver is not loaded")

    driver.setattr(HARDWARE, "GPU", SimpleNamespace(from_utils=broken))
    assert find_cards() is None
