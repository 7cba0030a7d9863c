"""Texts with any number of labels, in every form, and each way in which they can be wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.cut import cut_off
from xpareto.eval.data.readers.label_sets import labelled_sets
from xpareto.eval.tasks import Cut, Labelled

LABELS = ("war", "sport", "art")
ROWS = [("one", ("war", "sport")), ("two", ()), ("three", ("art",))]


def read(
    file: Path,
    marked: Sequence[str] = (),
    separator: str = "",
    labels: Sequence[str] = LABELS,
    labelled: bool = True,
) -> list[Labelled]:
    return labelled_sets(file, {"text": "text"}, marked, separator, labels, labelled, {})


def written(folder: Path, form: str) -> tuple[Path, tuple[str, ...], str]:
    """Write the rows in a form; return the file, its columns of 0 and 1, and its separator."""
    import datasets

    if form in (";", "|", ","):
        file = folder / "rows.tsv"
        file.write_text(
            "".join(
                f"{t}\t{ls}\n"
                for t, ls in [("text", "labels"), *((t, f" {form} ".join(ls)) for t, ls in ROWS)]
            )
        )
        return file, (), form
    if form == "marked":
        file = folder / "rows.csv"
        lines = [",".join((text, *(str(int(label in found)) for label in LABELS))) for text, found in ROWS]
        file.write_text("\n".join([",".join(("text", *LABELS)), *lines]))
        return file, LABELS, ""
    records = [{"text": text, "labels": list(found)} for text, found in ROWS]
    if form == "jsonl":
        file = folder / "rows.jsonl"
        file.write_text("\n".join(map(json.dumps, records)))
    elif form == "pandas":
        file = folder / "rows.csv"
        file.write_text("text,labels\n" + "\n".join(f'{row["text"]},"{row["labels"]}"' for row in records))
    else:
        file = folder / "rows.parquet"
        numbers = datasets.ClassLabel(names=[*LABELS[::-1]])
        features = datasets.Features({"text": datasets.Value("string"), "labels": datasets.List(numbers)})
        datasets.Dataset.from_list(records, features=features).to_parquet(str(file))
    return file, (), ""


@pytest.mark.parametrize("form", [";", "|", ",", "marked", "jsonl", "pandas", "parquet"])
def test_every_form_gives_the_same_labels(tmp_path: Path, form: str) -> None:
    file, marked, separator = written(tmp_path, form)
    assert read(file, marked, separator) == [Labelled((text,), labels) for text, labels in ROWS]
    assert [row.labels for row in read(file, marked, separator, labels=())] == [labels for _, labels in ROWS]


@pytest.mark.parametrize(
    ("name", "content", "marked", "separator", "told"),
    [
        ("a.csv", "text,labels\nx,war\ny,wars", (), ";", r'a\.csv:3: labels: label "wars" is not one of war'),
        ("a.csv", "text,labels\nx,war;art", (), "", r"a\.csv:2: labels: .*list of labels, found 'war;art'.*\";\""),
        ("a.csv", "text,labels\nx,['war'", (), "", r"a\.csv:2: labels: expected a list"),
        ("a.jsonl", '{"text": "x", "labels": null}', (), "", r"a\.jsonl:1: labels: expected labels, found none told"),
        ("a.jsonl", '{"text": "x", "labels": {"a": 1}}', (), "", r"a\.jsonl:1: labels: expected a list"),
        ("a.jsonl", '{"text": "x", "labels": [["a"]]}', (), "", r"a\.jsonl:1: labels: expected a list"),
        ("a.csv", "text,war,art\nx,1,2", ("war", "art"), "", r"a\.csv:2: art: expected 0 or 1, found '2'"),
        ("a.csv", "text,war,art\nx,1,-1", ("war", "art"), "", r"a\.csv:2: art: expected 0 or 1, found '-1'"),
        ("a.csv", "text,war,art\nx,1,", ("war", "art"), "", r"a\.csv:2: art: expected 0 or 1, found nothing"),
        ("a.csv", "text,war\nx,1", ("war", "art"), "", r"a\.csv:2: .*none called art"),
        ("a.csv", "text,labels\nx,war", ("war", "art"), "", r"a\.csv:2: war and art: expected labels, found none told"),
        ("a.jsonl", "[1]", (), "", r"a\.jsonl:1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, name: str, content: str, marked: tuple[str, ...], separator: str, told: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=told):
        read(tmp_path / name, marked, separator)


def test_gold_is_withheld_where_no_column_has_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nx")
    assert read(tmp_path / "a.csv", labelled=False) == [Labelled(("x",), None)]
    assert read(tmp_path / "a.csv", LABELS, labelled=False) == [Labelled(("x",), None)]


def test_pairs_have_labels_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("q,a,labels\nx,y,war|war|art")
    found = labelled_sets(tmp_path / "a.csv", {"first": "q", "second": "a"}, (), "|", LABELS, True, {})
    assert found == [Labelled(("x", "y"), ("war", "art"))]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sets(st.sampled_from("abcdef"))), max_size=60),
    st.floats(0.05, 0.4), st.floats(0.05, 0.4), st.integers(0, 3),
)  # fmt: skip
def test_no_text_is_on_two_sides_and_none_is_lost(
    rows: list[tuple[int, set[str]]], test: float, dev: float, seed: int
) -> None:
    whole = {"de": [Labelled((str(text),), tuple(sorted(labels))) for text, labels in rows]}
    parts = cut_off(whole, Cut({"test": test, "dev": dev}, seed))
    sides = [{example.texts for example in by["de"]} for by in parts.values()]  # type: ignore[union-attr]
    assert sum(map(len, sides)) == len(set().union(*sides))
    assert sorted(map(repr, whole["de"])) == sorted(repr(row) for by in parts.values() for row in by["de"])


def test_every_label_is_cut_in_its_share_though_there_are_many_combinations() -> None:
    random = np.random.default_rng(0)
    marks = random.random((400, 12)) < random.random(12) * 0.4
    rows = [
        Labelled((f"text {n}",), tuple(f"l{at}" for at in np.flatnonzero(row))) for n, row in enumerate(marks)
    ]
    assert len({row.labels for row in rows}) > 120
    parts = cut_off({"de": rows}, Cut({"test": 0.2, "dev": 0.1}))
    for split, share in (("test", 0.2), ("dev", 0.1)):
        assert len(parts[split]["de"]) == pytest.approx(share * len(rows), abs=3)
        cut = Counter(label for row in parts[split]["de"] for label in row.labels or ())  # type: ignore[union-attr]
        for at, whole in enumerate(marks.sum(0)):
            assert cut[f"l{at}"] == pytest.approx(share * whole, abs=2.5), (split, at)
