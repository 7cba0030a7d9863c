"""Drift as the analysis has it and as page and CSV show it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from tests.reports.analysed_run import analysed_run, changed, read, reported
from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses import analyse
from xpareto.eval.analyses.documents.summary import NO_ANALYSIS, Summary
from xpareto.eval.results import read_run_results
from xpareto.eval.results.summary import RunSummary
from xpareto.reports.findings.drift import drift_tables, drift_words
from xpareto.reports.formats.csv import spreadsheets
from xpareto.reports.formats.page import page

Shown = tuple[RunSummary, Summary]


def test_each_language_is_compared_with_the_baseline_of_its_seed(tmp_path: Path) -> None:
    run = analysed_run(tmp_path / "run", arms=("none",))
    document = analyse(read_run_results(run), 100)
    (german,) = [entry for entry in document.drift if (entry.task, entry.language) == ("tatoeba", "de")]
    at = document.names.index("none/int8/onnxruntime")
    expected = []
    for seed in (0, 1):
        one, other = (
            np.load(
                run / "outcomes" / f"none__{stage}__seed={seed}__{runtime}" / "accuracy-0-tatoeba-vectors.npz"
            )
            for stage, runtime in (("fp32", "torch"), ("int8", "onnxruntime"))
        )
        unit = [arrays["de"].astype(np.float64) for arrays in (one, other)]
        unit = [array / np.linalg.norm(array, axis=1, keepdims=True) for array in unit]
        expected.append(1 - (unit[0] * unit[1]).sum(axis=1))
    value, low, high = german.values["cosine"][at]
    assert value == pytest.approx(np.mean(expected), rel=1e-3)
    assert low < value < high and german.texts == 40
    assert german.values["cosine"][document.base] == (0.0, 0.0, 0.0)
    assert german.values["nearest"][document.base][0] == 100.0


def test_the_worst_language_is_the_one_that_lies_farthest_off(alone: Shown) -> None:
    tables = {(table.task, table.statistic): table for table in drift_tables(alone[1])}
    assert [key for key in tables if key[0] == "xnli"] == [("xnli", "divergence")]
    assert [key for key in tables if key[0] == "tatoeba"] == [
        ("tatoeba", "cosine"), ("tatoeba", "cosine_p95"), ("tatoeba", "states"), ("tatoeba", "nearest"),
    ]  # fmt: skip
    cosine = tables["tatoeba", "cosine"]
    assert set(cosine.languages) == {"de", "sw", "en"}
    assert alone[1].baseline not in [row.name for row in cosine.rows]
    for row in cosine.rows:
        values = dict(zip(cosine.languages, row.languages, strict=True))
        assert values[row.worst][0] == max(value[0] for value in values.values())
    nearest = tables["tatoeba", "nearest"]
    assert set(nearest.languages) == {"de", "sw"}  # of English nothing is searched by itself
    for row in nearest.rows:
        assert dict(zip(nearest.languages, row.languages, strict=True))[row.worst][0] == min(
            value[0] for value in row.languages
        )


def test_the_page_has_every_table_and_the_csv_every_figure(alone: Shown) -> None:
    text = page(*alone)
    assert text.count('<section id="drift"') == 1 and drift_words(alone[1])[:40] in text
    rows = list(csv.DictReader(io.StringIO(spreadsheets(*alone)["drift.csv"])))
    expected = sum(
        estimate is not None
        for entry in alone[1].drift
        for of_systems in entry.values.values()
        for at, estimate in enumerate(of_systems)
        if at != alone[1].base
    )
    assert len(rows) == expected > 0
    assert {row["statistic"] for row in rows} == {"cosine", "cosine_p95", "states", "nearest", "divergence"}


def test_other_widths_are_a_dash_and_never_the_worst(alone: Shown) -> None:
    entries = [entry.model_dump() for entry in alone[1].drift]
    for entry in entries:
        entry["values"] = {
            name: [None if at == 1 and name != "nearest" else value for at, value in enumerate(of_systems)]
            for name, of_systems in entry["values"].items()
        }
    document = changed(alone, drift=entries)
    by_statistic = {(t.task, t.statistic): [row.name for row in t.rows] for t in drift_tables(document)}
    assert document.names[1] not in by_statistic["tatoeba", "cosine"]
    assert document.names[1] in by_statistic["tatoeba", "nearest"]
    assert 'id="drift"' in page(alone[0], document)


def test_a_run_without_kept_outputs_has_no_such_section(alone: Shown) -> None:
    document = changed(alone, drift=[])
    assert drift_tables(document) == drift_tables(NO_ANALYSIS) == ()
    assert 'id="drift"' not in page(alone[0], document)
    assert "drift.csv" not in spreadsheets(alone[0], document)


def test_a_list_of_other_systems_is_refused(alone: Shown) -> None:
    entry = alone[1].drift[0].model_dump()
    entry["values"]["cosine" if "cosine" in entry["values"] else "divergence"] = [None]
    with pytest.raises(ValueError, match="1 entries for"):
        changed(alone, drift=[entry])


def test_outputs_of_other_texts_are_named(tmp_path: Path) -> None:
    run = analysed_run(tmp_path / "run", arms=("none",), seeds=(0,))
    file = run / "outcomes" / "none__int8__onnxruntime" / "accuracy-0-tatoeba-vectors.npz"
    with np.load(file) as kept:
        arrays = {name: kept[name][:30] for name in kept.files}
    np.savez_compressed(file, **arrays)
    with pytest.raises(
        InputError, match="tatoeba in de: expected outputs of the same texts, found 40 and 30"
    ):
        analyse(read_run_results(run), 100)


def test_a_report_of_the_run_writes_the_table(tmp_path: Path) -> None:
    run = analysed_run(tmp_path / "run", arms=("none",), seeds=(0,))
    reported(run, tmp_path / "out")
    assert (tmp_path / "out" / "drift.csv").read_text().startswith("system,task,language,statistic,value")
    assert read(run, tmp_path / "out")[1].drift
