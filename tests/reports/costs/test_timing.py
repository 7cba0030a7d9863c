from __future__ import annotations

from typing import Any

import pytest

from xpareto.eval.objectives._objective import OBJECTIVES
from xpareto.eval.records.measurement import Measurement
from xpareto.reports.costs.stacked_bars import bars
from xpareto.reports.costs.timing import MODEL, TOKENIZATION, energies, timing


def row(statistic: str, value: float | None, component: str = "p50", **more: Any) -> Measurement:
    return Measurement("r", "c", "latency", statistic, value, "ms", component=component, **more)


def test_times_are_geometric_means_over_blocks_and_the_model_s_is_the_objective() -> None:
    rows = [row("latency", v, task="a", repeat=n) for n, v in enumerate((1.0, 2.0, 4.0))]
    rows += [row("latency", v, task="b", repeat=n) for n, v in enumerate((3.0, 4.0, 9.0))]
    rows += [row("latency", 7.0, "p95", task="b")]
    rows += [row("tokenization", v, "mean over languages", task=t) for t, v in (("a", 0.5), ("b", 1.5))]
    rows += [row("tokenization", 99.0, "per sequence", task="a", language="de")]
    found = timing(rows)
    assert found.parts == {MODEL: pytest.approx((2.0 * 3.0 * 6.5) ** (1 / 3)), TOKENIZATION: 1.0}
    assert found.parts[MODEL] == OBJECTIVES.load("latency_ms").reduce(rows)
    assert found.tasks["a"] == (pytest.approx(2.0), None)
    assert found.tasks["b"] == (pytest.approx(108 ** (1 / 3)), pytest.approx(7.0))


def test_a_tokenizer_timed_on_fewer_tasks_is_not_set_beside_the_model() -> None:
    rows = [row("latency", 1.0, task="a"), row("latency", 1.0, task="b")]
    rows += [row("tokenization", 0.5, "mean over languages", task="a")]
    assert timing(rows).parts == {MODEL: 1.0}


def test_languages_are_means_over_their_tasks_and_shapes_keep_their_names() -> None:
    rows = [
        row("latency_by_language", v, task=t, language=c)
        for t, c, v in (("a", "de", 1.0), ("b", "de", 3.0), ("a", "th", 5.0))
    ]
    rows += [row("latency_at_shape", 8.0, "8x128 p50"), row("latency_at_shape", 9.0, "8x128 p95")]
    found = timing(rows)
    assert found.languages == {"de": 2.0, "th": 5.0} and found.shapes == {"8x128": 8.0}
    assert found.dearest == ("th", 5.0) and found.cheapest == ("de", 2.0)


def test_failures_and_the_twin_count_for_nothing() -> None:
    rows = [row("latency", None, task="a", status="failed"), row("aa_latency", 5.0, task="a")]
    found = timing(rows)
    assert found.parts == {} and found.tasks == {} and found.dearest is None


def test_energy_by_part_leaves_the_total_out_and_says_what_each_part_rests_on() -> None:
    rows = [
        row("energy", v, part, task=t, basis=basis)
        for t, part, v, basis in (
            ("a", "ram", 0.5, "modelled"),
            ("b", "ram", 0.5, "modelled"),
            ("a", "cpu", 1.0, "measured"),
            ("b", "cpu", 3.0, "measured"),
            ("a", "total", 9.0, "measured"),
        )
    ]
    assert list(energies(rows).items()) == [("cpu, measured", 2.0), ("ram, modelled", 0.5)]


def test_bars_share_one_scale_and_a_bar_of_nothing_has_no_total() -> None:
    found = bars(
        {"one": {"a": 1.0, "b": 1.0}, "none": {}}, lambda value: "–" if value is None else f"{value:g}"
    )
    assert [part.x for part in found.rows[0].parts] == ["0.00", "500.00"]
    assert found.rows[1].parts == () and found.rows[1].total == "–"
    assert bars({"none": {}}, str).rows == ()
    assert [part.place for part in found.rows[0].parts] == [0, 1]
    assert float(found.rows[0].parts[1].width) == pytest.approx(500)
