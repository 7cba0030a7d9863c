from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import SCORE, RunSummary, summarize
from xpareto.reports.costs.file_sizes import sizes
from xpareto.reports.findings.lead import cheapest, headline, standing

Make = Callable[..., Path]


def _study(folder: Path) -> RunSummary:
    return summarize(read_runs([folder]))


def test_every_pair_of_objectives_has_the_frontier_that_the_definition_gives(make_run: Make) -> None:
    found = _study(make_run(apart=1.3))
    for (x, y), names in found.frontiers.items():
        signs = [1 if found.objectives[key].sense == "min" else -1 for key in (x, y)]
        points = {
            name: tuple(sign * (values[key] or 0.0) for sign, key in zip(signs, (x, y), strict=True))
            for name, values in found.values.items()
            if values[x] is not None and values[y] is not None
        }
        expected = {
            name
            for name, (a, b) in points.items()
            if not any(c <= a and d <= b and (c < a or d < b) for c, d in points.values())
        }
        assert set(names) == expected, (x, y)
        firsts = [points[name][0] for name in names]
        assert firsts == sorted(firsts)


def test_a_candidate_with_a_failed_language_is_on_no_frontier_of_the_score(make_run: Make) -> None:
    found = _study(make_run())
    failed = next(c.name for c in found.run.candidates if found.failed(c.name))
    assert found.value(failed, SCORE) is None
    assert found.on_frontier(failed) == ()
    assert found.value(failed, "peak_rss_bytes") is None  # its memory probe failed too
    assert found.value(failed, "latency_ms") is not None


def test_the_score_is_the_average_over_tasks(make_run: Make) -> None:
    found = _study(make_run(failing=False))
    for candidate in found.run.candidates:
        average, value = found.average(candidate.name), found.value(candidate.name, SCORE)
        assert average is not None and value is not None
        assert abs(average.value - value) < 1e-9


def test_the_average_without_retrieval_leaves_out_retrieval_only(make_run: Make) -> None:
    found = _study(make_run(failing=False))
    name = found.run.baseline
    parts = [found.task_score(name, task) for task in ("udpos", "xnli")]
    without = found.average(name, retrieval=False)
    assert without is not None
    assert abs(without.value - sum(part.value for part in parts if part) / 2) < 1e-9


def test_the_cheapest_good_enough_is_within_one_point_and_none_such_is_cheaper(make_run: Make) -> None:
    found = _study(make_run(hostile=False))
    for cost in ("latency_ms", "size_bytes", "peak_rss_bytes"):
        names = cheapest(found, cost)
        assert names
        good = [
            found.value(c.name, cost)
            for c in found.run.candidates
            if (gain := found.gain(c.name)) is not None
            and gain >= -1
            and found.value(c.name, cost) is not None
        ]
        assert {found.value(name, cost) for name in names} == {min(value for value in good if value)}


def test_the_headline_names_the_baseline_first_and_compares_the_arms(make_run: Make) -> None:
    sentences = headline(_study(make_run(hostile=False)))
    assert sentences[0][1] == "none/target/torch"
    words = ["".join(parts) for parts in sentences]
    assert any(text.startswith("Arm mnli against arm none: +") for text in words)
    assert any(text.startswith("On the frontier of score against") for text in words)


def test_a_frontier_names_its_last_one_instead_of_counting_it(make_run: Make) -> None:
    found = _study(make_run(hostile=False))
    names = tuple(candidate.name for candidate in found.run.candidates)
    assert len(names) == 8
    for count, told in ((7, f" and {names[6]}."), (8, " and 2 more.")):
        chosen = replace(found, frontiers={**found.frontiers, ("latency_ms", SCORE): names[:count]})
        words = "".join(standing(chosen)[0])
        assert "as measured" in words and "1 more" not in words and words.endswith(told)


def test_a_baseline_without_a_score_is_said_and_nothing_is_compared(make_run: Make) -> None:
    folder = make_run()
    row = Measurement("r", "none/target/torch", "accuracy", "accuracy", None, "percent", task="xnli",
                      language="en", status="failed", error="boom")  # fmt: skip
    append_rows(folder / "measurements.jsonl", [row])
    found = _study(folder)
    assert found.average(found.run.baseline) is None
    assert found.value(found.run.baseline, SCORE) is None
    assert len(headline(found)) == 1


def test_a_failure_that_a_later_row_makes_good_is_no_failure(make_run: Make) -> None:
    folder = make_run()
    failures = _study(folder).failures
    assert failures
    mended = [
        Measurement(
            "r",
            f.candidate,
            f.probe,
            f.statistic,
            50.0,
            "percent",
            task=f.task,
            language=f.language,
            examples=10,
            artifact=row.artifact,
        )
        for f in failures
        for row in read_runs([folder]).rows[f.candidate]
        if row.status == "failed" and (row.probe, row.statistic) == (f.probe, f.statistic)
    ]
    append_rows(folder / "measurements.jsonl", mended)
    assert _study(folder).failures == ()


def test_components_add_up_and_the_whole_is_not_counted_twice(make_run: Make) -> None:
    run = read_runs([make_run()])
    found = sizes(run.rows["none/int8/onnxruntime"])
    assert list(found) == ["embeddings", "encoder", "head", "other", "tokenizer"]
    assert abs(sum(found.values()) - 2.8e8 / 3) < 1e3


def test_a_model_that_was_not_taken_apart_is_one_component() -> None:
    rows = [Measurement("r", "c", "size", "size", 5.0, "bytes", component="model", artifact="a")]
    assert sizes(rows) == {"model": 5.0}
