"""Settings of a runtime are tried in turn, and those that pay in every round together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.artifact import Artifact
from xpareto.eval.data.source import DataSpec
from xpareto.eval.probes.tuning import AS_SET, PROBE, Tuning
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.probe import launch
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.eval.tasks import task

Build = Callable[..., Artifact]
MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(tmp_path: Path, onnx_artifact: Build) -> MakeJob:
    root, labels = tmp_path / "download", task("xnli").labels
    (root / "xnli").mkdir(parents=True)
    lines = [f"a b {'c ' * (i % 7)}\td e\t{labels[i % 3]}" for i in range(12)]
    (root / "xnli" / "test-en.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    artifact = onnx_artifact("classification", labels, None, "mnli")

    def make(**options: Any) -> Job:
        return Job(
            "run", "cand", "onnxruntime", 1, {"mnli": str(artifact.path)}, DataSpec(str(root)), (Ask("xnli", ("en",)),),
            ("tuning",), {"seconds": 0.02, "latency_samples": 6, **options},
        )  # fmt: skip

    return make


def test_every_alternative_of_a_runtime_has_a_latency_and_a_rate(make_job: MakeJob, tmp_path: Path) -> None:
    rows = [row for row in launch(make_job(), tmp_path / "probe") if row.probe == "tuning"]
    assert not [row for row in rows if row.status == "failed"]
    for statistic, unit in (("latency_at_settings", "ms"), ("throughput_at_settings", "examples/s")):
        found = {row.component: row for row in rows if row.statistic == statistic}
        singles = {AS_SET, "spinning=false", "arena=false", "graph=extended", "prepacking=false"}
        assert singles <= set(found) and len(found) <= len(singles) + 1
        assert all(row.value and row.value > 0 and row.unit == unit for row in found.values())


def test_what_the_recipe_sets_already_is_not_tried_and_stays_beside_the_others(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Mapping[str, Mapping[str, Any]]] = []

    def rounds(_self: Tuning, _context: Any, _set: str, _sample: Any, settings: Any) -> Any:
        asked.append(dict(settings))
        return {name: ([2.0, 2.0], [1.0, 1.0]) for name in settings}

    monkeypatch.setattr(Tuning, "_rounds", rounds)
    context = MeasurementContext(make_job(runtime={"arena": False}), tmp_path)
    list(PROBE.measure(context))
    (settings,) = asked  # nothing pays, so nothing is combined
    assert settings[AS_SET] == {"arena": False} and "arena=false" not in settings
    assert settings["spinning=false"] == {"arena": False, "spinning": False}


def test_settings_that_pay_in_every_round_are_tried_together(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {AS_SET: 10.0, "spinning=false": 9.0, "arena=false": 8.0, "graph=extended": 11.0}
    asked: list[dict[str, Any]] = []

    def rounds(_self: Tuning, _context: Any, _set: str, _sample: Any, settings: Any) -> Any:
        asked.append(dict(settings))
        joined = "spinning=false, arena=false"
        lucky = {"prepacking=false": ([9.0, 10.0], [1.0, 1.0]), joined: ([7.0, 7.0], [3.0, 3.0])}
        return {name: lucky.get(name) or ([times[name]] * 2, [1.0] * 2) for name in settings}

    monkeypatch.setattr(Tuning, "_rounds", rounds)
    rows = list(PROBE.measure(MeasurementContext(make_job(), tmp_path)))
    assert asked[1] == {AS_SET: {}, "spinning=false, arena=false": {"spinning": False, "arena": False}}
    latency = {row.component: row.value for row in rows if row.statistic == "latency_at_settings"}
    assert latency["spinning=false, arena=false"] == 7.0 and latency[AS_SET] == 10.0
    rounds_told = {row.component: row.instrument.split()[2] for row in rows}
    assert rounds_told[AS_SET] == "4" and rounds_told["arena=false"] == "2"


@pytest.mark.parametrize("name", RUNTIMES.names)
def test_alternatives_are_settings_and_none_is_the_default(name: str) -> None:
    runtime = RUNTIMES.load(name)
    for fields in runtime.alternatives():
        assert all(runtime.setting({}, key) != value for key, value in fields.items())
        runtime.settings.model_validate(fields)
