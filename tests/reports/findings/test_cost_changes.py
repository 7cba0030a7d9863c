from __future__ import annotations

import pytest

from tests.reports.analysed_run import changed, document_of
from xpareto.eval.analyses.documents.summary import NO_ANALYSIS, Summary
from xpareto.eval.results.summary import RunSummary
from xpareto.reports.findings.cost_changes import compared_with, cost_change
from xpareto.reports.text.numbers import factor

Shown = tuple[RunSummary, Summary]
BASE, ONNX, INT8 = "none/fp32/torch", "none/onnx/onnxruntime", "none/int8/onnxruntime"


def test_a_cost_is_compared_with_the_uncompressed_model_in_its_runtime(alone: Shown) -> None:
    run_summary, analysis = alone
    assert compared_with(run_summary, INT8) == ONNX
    assert compared_with(run_summary, ONNX) == BASE == compared_with(run_summary, BASE)
    for one, other in ((INT8, ONNX), (ONNX, BASE)):
        here, there = run_summary.value(one, "latency_ms"), run_summary.value(other, "latency_ms")
        assert here is not None and there is not None
        for known in (analysis, NO_ANALYSIS):
            assert cost_change(run_summary, known, one, "latency_ms") == factor(here / there, "ms")
    assert cost_change(run_summary, analysis, BASE, "latency_ms") == ""


@pytest.mark.parametrize(("floor", "told"), [(50.0, ", within noise"), (0.5, ""), (None, " as measured")])
def test_without_an_interval_the_noise_floor_decides(seeds: Shown, floor: float | None, told: str) -> None:
    run_summary, analysis = seeds
    name = "none/onnx/seed=1/onnxruntime"
    objectives = document_of(analysis)["objectives"]
    objectives["latency_ms"]["noise"] |= {"floor": floor}
    words = cost_change(run_summary, changed(seeds, objectives=objectives), name, "latency_ms")
    assert words == cost_change(run_summary, NO_ANALYSIS, name, "latency_ms") + told


@pytest.mark.parametrize(
    ("ends", "told"),
    [((0.9, 1.1), ", within noise"), ((0.2, 0.4), ""), ((None, None), ""), ((1.0, 1.2), ", within noise")],
)
def test_only_an_interval_that_leaves_one_out_makes_a_difference(
    alone: Shown, ends: tuple[float | None, float | None], told: str
) -> None:
    run_summary, analysis = alone
    ratios = document_of(analysis)["cost_ratios"]
    place = analysis.members.index((INT8,))
    ratios["latency_ms"][place]["compression"][1:] = ends
    words = cost_change(run_summary, changed(alone, cost_ratios=ratios), INT8, "latency_ms")
    assert words == cost_change(run_summary, NO_ANALYSIS, INT8, "latency_ms") + told
