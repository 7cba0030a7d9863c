"""Peaks, the roof, and the two probes that measure under it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.artifact import Artifact
from xpareto.eval.data.source import DataSpec
from xpareto.eval.probes import roofline
from xpareto.eval.probing.child import _watched
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.registry import PROBES
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.records.measurement import LOAD, Measurement
from xpareto.eval.roofline.bound import Roof, in_precision
from xpareto.eval.roofline.onnx_operations import Work, onnx_work
from xpareto.eval.roofline.operator_profile import OVERHEAD, sums
from xpareto.eval.roofline.peak_rates import Peak, bandwidth, peaks
from xpareto.eval.tasks import task

Build = Callable[..., Artifact]
PARTS = {"embeddings", "attention", "ffn", "head", "other", OVERHEAD}


def test_peaks_are_rates_of_products_that_were_timed() -> None:
    found = peaks(["fp32", "int8", "fp16"], 1, 0.01, side=96)
    assert set(found) == {"fp32", "int8", "fp16"} and found["fp16"] == found["fp32"]
    for peak in found.values():
        assert 1e8 < peak.rate < 1e14 and "96 x 96 x 96" in peak.instrument
    assert 1e8 < bandwidth(1, 0.01, 1 << 20).rate < 1e13


@given(
    st.integers(1, 10**12),
    st.integers(1, 10**9),
    st.integers(0, 10**9),
    st.floats(1, 1e12),
    st.floats(1, 1e12),
)
def test_no_pass_is_attainable_below_either_roof(
    operations: int, weights: int, edges: int, peak: float, rate: float
) -> None:
    roof = Roof({"fp32": Peak(peak, "")}, Peak(rate, ""))
    work = Work({"fp32": operations}, weights, edges, None)
    least = roof.least_seconds(work)
    assert least * peak >= operations * (1 - 1e-9) and least * rate >= (weights + edges) * (1 - 1e-9)
    # The classical form: attainable rate = min(peak, intensity x bandwidth).
    assert operations / least == pytest.approx(min(peak, work.intensity * rate))
    assert roof.share(work, least) == pytest.approx(1) and roof.share(work, 2 * least) == pytest.approx(0.5)
    assert roof.bound(work) == ("memory" if (weights + edges) / rate >= operations / peak else "compute")


def test_a_runtime_in_bf16_has_other_operations_and_half_the_bytes() -> None:
    found = in_precision(Work({"fp32": 10}, 8, 2, None), "bf16")
    assert found.operations == {"bf16": 10} and (found.weight_bytes, found.boundary_bytes) == (4, 2)
    mixed = in_precision(Work({"fp32": 10, "int8": 90}, 8, 2, None), "bf16")
    assert mixed.operations == {"bf16": 10, "int8": 90} and mixed.weight_bytes == 8


def test_times_of_a_profile_add_up_and_the_warm_up_is_left_out() -> None:
    def node(name: str, operator: str, at: int, took: int) -> dict:
        return {
            "cat": "Node",
            "name": f"{name}_kernel_time",
            "ts": at,
            "dur": took,
            "args": {"op_name": operator},
        }

    def run(at: int) -> list[dict]:
        return [
            {"cat": "Session", "name": "model_run", "ts": at, "dur": 1000},
            node("m.embeddings/Gather", "Gather", at + 1, 100),
            node("m.encoder.layer.0.attention.self/MatMul", "MatMul", at + 200, 300),
            node("SkipLayerNormalization", "SkipLayerNormalization", at + 600, 50),
            node("m.encoder.layer.0.output.dense/MatMul", "MatMul", at + 700, 150),
        ]

    first = run(0)
    first[1]["dur"] = 90_000  # a cold first pass
    found = sums([*first, *run(200_000), *run(300_000)], 2)
    assert found.by_operator == pytest.approx(
        {"MatMul": 0.45, "Gather": 0.1, "SkipLayerNormalization": 0.05, OVERHEAD: 0.4}
    )
    assert found.by_component == pytest.approx(
        {"embeddings": 0.1, "attention": 0.35, "ffn": 0.15, OVERHEAD: 0.4}
    )
    assert sum(found.by_operator.values()) == pytest.approx(found.total_ms) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="expected 4 passes"):
        sums(run(0), 4)


@pytest.fixture(scope="module", params=["onnxruntime", "torch"])
def rows(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, onnx_artifact: Build,
    torch_artifact: Build,
) -> tuple[str, Artifact, list[Measurement]]:  # fmt: skip
    """Return the rows of both probes, of small products and arrays in the place of those that are for peaks."""
    runtime, labels = request.param, task("xnli").labels
    build = onnx_artifact if runtime == "onnxruntime" else torch_artifact
    artifact = build("classification", labels, None, "mnli")
    job = Job(
        "run", "cand", runtime, 1, {"mnli": str(artifact.path)}, DataSpec("nowhere"), (Ask("xnli"),), (),
        {"seconds": 0.02, "shapes": ["2x5", "1x7", "1x9000"]},
    )  # fmt: skip
    context = MeasurementContext(job, tmp_path_factory.mktemp("probes"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roofline, "peaks", partial(peaks, side=96))
        patch.setattr(roofline, "bandwidth", partial(bandwidth, bytes_each=1 << 20))
        found = [row for name in ("roofline", "operators") for row in _watched(PROBES.load(name), context)]
    context.close()
    return runtime, artifact, found


def test_the_roofline_s_rows_follow_from_each_other(rows: tuple[str, Artifact, list[Measurement]]) -> None:
    runtime, artifact, found = rows
    assert not [row.error for row in found if row.status == "failed"]
    of = {(row.statistic, row.component): row.value for row in found if row.probe == "roofline"}
    assert of["roofline_share", "1x9000"] is None
    peak, moved = of["peak_rate", "fp32"], of["peak_bandwidth", ""]
    assert peak is not None and moved is not None
    for shape in ("2x5", "1x7"):
        operations, intensity = of["operations", shape], of["intensity", shape]
        attainable, attained = of["attainable_rate", shape], of["attained_rate", shape]
        assert operations and intensity and attainable and attained
        if runtime == "onnxruntime":
            batch, length = map(int, shape.split("x"))
            assert operations == onnx_work(artifact.file("model.onnx"), batch, length).total
        assert attainable == pytest.approx(min(peak, intensity * moved))
        assert of["roofline_share", shape] == pytest.approx(100 * attained / attainable)
    exact = {row.basis for row in found if row.statistic in ("operations", "weight_bytes", "intensity")}
    assert exact == {"exact"}
    assert any(row.statistic == LOAD and row.probe == "roofline" for row in found)


def test_the_operators_time_adds_up_or_is_missing(rows: tuple[str, Artifact, list[Measurement]]) -> None:
    runtime, _, found = rows
    own = [row for row in found if row.probe == "operators" and row.statistic != LOAD]
    if runtime == "torch":
        assert [row.status for row in own] == ["missing"] and "only onnxruntime" in own[0].error
        return
    for shape in ("2x5", "1x7"):
        of = {
            statistic: {
                row.component.partition(" ")[2]: row.value for row in own
                if row.statistic == statistic and row.component.startswith(f"{shape} ")
            }
            for statistic in ("operator_time", "component_time")
        }  # fmt: skip
        assert {"Gather", "MatMul", "ReduceSum", OVERHEAD} <= set(of["operator_time"])
        assert set(of["component_time"]) <= PARTS
        assert np.sum(list(of["operator_time"].values())) == pytest.approx(sum(of["component_time"].values()))  # type: ignore[arg-type]
    assert [row.status for row in own if row.component == "1x9000"] == ["missing"]
