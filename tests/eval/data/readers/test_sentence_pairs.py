"""Sentence pairs in their authors' formats, and that wrong content is named as file:line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.readers.sentence_pairs import pairs
from xpareto.eval.tasks import Pair

NLI = ("contradiction", "entailment", "neutral")
SAME = ("0", "1")
EXPECTED = [Pair("a dog", "a cat", "neutral"), Pair("it runs", "it moves", "entailment")]


def write(folder: Path, name: str, content: str) -> Path:
    file = folder / name
    file.write_bytes(content.encode())
    return file


def lines(*records: dict[str, object]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "snli_1.0_train.jsonl",
            lines(
                {"gold_label": "neutral", "sentence1": "a dog", "sentence2": "a cat", "captionID": "1"},
                {"gold_label": "-", "sentence1": "no", "sentence2": "accord"},
                {"gold_label": "entailment", "sentence1": "it runs", "sentence2": "it moves"},
            ),
        ),
        (
            "train.jsonl",
            lines(
                {"uid": "1", "context": "a dog", "hypothesis": "a cat", "label": "n", "reason": ""},
                {"uid": "2", "context": "it runs", "hypothesis": "it moves", "label": "e"},
            ),
        ),
        (
            "r3-train.jsonl",
            lines(
                {"uid": "1", "premise": "a dog", "hypothesis": "a cat", "label": "neutral", "reason": ""},
                {"uid": "2", "premise": "it runs", "hypothesis": "it moves", "label": "entailment"},
            ),
        ),
        (
            "multinli.train.en.tsv",
            "premise\thypo\tlabel\na dog\ta cat\tneutral\nit runs\tit moves\tentailment\n",
        ),
        (
            "en-de-translated.tsv",
            "x\ty\ta dog\ta cat\tneutral\nx\ty\tit runs\tit moves\tentailment\n",
        ),
        ("train-en.tsv", "a dog\ta cat\tneutral\r\nit runs\tit moves\tentailment\r\n"),
    ],
)
def test_every_form_of_inference_data_gives_the_same_pairs(tmp_path: Path, name: str, content: str) -> None:
    assert pairs(write(tmp_path, name, content), NLI, labelled=True) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "train.tsv",
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
            '1\t2\t3\tWho "is"?\tWhat?\t0\n4\t5\t6\tHow?\t"In which way?\t1\n',
        ),
        (
            "train.jsonl",
            lines(
                {"sentence1": 'Who "is"?', "sentence2": "What?", "label": 0},
                {"sentence1": "How?", "sentence2": '"In which way?', "label": 1},
            ),
        ),
        (
            "quora_duplicate_questions.tsv",
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
            '"1"\t"2"\t"3"\t"Who ""is""?"\t"What?"\t"0"\n"4"\t"5"\t"6"\t"How?"\t"""In which way?"\t"1"\n',
        ),
        (
            "translated_train.tsv",
            'id\tsentence1\tsentence2\tlabel\n1\tWho "is"?\tWhat?\t0\n2\tHow?\t"In which way?\t1\n',
        ),
    ],
)
def test_every_form_of_paraphrase_data_gives_the_same_pairs(tmp_path: Path, name: str, content: str) -> None:
    assert pairs(write(tmp_path, name, content), SAME, labelled=True) == [
        Pair('Who "is"?', "What?", "0"),
        Pair("How?", '"In which way?', "1"),
    ]


CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), min_size=1)


@given(st.lists(st.tuples(CELL, CELL, st.sampled_from(SAME)), min_size=1, max_size=4))
def test_quora_s_own_file_keeps_tabs_and_line_feeds_inside_of_quotes(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, str]]
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter="\t", quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "qid1", "qid2", "question1", "question2", "is_duplicate"])
    writer.writerows([str(n), "1", "2", *row] for n, row in enumerate(table))
    header = '"id"\t"qid1"\t"qid2"\t"question1"\t"question2"\t"is_duplicate"'
    content = stream.getvalue().replace(header, header.replace('"', ""))  # as Quora has it
    file = write(tmp_path_factory.mktemp("quora"), "quora_duplicate_questions.tsv", content)
    expected = [Pair(one.strip(), other.strip(), label) for one, other, label in table]
    assert pairs(file, SAME, labelled=True) == expected


def test_a_few_broken_rows_of_a_published_file_are_left_out_and_no_more(tmp_path: Path) -> None:
    header = "id\tsentence1\tsentence2\tlabel\n"
    good = "".join(f"{number}\ta\tb\t1\n" for number in range(300))
    file = write(tmp_path, "translated_train.tsv", f"{header}{good}300\ta\tb\tNS\n301\ta\n302\ta\tb\t\n")
    assert pairs(file, SAME, labelled=True) == [Pair("a", "b", "1")] * 300
    file = write(tmp_path, "translated_train.tsv", f"{header}{good}" + "1\ta\tb\tNS\n" * 4)
    with pytest.raises(InputError, match=r'translated_train\.tsv:302: label "NS".*4 of 304 rows'):
        pairs(file, SAME, labelled=True)


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("train.tsv", "id\tsentence1\tsentence2\tlabel\n1\ta\tb\n", 2, "expected 4 columns"),
        ("train.tsv", "id\tsentence1\tsentence2\tlabel\n1\ta\tb\t2\n", 2, 'label "2" is not one of 0, 1'),
        ("en-de-translated.tsv", "a\tb\tc\td\t1\na\tb\tc\t1\n", 2, "expected 5 columns"),
        ("train.jsonl", '{"sentence1": "a", "sentence2": "b", "label": 2}\n', 1, "expected text, found 2"),
        ("train.jsonl", '{"question1": "a", "question2": "b"}\n', 1, "field label or gold_label"),
        ("train.jsonl", '{"premise": 1, "hypothesis": "b", "label": 1}\n', 1, "premise: expected text"),
        ("train-en.tsv", "a\tb\t1\na\tb\n", 2, "expected 3 columns"),
    ],
)
def test_a_bad_pair_is_named_by_its_line(
    tmp_path: Path, name: str, content: str, line: int, words: str
) -> None:
    file = write(tmp_path, name, content)
    with pytest.raises(InputError) as caught:
        pairs(file, SAME, labelled=True)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert words in str(caught.value)
