"""Recall by class: pooled over languages, beside the baseline's, told where it tells nothing; in page and table."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import pytest

from tests.reports.conftest import HOSTILE, write_run
from xpareto.eval.records import Measurement, append_rows, read_rows
from xpareto.eval.results import class_recalls, read_runs, summarize
from xpareto.eval.results.cells import scored
from xpareto.reports.formats.class_recall import task_recalls
from xpareto.reports.formats.csv import spreadsheets
from xpareto.reports.formats.page import page

COUNTS = {  # class -> language -> examples, found by the baseline, found by the rest
    "common": {"en": (400, 360, 360), "de": (100, 40, 40)},
    HOSTILE: {"en": (200, 180, 120), "de": (50, 45, 35)},
    "rare": {"en": (5, 4, 1)},
}


def row(like: Measurement, label: str, language: str, found: int, examples: int) -> Measurement:
    from dataclasses import replace

    return replace(
        like, probe="accuracy", statistic="recall", value=100 * found / examples, unit="percent", task="xnli",
        language=language, examples=examples, component=f"class={label}", status="ok", error="",
    )  # fmt: skip


def measured(folder: Path, counts: dict[str, dict[str, tuple[int, int, int]]]) -> Any:
    run = write_run(folder / "run", hostile=False, failing=False)
    file = run / "measurements.jsonl"
    first: dict[str, Measurement] = {}
    for one in read_rows(file):
        if one.probe == "accuracy":
            first.setdefault(one.candidate, one)
    rows = [
        row(like, label, language, base if name == "none/target/torch" else other, examples)
        for name, like in first.items()
        for label, by_language in counts.items()
        for language, (examples, base, other) in by_language.items()
    ]
    append_rows(file, rows)
    return summarize(read_runs([run]))


def test_recall_is_pooled_and_a_change_beyond_both_intervals_is_told(tmp_path: Path) -> None:
    summary = measured(tmp_path, COUNTS)
    [task] = task_recalls(summary)
    assert (task.task, task.hidden) == ("xnli", 0)
    assert task.classes == (("common", 500, False), (HOSTILE, 250, False), ("rare", 5, True))
    (baseline, first), (other, second), *_ = task.rows
    assert baseline == "none/target/torch" and other != baseline
    assert [cell and cell.score.value for cell in first] == [80.0, 90.0, 80.0]
    assert [cell and cell.change for cell in first] == [None] * 3
    common, costly, rare = second
    assert common is not None and (common.change, common.beyond) == (0.0, False)
    assert costly is not None and costly.change == pytest.approx(-28.0) and costly.beyond
    assert rare is not None and rare.change == pytest.approx(-60.0)
    halves = [scored(value, 5).half or 0 for value in (80.0, 20.0)]
    assert rare.beyond == (math.hypot(*halves) < 60)
    [found] = class_recalls(summary.run.rows).values()
    english = found.of(other, HOSTILE, baseline, "en")
    assert english is not None and english.change == pytest.approx(-30.0)
    assert found.of(other, "rare", baseline, "de") is None


def test_page_and_table_have_them_and_escape_them(tmp_path: Path) -> None:
    summary = measured(tmp_path, COUNTS)
    text = page(summary)
    assert 'id="classes"' in text and HOSTILE not in text and "<b>−28.0</b>" in text and "rare *" in text
    table = [*csv.DictReader(io.StringIO(spreadsheets(summary)["recall.csv"]))]
    of_class = [
        line for line in table if line["class"] == "common" and line["candidate"] == "none/target/torch"
    ]
    assert {line["language"]: line["examples"] for line in of_class} == {"": "500", "en": "400", "de": "100"}


def test_of_many_classes_a_page_shows_the_commonest(tmp_path: Path) -> None:
    summary = measured(tmp_path, {f"c{n}": {"en": (30 + n, 20, 20)} for n in range(25)})
    [task] = task_recalls(summary)
    assert len(task.classes) == 20 and task.hidden == 5 and task.classes[0][0] == "c24"
    assert "recall.csv has 5 more" in page(summary)


def test_a_run_without_such_rows_shows_nothing_of_it(tmp_path: Path) -> None:
    summary = summarize(read_runs([write_run(tmp_path / "run")]))
    assert task_recalls(summary) == () and 'id="classes"' not in page(summary)
    assert "recall.csv" not in spreadsheets(summary)
