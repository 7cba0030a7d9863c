from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.compress.models.weight_files import stored_bytes
from xpareto.eval.data.source import DataSpec
from xpareto.eval.hardware.machine import rapl_readable
from xpareto.eval.probes import memory
from xpareto.eval.probes.size import sizes
from xpareto.eval.probing.probe import launch
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.probing.timed_calls import Times
from xpareto.eval.records.measurement import LOAD, Measurement
from xpareto.eval.roofline import file_bytes as weights
from xpareto.eval.tasks import task

Build = Callable[..., Artifact]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, onnx_artifact: Build) -> Job:
    root = tmp_path_factory.mktemp("download")
    (root / "xnli").mkdir()
    labels = task("xnli").labels
    for language in ("en", "sw"):
        lines = [f"a b {'c ' * (i % 7)}\td e\t{labels[i % 3]}" for i in range(12)]
        (root / "xnli" / f"test-{language}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    artifact = onnx_artifact("classification", labels, None, "mnli")
    return Job(
        "run", "cand", "onnxruntime", 1, {"mnli": str(artifact.path)}, DataSpec(str(root)),
        (Ask("xnli", ("en", "sw", "th")),), ("latency", "accuracy", "size", "memory", "energy"),
        {"seconds": 0.05, "latency_samples": 6},
    )  # fmt: skip


@pytest.fixture(scope="module")
def rows(job: Job, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Measurement], Path]:
    folder = tmp_path_factory.mktemp("probes")
    return launch(job, folder), folder


def of(rows: list[Measurement], probe: str) -> list[Measurement]:
    return [row for row in rows if row.probe == probe]


def test_nothing_fails_and_every_row_names_its_origin(rows: tuple[list[Measurement], Path], job: Job) -> None:
    found, _ = rows
    assert [row.error for row in found if row.status == "failed"] == []
    assert {(row.run, row.candidate, row.runtime) for row in found} == {("run", "cand", "onnxruntime")}
    assert {row.probe for row in found} == set(job.probes)
    assert all(row.time for row in found)
    assert all(row.artifact for row in found if row.statistic != LOAD)


def test_probes_that_time_tell_what_else_used_the_cores(rows: tuple[list[Measurement], Path]) -> None:
    found = {(row.probe, row.component): row for row in rows[0] if row.statistic == LOAD}
    assert {probe for probe, _ in found} == {"latency", "energy"}
    if sys.platform == "linux":
        assert {("latency", "foreign"), ("latency", "steal")} <= set(found)
    assert all(0 <= row.value <= 1 for row in found.values() if row.unit == "share" and row.value is not None)


def test_a_language_without_data_is_a_missing_row(rows: tuple[list[Measurement], Path]) -> None:
    found = {row.language: row for row in of(rows[0], "accuracy")}
    assert set(found) == {"en", "sw", "th"}
    assert (found["th"].status, found["th"].value) == ("missing", None)
    assert (found["en"].status, found["en"].examples) == ("ok", 12)


def test_scores_follow_from_the_kept_outcomes(rows: tuple[list[Measurement], Path]) -> None:
    found, folder = rows
    with np.load(folder / "outcomes" / "xnli.npz", allow_pickle=False) as kept:
        for row in of(found, "accuracy"):
            if row.status == "ok":
                columns = kept["columns"].tolist()
                correct = kept[row.language][:, columns.index("correct")]
                assert row.value == pytest.approx(100 * correct.mean())


def test_scores_follow_from_the_kept_predictions(rows: tuple[list[Measurement], Path], job: Job) -> None:
    found, folder = rows
    kept = json.loads((folder / "predictions" / "xnli.json").read_text(encoding="utf-8"))
    assert list(kept) == ["en", "sw"]
    labels = task("xnli").labels
    for row in of(found, "accuracy"):
        if row.status == "ok":
            right = [label == labels[i % 3] for i, label in enumerate(kept[row.language])]
            assert row.value == pytest.approx(100 * sum(right) / 12)


def test_a_test_set_without_labels_gives_predictions_and_missing_rows(
    tmp_path: Path, onnx_artifact: Build
) -> None:
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli" / "test-de.tsv").write_text("a b\tc\nd\te f\n", encoding="utf-8")
    (tmp_path / "xnli" / "test-en.tsv").write_text("a b\tc\tneutral\n", encoding="utf-8")
    artifact = onnx_artifact("classification", task("xnli").labels, None, "mnli")
    job = Job(
        "run", "cand", "onnxruntime", 1, {"mnli": str(artifact.path)}, DataSpec(str(tmp_path)),
        (Ask("xnli", ("de", "en")),), ("accuracy",),
    )  # fmt: skip
    found = {row.language: row for row in launch(job, tmp_path / "job")}
    assert (found["de"].status, found["de"].value, found["de"].error) == (
        "missing", None, "gold labels withheld",
    )  # fmt: skip
    assert found["en"].status == "ok"
    kept = json.loads((tmp_path / "job" / "predictions" / "xnli.json").read_text(encoding="utf-8"))
    assert {language: len(labels) for language, labels in kept.items()} == {"de": 2, "en": 1}
    with np.load(tmp_path / "job" / "outcomes" / "xnli.npz") as outcomes:
        assert sorted(outcomes.files) == ["columns", "en"]


def test_the_same_job_gives_the_same_scores_bit_for_bit(
    rows: tuple[list[Measurement], Path], job: Job, tmp_path: Path
) -> None:
    again = Job.from_json(job.to_json())
    found = launch(Job(**{**vars(again), "probes": ("accuracy",)}), tmp_path)
    assert [(row.language, row.value) for row in found] == [
        (row.language, row.value) for row in of(rows[0], "accuracy")
    ]
    with (
        np.load(tmp_path / "outcomes" / "xnli.npz") as one,
        np.load(rows[1] / "outcomes" / "xnli.npz") as other,
    ):
        assert all((one[name] == other[name]).all() for name in one.files)


def test_latency_percentiles_follow_from_the_raw_times(rows: tuple[list[Measurement], Path]) -> None:
    found = {row.component: row for row in of(rows[0], "latency") if row.statistic == "latency"}
    with np.load(rows[1] / "latency" / "xnli.npz", allow_pickle=False) as raw:
        single, lengths = Times(raw["single_ns"], raw["single_preempted"]), raw["lengths"]
        batched = Times(raw["batch_ns"], raw["batch_preempted"])
        assert raw["pass_ns"].tolist() == raw["batch_ns"].sum(axis=1).tolist()
    assert single.ns.shape[1] == len(lengths) == 6
    for name, percent in (("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)):
        assert found[name].value == pytest.approx(single.percentile_ms(percent))
        assert found[name].basis == "measured"
    (rate,) = [row for row in of(rows[0], "latency") if row.statistic == "throughput"]
    assert rate.value == pytest.approx(6 / batched.round_seconds())


def test_memory_grows_from_start_to_load_to_peak(rows: tuple[list[Measurement], Path]) -> None:
    found: dict[str, Any] = {row.statistic + row.component: row.value for row in of(rows[0], "memory")}
    assert 0 < found["rssbefore_load"] < found["rssafter_load"] <= found["peak_rss"]
    assert found["load_time"] > 0
    assert found["rssbefore_load"] < 120 << 20  # no model library had been imported


def test_the_peak_is_reset_and_sees_what_was_freed() -> None:
    memory.reset_peak()
    before = memory.peak_bytes()
    block = np.ones(8 << 20, np.float64)  # 64 MiB
    del block
    assert memory.peak_bytes() - before > 48 << 20
    memory.reset_peak()
    assert memory.peak_bytes() - before < 48 << 20


def test_components_add_up_to_the_model(rows: tuple[list[Measurement], Path]) -> None:
    found: dict[str, Any] = {row.component: row.value for row in of(rows[0], "size")}
    parts = [found[name] for name in weights.COMPONENTS]
    assert sum(parts) == found["model"]
    assert found["embeddings"] == 64 * 16 * 4
    assert found["head"] == 16 * 3 * 4
    assert found["tokenizer"] > 0


def test_energy_says_what_it_rests_on(rows: tuple[list[Measurement], Path]) -> None:
    found = {row.component: row for row in of(rows[0], "energy") if row.statistic == "energy"}
    assert {"cpu", "ram", "total"} <= set(found)
    assert all(row.value is not None and row.value >= 0 for row in found.values())
    if not rapl_readable():
        total = found["total"]
        assert {row.basis for row in found.values()} == {"modelled"}
        assert "codecarbon" in total.instrument and "W x time" in total.instrument
        assert total.value == pytest.approx((found["cpu"].value or 0) + (found["ram"].value or 0))


@pytest.mark.skipif(rapl_readable(), reason="energy is measured here")
def test_modelled_energy_can_be_refused(job: Job, tmp_path: Path) -> None:
    options = {**job.options, "allow_modelled": False}
    row, *loads = launch(Job(**{**vars(job), "probes": ("energy",), "options": options}), tmp_path)
    assert {item.statistic for item in loads} <= {LOAD}
    assert (row.status, row.basis) == ("failed", "unavailable")
    assert row.error.endswith("Set measure.allow_modelled_energy: true to accept that.")


def test_safetensors_sizes_are_those_of_the_tensors(torch_artifact: Build) -> None:
    from safetensors.numpy import load_file

    artifact = torch_artifact("tagging", ("A", "B"))
    tensors = load_file(artifact.file("model.safetensors"))
    assert stored_bytes(artifact.file("model.safetensors")) == {
        name: tensor.nbytes for name, tensor in tensors.items()
    }
    found = sizes(artifact)
    assert sum(found[name] for name in weights.COMPONENTS) == found["model"]
    assert found["head"] == 4 * (16 * 2 + 2)


def test_onnx_initializers_of_every_width_are_counted(tmp_path: Path) -> None:
    arrays = {
        "embeddings.word_embeddings.weight_quantized": np.zeros((9, 4), np.int8),
        "embeddings.word_embeddings.weight_scale": np.zeros(9, np.float32),
        "encoder.layer.0.dense.weight_quantized": np.zeros((4, 4), np.uint8),
        "val_3": np.zeros((4, 4), np.float16),
        "classifier.bias": np.zeros(3, np.float32),
        "shape": np.zeros(2, np.int64),
    }
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    tensors.append(helper.make_tensor("packed", TensorProto.INT4, [5], [1, 2, 3, 4, 5]))
    nodes = [helper.make_node("MatMul", ["x", "val_3"], ["y"], name="encoder.layer.1.output/MatMul")]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", TensorProto.FLOAT16, [1, 4])],
        [value("y", TensorProto.FLOAT16, [1, 4])],
        tensors,
    )
    file = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph), file)
    assert weights.onnx_components(file) == {
        "embeddings": 36 + 36, "encoder": 16 + 32, "head": 12, "other": 16 + 3,
    }  # fmt: skip


@pytest.mark.parametrize("keep", [3, 40, 200])
def test_a_truncated_weight_file_is_a_clear_error(onnx_artifact: Build, tmp_path: Path, keep: int) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(onnx_artifact("encoder").file("model.onnx").read_bytes()[:keep])
    with pytest.raises(InputError, match="not a readable ONNX model"):
        weights.onnx_components(file)
    other = tmp_path / "model.safetensors"
    other.write_bytes((10**6).to_bytes(8, "little") + json.dumps({"a": 1}).encode()[:keep])
    with pytest.raises(InputError, match="expected a safetensors file, found a truncated header"):
        stored_bytes(other)
