"""Scores per layer: each is what an artifact that is read at that layer scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.eval.probing.made_up_texts import write_texts
from xpareto.compress.core.artifact import Artifact
from xpareto.eval.data.source import DataSpec
from xpareto.eval.probes import accuracy, depth
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.probe import Probe
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.records.measurement import Measurement
from xpareto.eval.runtimes._runtime import RUNTIMES

Build = Callable[..., Artifact]
LAYERS = 3


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with Tatoeba in de and a small BUCC in de."""
    write_texts(tmp_path)
    return tmp_path


def rows_of(probe: Probe, artifact: Artifact, runtime: str, data: Path, folder: Path) -> list[Measurement]:
    asks = (Ask("tatoeba", ("de", "fr")), Ask("bucc2018", ("de",), "dev"))
    folder.mkdir(exist_ok=True)
    job = Job("run", "c", runtime, 1, {"encoder": str(artifact.path)}, DataSpec(str(data)), asks, ())
    context = MeasurementContext(job, folder)
    rows = list(probe.measure(context))
    context.close()
    return rows


def test_every_layer_scores_as_an_artifact_read_there(
    torch_artifact: Build, data: Path, tmp_path: Path
) -> None:
    whole = torch_artifact("encoder", (), 1, "encoder")
    curve = rows_of(depth.PROBE, whole, "torch", data, tmp_path / "depth")
    for layer in range(LAYERS + 1):
        single = torch_artifact("encoder", (), layer, "encoder")
        expected = {
            (row.task, row.language): row.value
            for row in rows_of(accuracy.PROBE, single, "torch", data, tmp_path / "one")
            if row.status == "ok" and row.statistic in ("accuracy", "f1")
        }
        found = {(r.task, r.language): r.value for r in curve if r.component == f"layer={layer}"}
        assert found == expected
        assert set(found) == {("tatoeba", "de"), ("bucc2018", "de")}
    assert len({r.value for r in curve if r.task == "tatoeba" and r.value is not None}) > 1


def test_the_layer_in_use_is_named_and_missing_data_told(
    torch_artifact: Build, data: Path, tmp_path: Path
) -> None:
    for layer, own in ((1, 1.0), (None, 3.0)):
        rows = rows_of(depth.PROBE, torch_artifact("encoder", (), layer, "encoder"), "torch", data, tmp_path)
        assert [row.value for row in rows if row.component == depth.IN_USE] == [own]
        (missing,) = [row for row in rows if row.status == "missing"]
        assert (missing.language, missing.statistic) == ("fr", "accuracy")


def test_layers_in_rounds_give_the_same_as_all_at_once(
    torch_artifact: Build, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = torch_artifact("encoder", (), 1, "encoder")

    def values() -> list[tuple[str, str, float | None]]:
        rows = rows_of(depth.PROBE, artifact, "torch", data, tmp_path)
        return [(row.task, row.component, row.value) for row in rows]

    whole = values()
    monkeypatch.setattr(depth, "_BUDGET_BYTES", 1)
    assert values() == whole


def test_an_onnx_encoder_has_the_one_layer_it_is_read_at(
    onnx_artifact: Build, data: Path, tmp_path: Path
) -> None:
    artifact = onnx_artifact("encoder", (), 1, "encoder")
    rows = rows_of(depth.PROBE, artifact, "onnxruntime", data, tmp_path)
    assert {row.component for row in rows if row.status == "ok"} == {"layer=1", depth.IN_USE}
    expected = [
        row.value
        for row in rows_of(accuracy.PROBE, artifact, "onnxruntime", data, tmp_path)
        if row.statistic in ("accuracy", "f1") and row.status == "ok"
    ]
    assert [row.value for row in rows if row.component == "layer=1"] == expected


def test_models_without_retrieval_give_no_row(torch_artifact: Build, data: Path, tmp_path: Path) -> None:
    artifact = torch_artifact("classification", ("a", "b"), None, "mnli")
    job = Job(
        "run", "c", "torch", 1, {"mnli": str(artifact.path)}, DataSpec(str(data)),
        (Ask("tatoeba", ("de",)),), (),
    )  # fmt: skip
    assert list(depth.PROBE.measure(MeasurementContext(job, tmp_path))) == []


def test_a_session_refuses_layers_that_it_cannot_give(torch_artifact: Build, onnx_artifact: Build) -> None:
    ids = np.array([[0, 5, 2]])
    for name, build in (("torch", torch_artifact), ("onnxruntime", onnx_artifact)):
        session = RUNTIMES.load(name).open(build("encoder"), 1)
        with pytest.raises(ValueError, match="expected layers of"):
            session.run_layers(ids, np.ones_like(ids), [7])
        session.close()
