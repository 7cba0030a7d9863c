"""A disturbed measurement is thrown away, counted and made again; the calmest is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xpareto.eval.records.measurement import LOAD, Measurement
from xpareto.pipelines.recipe.schema import Measure
from xpareto.pipelines.runs import measure
from xpareto.pipelines.runs.measure import DISCARDED, KEPT, Measuring, disturbance


def row(probe: str, statistic: str, value: float, component: str = "", unit: str = "share") -> Measurement:
    return Measurement("r", "c", probe, statistic, value, unit, component=component)


def loaded(foreign: float, latency: float) -> list[Measurement]:
    return [
        row("latency", "latency", latency, "p50", "ms"),
        row("latency", LOAD, foreign, "foreign"),
        row("latency", LOAD, 0.01, "steal"),
        row("latency", LOAD, 2400, "frequency", "MHz"),
    ]


def failed(probe: str, error: str) -> Measurement:
    return Measurement("r", "c", probe, probe, None, "", status="failed", error=error)


def attempts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: Sequence[list[Measurement]], **settings: Any
) -> list[Measurement]:
    """Return the rows kept when attempt n gives rows[n]."""
    given = iter(rows)

    def launch(job: Any, folder: Path) -> list[Measurement]:
        folder.mkdir(parents=True)
        return next(given)

    monkeypatch.setattr(measure, "launch", launch)
    own: Any = SimpleNamespace(settings=Measure(**settings), launch=measure.launch_here)
    job: Any = SimpleNamespace(run="r", candidate="c", runtime="torch", artifacts={})
    return Measuring._calmest(own, job, tmp_path / "cost-0")


def measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, loads: Sequence[float], **settings: Any
) -> tuple[list[Measurement], Path]:
    """Return the rows kept when attempt n meets loads[n] and finds a latency of n ms."""
    given = iter(enumerate(loads))

    def launch(job: Any, folder: Path) -> list[Measurement]:
        number, load = next(given)
        folder.mkdir(parents=True)
        (folder / "raw").write_text(str(number))
        return loaded(load, number)

    monkeypatch.setattr(measure, "launch", launch)
    own: Any = SimpleNamespace(settings=Measure(**settings), launch=measure.launch_here)
    job: Any = SimpleNamespace(run="r", candidate="c", runtime="torch", artifacts={})
    return Measuring._calmest(own, job, tmp_path / "cost-0"), tmp_path / "cost-0"


@pytest.mark.parametrize(
    ("loads", "kept", "thrown"),
    [
        ([0.0], 0, []),
        ([0.5, 0.02], 1, [0.51]),
        ([0.5, 0.7, 0.3], 2, [0.51, 0.71]),  # never calm: the calmest of all
        ([0.3, 0.7, 0.5], 0, [0.71, 0.51]),
    ],
)
def test_the_calmest_attempt_is_kept_with_its_raw_samples(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, loads: list[float], kept: int, thrown: list[float]
) -> None:
    rows, folder = measured(monkeypatch, tmp_path, loads, retries=2)
    assert [item.value for item in rows if item.statistic == "latency"] == [kept]
    assert (folder / "raw").read_text() == str(kept)
    discarded = [item.value for item in rows if item.statistic == DISCARDED]
    assert sorted(discarded) == pytest.approx(sorted(thrown))
    (load,) = [item.value for item in rows if item.statistic == KEPT]
    assert load == pytest.approx(loads[kept] + 0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["cost-0"]


def test_the_limit_decides_what_is_disturbed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows, _ = measured(monkeypatch, tmp_path, [0.5], retries=3, max_foreign_load=0.6)
    assert not [item for item in rows if item.statistic == DISCARDED]


def test_the_disturbance_is_that_of_the_worst_probe_and_no_frequency() -> None:
    rows = [*loaded(0.1, 1), row("energy", LOAD, 0.3, "foreign")]
    assert disturbance(rows) == pytest.approx(0.3)
    assert disturbance([row("size", "size", 4, unit="bytes")]) == 0


def test_a_retry_that_crashed_replaces_no_valid_measurement(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crash = [failed("latency", "killed by signal 9"), failed("energy", "killed by signal 9")]
    rows = attempts(monkeypatch, tmp_path, [loaded(0.3, 5), crash, loaded(0.5, 6)], retries=2)
    assert [item.value for item in rows if item.statistic == "latency"] == [5]
    assert not [item for item in rows if item.status == "failed"]
    crashed, disturbed = [item for item in rows if item.statistic == DISCARDED]
    assert crashed.value == 0 and "latency failed: killed by signal 9" in crashed.error
    assert disturbed.value == pytest.approx(0.51) and disturbed.error == ""


def test_a_valid_attempt_replaces_a_calmer_one_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    partly = [*loaded(0.3, 4), failed("energy", "no counter")]
    rows = attempts(monkeypatch, tmp_path, [partly, loaded(0.4, 5)], retries=1)
    assert [item.value for item in rows if item.statistic == "latency"] == [5]
    (thrown,) = [item for item in rows if item.statistic == DISCARDED]
    assert thrown.value == pytest.approx(0.31) and "no counter" in thrown.error


def test_what_fails_in_every_attempt_leaves_the_choice_to_the_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    always = failed("energy", "no counter")
    given = [[*loaded(0.3, 4), always], [always, failed("latency", "crash")], [*loaded(0.2, 5), always]]
    rows = attempts(monkeypatch, tmp_path, given, retries=2)
    assert [item.value for item in rows if item.statistic == "latency"] == [5]
    assert len([item for item in rows if item.status == "failed"]) == 1
