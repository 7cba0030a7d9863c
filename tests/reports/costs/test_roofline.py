"""The roofline and the operators in the report: medians over blocks, shares that add up, nothing without rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import RunSummary, summarize
from xpareto.reports.costs.roofline import reached, spent
from xpareto.reports.formats.markdown import summary
from xpareto.reports.formats.page import page

Make = Callable[..., Path]
CANDIDATE = "none/onnx/onnxruntime"


def with_roofline(folder: Path) -> RunSummary:
    def row(
        probe: str, statistic: str, value: float, component: str, repeat: int = 0, told: str = ""
    ) -> Measurement:
        return Measurement(
            "r", CANDIDATE, probe, statistic, value, "", component=component, repeat=repeat, instrument=told
        )

    rows = []
    for block, attained in enumerate((80e9, 100e9, 40e9)):
        for statistic, value in (
            ("operations", 176e9), ("intensity", 500.0), ("attainable_rate", 200e9),
            ("attained_rate", attained), ("roofline_share", attained / 2e9),
        ):  # fmt: skip
            told = "median of 9 calls, bound by compute"
            rows.append(row("roofline", statistic, value, "8x128", block, told))
    rows.append(row("roofline", "peak_rate", 200e9, "fp32"))
    rows += [row("operators", "operator_time", value, f"8x128 {name}") for name, value in
             (("MatMul", 30.0), ("Softmax", 6.0), ("between operators", 4.0))]  # fmt: skip
    rows += [row("operators", "component_time", value, f"8x128 {name}") for name, value in
             (("ffn", 24.0), ("attention", 12.0), ("between operators", 4.0))]  # fmt: skip
    append_rows(folder / "measurements.jsonl", rows)
    return summarize(read_runs([folder]))


def test_a_candidate_s_share_is_the_median_of_its_blocks(make_run: Make) -> None:
    (one,) = reached(with_roofline(make_run()))
    assert (one.candidate, one.shape, one.bound) == (CANDIDATE, "8x128", "compute")
    assert (one.attained, one.share) == (80e9, pytest.approx(40))


def test_shares_of_the_time_add_up(make_run: Make) -> None:
    (one,) = spent(with_roofline(make_run()))
    assert one.operators == (("MatMul", 75.0), ("Softmax", 15.0), ("between operators", 10.0))
    assert one.components == (("ffn", 60.0), ("attention", 30.0), ("between operators", 10.0))


def test_the_summary_shows_both_where_they_were_measured_and_neither_elsewhere(make_run: Make) -> None:
    text = summary(with_roofline(make_run()))
    assert (
        "## Roofline" in text and f"| `{CANDIDATE}` | 8x128 | 176 | 500 | 200 | 80 | 40 | compute |" in text
    )
    assert "MatMul 75 %" in text and "ffn 60 %" in text
    plain = summarize(read_runs([make_run()]))
    assert reached(plain) == [] and spent(plain) == []
    assert "## Roofline" not in summary(plain) and "Where the time goes" not in summary(plain)


def test_the_page_shows_both_where_they_were_measured_and_neither_elsewhere(make_run: Make) -> None:
    text = page(with_roofline(make_run()))
    parts = text[text.index('id="parts-table"') : text.index('id="roofline-table"')]
    assert "<bdi>MatMul</bdi> 75" in parts and "<bdi>ffn</bdi> 60" in parts
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text[text.index('id="roofline-table"') :])[:7]
    assert cells == ["8x128", "176", "500", "200", "80.0", "40", "<bdi>compute</bdi>"]
    without = page(summarize(read_runs([make_run()])))
    assert "roofline-table" not in without and "parts-table" not in without
