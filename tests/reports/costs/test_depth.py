"""Curves by layer in the report: what is used, what an oracle would choose, and nothing made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import RunSummary, summarize
from xpareto.reports.costs.depth import Curve, curves, drawn
from xpareto.reports.formats.markdown import summary
from xpareto.reports.formats.page import page

Make = Callable[..., Path]
CANDIDATE = "none/target/torch"


def with_depth(
    folder: Path, layers: int = 4, in_use: float = 2.0, skip: tuple[int, str] | None = None
) -> RunSummary:
    """Add a curve to a made-up run: 10, 30, 60, 50 in every language."""
    listed = summarize(read_runs([folder])).run.tasks["tatoeba"].languages

    def row(statistic: str, value: float, component: str, **more: str) -> Measurement:
        unit = "layer" if statistic == "layer" else "percent"
        return Measurement("r", CANDIDATE, "depth", statistic, value, unit, component=component, **more)

    rows = [row("layer", in_use, "in use")]
    for layer, value in enumerate([10.0, 30.0, 60.0, 50.0][:layers]):
        for place, code in enumerate(listed):
            if (layer, code) != skip:
                spread = value + (1 if place % 2 else -1) * (place < len(listed) // 2 * 2)
                rows.append(row("accuracy", spread, f"layer={layer}", task="tatoeba", language=code))
    append_rows(folder / "measurements.jsonl", rows)
    return summarize(read_runs([folder]))


def test_a_curve_is_the_mean_over_languages_at_every_layer(make_run: Make) -> None:
    (curve,) = curves(with_depth(make_run(), in_use=1.0))
    assert (curve.candidate, curve.task, curve.in_use, curve.oracle) == (CANDIDATE, "tatoeba", 1, 2)
    assert curve.scores == pytest.approx((10, 30, 60, 50))
    assert curve.lost == pytest.approx(30)


def test_a_layer_that_lacks_a_language_ends_the_curve(make_run: Make) -> None:
    folder = make_run()
    language = summarize(read_runs([folder])).run.tasks["tatoeba"].languages[0]
    (curve,) = curves(with_depth(folder, in_use=1.0, skip=(2, language)))
    assert len(curve.scores) == 2


def test_one_layer_alone_is_no_curve(make_run: Make) -> None:
    assert curves(with_depth(make_run(), layers=1, in_use=0.0)) == []
    assert curves(summarize(read_runs([make_run()]))) == []


def test_of_equal_layers_the_oracle_takes_the_lowest() -> None:
    assert Curve("c", "t", (1.0, 5.0, 5.0), 2).oracle == 1


def test_both_reports_mark_the_layer_in_use_and_the_oracle_and_say_what_it_is(make_run: Make) -> None:
    found = with_depth(make_run(), in_use=3.0)
    text = summary(found)
    assert "## Retrieval by layer" in text and "chosen on the very test examples" in text
    assert f"| `{CANDIDATE}` | tatoeba | 10.0 | 30.0 | 60.0† | **50.0** |" in text
    html = page(found)
    assert 'id="depth"' in html and "chosen on the very test examples" in html
    assert "layer 0: 10.0, layer 1: 30.0, layer 2: 60.0, layer 3: 50.0" in html


def test_without_the_probe_there_is_no_section(make_run: Make) -> None:
    found = summarize(read_runs([make_run()]))
    assert "Retrieval by layer" not in summary(found)
    assert 'id="depth"' not in page(found)


def test_the_drawn_curve_stays_in_its_box_and_its_marks_lie_on_it() -> None:
    one, other = drawn([Curve("a", "t", (0.0, 100.0, 50.0), 0), Curve("b", "t", (25.0, 20.0), 1)])
    for found in (one, other):
        places = [tuple(map(float, pair.split(","))) for pair in found.line.split()]
        assert all(0 <= x <= found.width and 0 <= y <= found.height for x, y in places)
        assert [x for x, _ in places] == sorted(x for x, _ in places)
        assert tuple(map(float, found.used)) == places[found.curve.in_use]
        assert tuple(map(float, found.best)) == places[found.curve.oracle]
    assert one.line.split()[1] == "150.0,6.0"
