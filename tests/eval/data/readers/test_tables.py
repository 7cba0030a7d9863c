"""Texts with labels from tables whose header names the columns, and from the hub; what is wrong is told."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.compress.core.registry import Catalog
from xpareto.eval.data import hub
from xpareto.eval.data.hub import Hub, HubFile
from xpareto.eval.data.readers.tables import labelled_texts, records
from xpareto.eval.probing.predict import withheld
from xpareto.eval.tasks import KINDS, TRAINING_SETS, HubSource, Pair, Task, Text, TrainingSet

TOPICS = ("sports", "travel")
COLUMNS = {"text": "text", "label": "category"}
TASK = Task(
    "topics", "classify", "classification", ("en",), "topics", ("accuracy",), TOPICS, columns=COLUMNS,
    language_names={"en": "eng_Latn"}, files={"test": ("{language}/test.tsv",)},
)  # fmt: skip


def write(file: Path, content: str) -> Path:
    file.write_bytes(content.encode())
    return file


@given(
    st.lists(
        st.tuples(st.text().filter(lambda text: not set("\0\r") & set(text)), st.sampled_from(TOPICS)),
        min_size=1,
    )
)
def test_what_a_csv_writer_wrote_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    file = tmp_path_factory.mktemp("table") / "test.tsv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerows([("category", "index_id", "text"), *((label, 7, text) for text, label in rows)])
    assert labelled_texts(file, COLUMNS, TOPICS, True) == [Text(text.strip(), label) for text, label in rows]


def test_a_comma_and_json_lines_separate_as_well(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", 'text,category\n"far, away",travel\n')
    lines = write(tmp_path / "a.jsonl", '{"text": "far, away", "category": "travel"}\n')
    expected = [Text("far, away", "travel")]
    assert labelled_texts(table, COLUMNS, TOPICS, True) == expected
    assert labelled_texts(lines, COLUMNS, TOPICS, True) == expected
    with pytest.raises(InputError, match=r"expected a table as .tsv, .csv, .jsonl or .parquet, found .txt"):
        list(records(write(tmp_path / "a.txt", "text\n")))


def test_pairs_are_read_by_their_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tsv", "one\ttwo\tsame\na\tb\t1\n")
    columns = {"first": "one", "second": "two", "label": "same"}
    assert labelled_texts(file, columns, ("0", "1"), True) == [Pair("a", "b", "1")]


def test_without_labels_the_gold_is_withheld_and_training_refuses(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tsv", "text\nfar away\n")
    examples = KINDS.load("classify").read((file,), TASK, labelled=False)
    assert examples == [Text("far away", None)] and withheld(examples) == "gold labels withheld"
    with pytest.raises(InputError, match=r"withheld: it cannot be scored"):
        KINDS.load("classify").score(examples, ["sports"], TASK)
    with pytest.raises(InputError, match=r"a.tsv:2: expected a field category, found text"):
        labelled_texts(file, COLUMNS, TOPICS, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text\tcategory\na\tsport\n", r'a.tsv:2: label "sport" is not one of sports, travel'),
        ("text\tcategory\na\tsports\nb\n", r"a.tsv:3: expected 2 cells \(text, category\), found 1"),
        ("text\tcategory\n\"a\"b\tsports\n", r"a.tsv:2: the quotes of this row do not fit"),
        ("Text\tcategory\na\tsports\n", r"a.tsv:2: expected a field text, found Text, category"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        labelled_texts(write(tmp_path / "a.tsv", content), COLUMNS, TOPICS, True)


def test_files_are_spelt_as_the_declaration_says() -> None:
    assert TASK.file_names("en", "test") == ("eng_Latn/test.tsv",)
    wanted = TrainingSet(
        "topics", "classify", TOPICS, {}, translated={"train": ("{language}/train.tsv",)},
        language_names={"de": "deu_Latn"},
    )  # fmt: skip
    assert wanted.candidates("train", "de") == ("deu_Latn/train.tsv",)
    assert wanted.candidates("train", "fr") == ("fr/train.tsv",)


def test_a_row_of_the_hub_is_a_text_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Table(list[dict[str, Any]]):
        column_names = ("index_id", "category", "text")
        features: ClassVar[dict[str, Any]] = {}

    source = HubSource("Davlan/sib200", "{language}", {"test": "test"}, COLUMNS, {"en": "eng_Latn"})
    rows = Table([{"index_id": 1, "category": "sports", "text": " she won \n"}])
    monkeypatch.setattr(hub, "_load", lambda file: rows)
    file = HubFile("Davlan/sib200", "0" * 40, "eng_Latn", "test")
    wanted = Task(**{**vars(TASK), "hub": source})
    assert Hub({}, None, frozen=False).examples(file, wanted, None, "en") == [Text("she won", "sports")]


def test_a_text_is_one_sequence_and_its_label_an_index(unigram: Any) -> None:
    from xpareto.eval.encoding.text import TextEncoder

    tokenizer = TextEncoder(unigram(["far away", "she won"]))
    kind, examples = KINDS.load("classify"), [Text("far away", "travel"), Text("she won", "sports")]
    found = kind.training_examples(examples, tokenizer, 16, TOPICS)
    assert found.labels == [1, 0] and found.options is None
    assert found.input_ids == tokenizer.texts(["far away", "she won"], 16)
    assert kind.encode(examples, tokenizer, TASK).input_ids == found.input_ids


def test_a_training_set_lies_beside_its_task_or_by_itself() -> None:
    for name in ("panx", "pawsx", "tydiqa", "udpos", "mnli"):
        assert TRAINING_SETS.load(name).name == name
    assert "xnli" not in TRAINING_SETS.names and "bucc2018" not in TRAINING_SETS.names  # tasks without a set


def test_a_name_in_both_folders_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, constant in (("sets", "SET"), ("things", "SET"), ("other", "THING")):
        (tmp_path / "some_package" / folder).mkdir(parents=True)
        (tmp_path / "some_package" / folder / "one.py").write_text(f"{constant} = 1\n", encoding="utf-8")
    (tmp_path / "some_package" / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Catalog("set", "some_package.sets", "SET", also="some_package.other").names == ("one",)
    with pytest.raises(InputError, match=r'the set "one" is declared in some_package.sets as well'):
        Catalog("set", "some_package.sets", "SET", also="some_package.things").load("one")
