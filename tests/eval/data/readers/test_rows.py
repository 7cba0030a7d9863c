"""Readers: what they give, and that wrong content is named as file:line."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.compress.core.json_file import read_json
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.data.readers.ccg import supertagged
from xpareto.eval.data.readers.multiple_choice import choices
from xpareto.eval.data.readers.sentence_pairs import pairs
from xpareto.eval.data.readers.squad import questions
from xpareto.eval.data.readers.tables import labelled_texts
from xpareto.eval.submission.format import read_text
from xpareto.eval.tasks import Bitext, Pair, Tagged
from xpareto.pipelines.recipe.located_yaml import read_yaml

NLI = ("contradiction", "entailment", "neutral")
POS = ("NOUN", "VERB", "PUNCT")


def write(folder: Path, content: str | bytes, name: str = "data.tsv") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), min_size=1)


@given(st.lists(st.tuples(CELL, CELL, st.sampled_from(NLI)), min_size=1, max_size=4))
def test_pairs_survive_the_csv_writer_that_xtreme_uses(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, str]]
) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter="\t").writerows(table)
    assert stream.getvalue().endswith("\r\n")
    file = write(tmp_path_factory.mktemp("csv"), stream.getvalue())
    assert rows.pairs_tsv(file, NLI, labelled=True) == [Pair(*row) for row in table]


def test_a_test_file_without_labels_gives_none(tmp_path: Path) -> None:
    file = write(tmp_path, "a\tb\r\nc\td\r\n")
    assert rows.pairs_tsv(file, NLI, labelled=False) == [Pair("a", "b", None), Pair("c", "d", None)]


def test_the_label_of_translated_mnli_is_understood(tmp_path: Path) -> None:
    file = write(tmp_path, "a\tb\tcontradictory\n")
    assert rows.pairs_tsv(file, NLI, labelled=True) == [Pair("a", "b", "contradiction")]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("a\tb\tneutral\r\nc\td", 2, "expected 3 columns"),
        ("a\tb\r\nc\r\n", 2, "expected 2 columns"),
        ("a\tb\tneutral\r\nc\td\tneutrl\r\n", 2, 'Did you mean "neutral"'),
        ('a\tb\tneutral\r\n"c\td\tneutral\r\n', 2, "quotes"),
        ("a\tb\tneutral\r\n\r\nc\td\tneutral\r\n", 2, "empty line"),
        ('"a\na"\tb\tneutral\r\nc\td\r\n', 3, "expected 3 columns"),
        (b"a\tb\tneutral\r\nc\t\xff\tneutral\r\n", 2, "expected UTF-8, found the byte 0xff"),
    ],
)
def test_a_bad_pair_is_named_by_its_line(tmp_path: Path, content: str | bytes, line: int, words: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        rows.pairs_tsv(file, NLI, labelled=False)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert words in str(caught.value)


def test_training_pairs_must_have_labels(tmp_path: Path) -> None:
    file = write(tmp_path, "a\tb\r\n")
    with pytest.raises(InputError, match=r"data\.tsv:1: expected 3 columns"):
        rows.pairs_tsv(file, NLI, labelled=True)


def test_json_lines_of_both_spellings_are_read_and_undecided_rows_dropped(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        '{"sentence1": "a\u2028b", "sentence2": "c", "label": "neutral", "genre": "x"}\n'
        '{"sentence1": "d", "sentence2": "e", "gold_label": "-"}\n'
        '{"sentence1": "f", "sentence2": "g", "gold_label": "entailment"}\n',
    )
    assert rows.pairs_jsonl(file, NLI) == [Pair("a\u2028b", "c", "neutral"), Pair("f", "g", "entailment")]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ('{"sentence1": "a", "sentence', "cut off"),
        (
            '{"sentence1": "a", "sentence2": "b"}',
            "label or gold_label or is_duplicate, found sentence1, sentence2",
        ),
        ('{"sentence1": "a", "label": "neutral"}', "field sentence2"),
        ('{"sentence1": "a", "sentence2": "b", "label": 1}', "label: expected text, found 1"),
        ('{"sentence1": "a", "sentence2": "b", "label": "maybe"}', 'label "maybe" is not one of'),
        ("[1]", "found none"),
    ],
)
def test_a_bad_json_line_is_named(tmp_path: Path, bad: str, words: str) -> None:
    good = '{"sentence1": "a", "sentence2": "b", "label": "neutral"}\n'
    file = write(tmp_path, good + bad)
    with pytest.raises(InputError) as caught:
        rows.pairs_jsonl(file, NLI)
    assert str(caught.value).startswith(f"{file}:2: ")
    assert words in str(caught.value)


WORD = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\n\t\r"), min_size=1
).filter(lambda word: not word.startswith("-DOCSTART-"))
SENTENCE = st.lists(st.tuples(WORD, st.sampled_from(POS)), min_size=1, max_size=4)


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\ud800", "\U0001f600", r"\u00e9\n"])
def test_whole_characters_may_be_escaped(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(f'{{"sentence1": "{text}", "sentence2": "b", "label": "neutral"}}\n', "utf-8")
    assert len(rows.pairs_jsonl(file, NLI)) == 1


@given(st.lists(SENTENCE, min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_tagged_sentences_are_read_back_with_or_without_a_last_newline(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[tuple[str, str]]], end: str, cut: bool
) -> None:
    content = "".join("".join(f"{word}\t{tag}{end}" for word, tag in rows_) + end for rows_ in sentences)
    file = write(tmp_path_factory.mktemp("tagged"), content.rstrip("\r\n") if cut else content)
    if not file.read_bytes().strip():
        return  # nothing but white space counts as an empty file
    expected = [Tagged(tuple(w for w, _ in s), tuple(t for _, t in s)) for s in sentences]
    assert rows.tagged(file, POS, labelled=True) == expected


def test_extra_blank_lines_and_docstart_make_no_sentence(tmp_path: Path) -> None:
    file = write(tmp_path, "-DOCSTART-\tX\n\n\na\tNOUN\n\n\n\nb\tVERB\n\n\n")
    assert [sentence.words for sentence in rows.tagged(file, POS, labelled=True)] == [("a",), ("b",)]


def test_words_without_tags_are_understood_when_none_has_one(tmp_path: Path) -> None:
    assert rows.tagged(write(tmp_path, "a\nb\n\nc\n"), POS, labelled=False) == [
        Tagged(("a", "b"), None),
        Tagged(("c",), None),
    ]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("a\tNOUN\nb", 2, "found 1 columns"),
        ("a\tNOUN\n\nb\tNOUN\tx\n", 3, "found 3 columns"),
        ("a\tNOUN\nb\tNOUNS\n", 2, 'Did you mean "NOUN"'),
        ("a\tNOUN\nb\tVER", 2, 'label "VER" is not one of'),
        ("a\nb\tNOUN\n", 2, "a word alone"),
        (b"a\tNOUN\n\xe0\xa4\tNOUN\n", 2, "UTF-8"),
    ],
)
def test_a_bad_tagged_line_is_named(tmp_path: Path, content: str | bytes, line: int, words: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        rows.tagged(file, POS, labelled=False)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("-DOCSTART- -X- O\n\nDas NOUN\nruft VERB\n. PUNCT\n", "2 columns apart by spaces"),
        ("Das x NOUN\nruft x VERB\n\n. x PUNCT\n", "3 columns apart by spaces"),
        ("Das ruft laut .\nUnd so weiter\n", "several words on a line"),
        ("Das_NOUN\nruft_VERB\n._PUNCT\n", "a word and its tag joined by '_'"),
        ("Das,NOUN\nruft,VERB\n.,PUNCT\n", "a word and its tag joined by ','"),
        ("1\tDas\tdas\tNOUN\n2\truft\trufen\tVERB\n", "4 columns"),
        ("# text = Das ruft\n1\tDas\tdas\tNOUN\n", "4 columns"),
        ("de:Das\tNOUN\nde:ruft\tVERB\nde:.\tPUNCT\nde:x\tNOUN\n", "the prefix 'de:' on every word"),
    ],
)
def test_another_layout_is_no_file_of_words_alone(tmp_path: Path, content: str, words: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(InputError, match="has another layout: convert it") as caught:
        rows.tagged(file, POS, labelled=False)
    assert words in str(caught.value) and str(caught.value).startswith(f"{file}:")


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ('"a\tb\tneutral\nc"\td\tneutral\n', lambda file: rows.pairs_tsv(file, NLI, True)),
        ('a\t"b\tneutral\nc\td"\tneutral\n', lambda file: rows.pairs_tsv(file, NLI, False)),
        (
            'text\tlabel\n"a\tneutral\nb"\tneutral\n',
            lambda file: labelled_texts(file, {"text": "text"}, NLI, True),
        ),
    ],
)
def test_quotation_marks_that_join_rows_are_told(
    tmp_path: Path, content: str, read: Callable[[Path], object]
) -> None:
    with pytest.raises(
        InputError, match=r"data\.tsv:[12]: a quotation mark opens a cell here, and closes it in line"
    ):
        read(write(tmp_path, content))


def test_a_column_of_labels_is_no_second_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found a label as sentence 2"):
        rows.pairs_tsv(write(tmp_path, "a\tneutral\nb\tentailment\n"), NLI, labelled=False)


SQUAD = (
    '{"data": [{"paragraphs": [{"context": "Ann lives.", "qas": [{"id": "1", "question": "Who?", '
    '"answers": [{"text": "Ann", "answer_start": 0}]}]}]}]}'
)
CHOICE = '{"context": "a", "question": "b", "answer0": "c", "answer1": "d", "label": "1"}\n'


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        (
            "a.jsonl",
            '{"premise": "a", "hypothesis": "b", "label": "neutral"}\n',
            lambda file: pairs(file, NLI, True),
        ),
        ("a.tsv", "sentence1\tsentence2\tgold_label\na\tb\tneutral\n", lambda file: pairs(file, NLI, True)),
        ("b.tsv", "a\tb\tneutral\n", lambda file: pairs(file, NLI, True)),
        ("c.tsv", '"a\tb"\tb\tneutral\n', lambda file: pairs(file, NLI, True)),
        ("a.json", SQUAD, lambda file: questions(file, True)),
        ("d.tsv", "Anton\tNOUN\n", lambda file: rows.tagged(file, POS, True)),
        ("e.tsv", "\nAnton\tNOUN\n", lambda file: rows.tagged(file, POS, False)),
        ("f.tsv", "-DOCSTART- -X-\n\nAnton\tNOUN\n", lambda file: rows.tagged(file, POS, False)),
        ("a.stagged", "Anton|N|NP\n", supertagged),
        ("b.jsonl", CHOICE, lambda file: choices(file, True)),
        ("a.csv", "text,label\na,neutral\n", lambda file: labelled_texts(file, {"text": "text"}, NLI, True)),
        ("a.txt", "one\ntwo\n", rows.lines),
        ("b.json", '{"a": 1}', read_json),
        ("a.yaml", "a: 1\n", lambda file: read_yaml(file).value),
        ("g.tsv", "NOUN\n", read_text),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_text(
    tmp_path: Path, name: str, content: str, read: Callable[[Path], object]
) -> None:
    plain, marked = read(write(tmp_path, content, name)), read(write(tmp_path, "\ufeff" + content, name))
    assert marked == plain


def test_a_file_of_a_mark_alone_is_empty_and_utf_16_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the file is empty"):
        rows.text(write(tmp_path, "\ufeff\n"))
    with pytest.raises(InputError, match=r"data\.tsv:1: expected UTF-8, found the byte order mark of UTF-16"):
        rows.text(write(tmp_path, "a\tb\n".encode("utf-16")))


def test_bitext_is_paired_by_position(tmp_path: Path) -> None:
    foreign, english = write(tmp_path, "uno \ndos\n", "es"), write(tmp_path, "one\ntwo", "en")
    assert rows.bitext(foreign, english) == [Bitext("uno", "one"), Bitext("dos", "two")]


def test_bitext_of_unequal_length_names_the_first_line_without_a_partner(tmp_path: Path) -> None:
    foreign, english = write(tmp_path, "uno\ndos\ntres\n", "es"), write(tmp_path, "one\ntwo\n", "en")
    with pytest.raises(InputError, match="en:3: expected as many lines as es, which has 3; found 2"):
        rows.bitext(foreign, english)


def test_an_english_file_that_xtreme_sorted_has_its_gold_withheld(tmp_path: Path) -> None:
    lines = [f"line {number:03d}" for number in range(40)]
    foreign = write(tmp_path, "\n".join(lines), "es")
    pairs = rows.bitext(foreign, write(tmp_path, "\n".join(lines), "en"))
    assert [pair.aligned for pair in pairs] == [False] * 40
    pairs = rows.bitext(foreign, write(tmp_path, "\n".join(reversed(lines)), "en"))
    assert [pair.aligned for pair in pairs] == [True] * 40


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match="empty"):
        rows.lines(write(tmp_path, content))


def test_a_line_is_not_ended_by_unicode_separators(tmp_path: Path) -> None:
    assert rows.lines(write(tmp_path, "a\u2028b\u0085c\n\nd\n")) == ["a\u2028b\u0085c", "", "d"]


@pytest.mark.parametrize("read", [rows.text, read_text])
def test_a_pipe_and_a_device_are_no_data(read: Callable[[Path], str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data.tsv")
    for file in (tmp_path / "data.tsv", Path("/dev/zero")):
        with pytest.raises(InputError, match="and no file"):
            read(file)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (gzip.compress(b"A\tB\tneutral\n", mtime=0), "a compressed file. Unpack it"),
        (lzma.compress(b"A\tB\tneutral\n"), "a compressed file. Unpack it"),
        (b"PK\x03\x04 an .xlsx", "a pickle or zip file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n", "a pointer of git-lfs"),
        (b"<!DOCTYPE html><html>Not found</html>", "a web page"),
    ],
    ids=["gzip", "xz", "zip", "git-lfs", "html"],
)
def test_what_is_no_text_is_told_by_what_it_is(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "data.tsv").write_bytes(content)
    with pytest.raises(InputError, match=rf"data\.tsv: expected text in UTF-8, found {told}"):
        rows.text(tmp_path / "data.tsv")
