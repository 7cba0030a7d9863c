"""Settings of the runtime in the report: each against those as set, the quickest first, nothing without rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import summarize
from xpareto.reports.costs.tuning import tuned
from xpareto.reports.formats.markdown import summary
from xpareto.reports.formats.page import page

Make = Callable[..., Path]
TRIED = ("as set", 4.0, 100.0), ("arena=false", 5.0, 80.0), ("spinning=false", 2.0, 110.0)
CANDIDATE = "none/onnx/onnxruntime"


def test_each_setting_stands_against_those_as_set(make_run: Make) -> None:
    folder = make_run()
    append_rows(
        folder / "measurements.jsonl",
        [
            Measurement("r", CANDIDATE, "tuning", statistic, value, "", component=name)
            for name, latency, rate in TRIED
            for statistic, value in (("latency_at_settings", latency), ("throughput_at_settings", rate))
        ],
    )  # fmt: skip
    found = summarize(read_runs([folder]))
    assert [(one.settings, one.quicker, one.more) for one in tuned(found)] == [
        ("spinning=false", 2.0, pytest.approx(1.1)),
        ("as set", 1.0, 1.0),
        ("arena=false", 0.8, 0.8),
    ]
    assert f"| `{CANDIDATE}` | spinning=false | 2 | 2.00× | 110 | 1.10× |" in summary(found)
    assert 'id="tuning-table"' in page(found)
    plain = summarize(read_runs([make_run()]))
    assert tuned(plain) == [] and "Settings of the runtime" not in summary(plain)
