from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import summarize
from xpareto.reports.formats.markdown import summary

Make = Callable[..., Path]


def _tables(text: str) -> list[list[list[str]]]:
    """Return the cells of every table, split as GitHub does: at each bar that is not escaped."""
    tables: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def test_every_row_of_every_table_has_as_many_cells_as_its_head(make_run: Make) -> None:
    tables = _tables(summary(summarize(read_runs([make_run()]))))
    assert len(tables) >= 5
    for table in tables:
        assert len({len(row) for row in table}) == 1
        assert all(re.fullmatch(r":?-+:?", cell) for cell in table[1])


def test_the_candidates_are_all_there_with_the_baseline_and_the_failed_marked(make_run: Make) -> None:
    run = read_runs([make_run(hostile=False)])
    names = [row[0] for row in _tables(summary(summarize(run)))[0][2:]]
    assert len(names) == len(run.candidates)
    assert names[0] == "`none/target/torch` **(baseline)**"
    assert [name for name in names if "(failed)" in name] == [
        "`mnli/int8-no-embeddings/onnxruntime` **(failed)**"
    ]


def test_columns_say_beside_what_and_of_what_they_are(make_run: Make) -> None:
    text = summary(summarize(read_runs([make_run()])))
    assert "| than uncompressed |" in text and "| ratio |" not in text
    assert "“Than uncompressed”: beside the uncompressed model in the same runtime" in text
    assert "Size is the mean of a variant's models, one for each training set, without tokenizer." in text
    assert "with all tasks and languages of a candidate judged at once" in text


def test_generated_data_are_named_only_where_they_are(make_run: Make) -> None:
    assert "evidence for the machinery only" in summary(summarize(read_runs([make_run()])))
    assert "synthetic" not in summary(summarize(read_runs([make_run(synthetic=False)]))).lower()


def test_no_markup_of_a_hostile_name_survives(make_run: Make) -> None:
    text = summary(summarize(read_runs([make_run()])))
    bare = re.sub(r"`[^`\n]*`", "", text)  # a code span shows its content as it is
    assert not re.search(r"(?<!\\)<", bare)


def test_the_table_by_language_holds_every_score_of_the_baseline(make_run: Make) -> None:
    found = summarize(read_runs([make_run(hostile=False)]))
    (table,) = (table for table in _tables(summary(found)) if table[0][0] == "language")
    shown = {
        (task, row[0].rpartition("(")[2].rstrip(")")): cell
        for row in table[2:]
        for task, cell in zip(table[0][1:], row[1:], strict=True)
        if cell != "–"
    }
    cells = found.cells[found.run.baseline]
    scores = {place: cell.score for place, cell in cells.items()}
    assert shown == {place: f"{score.value:.1f}" for place, score in scores.items() if score is not None}
