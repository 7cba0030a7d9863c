"""Multiple-choice questions in their authors' formats, and that wrong content is named as file:line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.readers.multiple_choice import choices
from xpareto.eval.tasks import Choice

COMMONSENSE = {
    "answerKey": "B",
    "id": "1",
    "question": {
        "question_concept": "x",
        "choices": [{"label": "A", "text": "one"}, {"label": "B", "text": "two"}],
        "stem": "Which?",
    },
}
SWAG = {"ind": 4, "ctx_a": "He", "ctx_b": "runs", "ctx": "He runs", "endings": ["one", "two"], "label": 1}
LETTERED = {"question": "Which?", "choices": {"A": "one", "B": "two"}, "answer": "B", "id": 1}
COSMOS = {"id": "1", "context": "So.", "question": "Which?", "answer0": "one", "answer1": "two", "label": 1}


def write(folder: Path, name: str, *records: Any) -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


@pytest.mark.parametrize(
    ("record", "context", "question"),
    [
        (COMMONSENSE, "", "Which?"),
        (SWAG, "He runs", ""),
        (SWAG | {"label": "1"}, "He runs", ""),
        (LETTERED, "", "Which?"),
        ({"question": "Which?", "choices": {"A": "one", "B": "two"}, "answerKey": "B"}, "", "Which?"),
        (COSMOS, "So.", "Which?"),
    ],
)
def test_every_form_gives_the_options_in_order_and_the_index_of_the_right_one(
    tmp_path: Path, record: dict[str, Any], context: str, question: str
) -> None:
    file = write(tmp_path, "train.jsonl", record)
    assert choices(file, labelled=True) == [Choice(context, question, ("one", "two"), 1)]


@pytest.mark.parametrize(
    ("record", "field"),
    [(COMMONSENSE, "answerKey"), (SWAG, "label"), (LETTERED, "answer"), (COSMOS, "label")],
)
def test_a_withheld_answer_is_none_and_refused_in_training(
    tmp_path: Path, record: dict[str, Any], field: str
) -> None:
    file = write(tmp_path, "test.jsonl", {name: value for name, value in record.items() if name != field})
    assert [item.gold for item in choices(file, labelled=False)] == [None]
    with pytest.raises(InputError, match=r"test\.jsonl:1: expected a field .*training needs the answer"):
        choices(file, labelled=True)


TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"))
ROWS = st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, st.integers(0, 3)), min_size=1, max_size=3)


@given(ROWS)
def test_a_csv_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, table: list[Any]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["id", "context", "question", "answer0", "answer1", "answer2", "answer3", "label"])
    writer.writerows([f"id{number}", *row] for number, row in enumerate(table))
    file = tmp_path_factory.mktemp("cosmos") / "valid.csv"
    file.write_bytes(stream.getvalue().encode())
    expected = [Choice(row[0], row[1], tuple(row[2:6]), row[6]) for row in table]
    assert choices(file, labelled=True) == expected


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"question": "Which?"}, "expected a question with"),
        ([1], "found the fields none"),
        (SWAG | {"endings": ["one"]}, "endings: expected two or more options"),
        (SWAG | {"endings": "one"}, "endings: expected two or more options"),
        (SWAG | {"label": 2}, "label: expected one of 0, 1, found '2'"),
        (SWAG | {"ctx": 3}, "ctx: expected text, found 3"),
        (LETTERED | {"answer": "C"}, "answer: expected one of A, B, found 'C'"),
        (LETTERED | {"choices": "A B"}, "choices: expected two or more options"),
        (COMMONSENSE | {"question": {"stem": "Which?"}}, "expected a field choices, found stem"),
        (
            COMMONSENSE | {"question": {"stem": "W", "choices": [{"label": "A", "text": "x"}] * 2}},
            "choices: expected two or more options",
        ),
        (COSMOS | {"answer1": None}, "answer0: expected two or more options"),
    ],
)
def test_a_bad_question_is_named_by_its_line(tmp_path: Path, bad: Any, words: str) -> None:
    file = write(tmp_path, "train.jsonl", SWAG, bad)
    with pytest.raises(InputError) as caught:
        choices(file, labelled=True)
    assert str(caught.value).startswith(f"{file}:2: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ('"a\nb",q,one,two,1\nc,q,one\n', 4, "expected 5 cells"),
        ('c,q,one,two,1\nc,q,"one"x,two,1\n', 3, "quotes"),
        ("c,q,one,two,7\n", 2, "label: expected one of 0, 1, found '7'"),
        ('c,q,one,two,1\nc,q,"one', 3, "quotes"),
    ],
)
def test_a_bad_csv_row_is_named_by_its_line(tmp_path: Path, rows: str, line: int, words: str) -> None:
    file = tmp_path / "train.csv"
    file.write_text(f"context,question,answer0,answer1,label\n{rows}")
    with pytest.raises(InputError) as caught:
        choices(file, labelled=True)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert words in str(caught.value)
