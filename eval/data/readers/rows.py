"""Readers of single files: pairs, tagged sentences, bitext. Wrong content is named as file:line."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, hint, parse_json, read_file, what_else_it_is
from xpareto.eval.tasks import Bitext, Pair, Tagged

_ALIASES = {
    "contradictory": "contradiction",  # how XNLI's machine-translated MNLI spells it
    "c": "contradiction", "e": "entailment", "n": "neutral",  # ANLI
}  # fmt: skip
FIRST = ("sentence1", "premise", "context", "question1")  # how the original files call the two texts
SECOND = ("sentence2", "hypothesis", "hypo", "question2")
LABEL = ("label", "gold_label", "is_duplicate")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_WHOLE = re.compile(r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SORTED_EVIDENCE = 20  # so many lines are not in order by chance
_JOINING = "/_|,;"
_TAGGED = "word, tab, tag"
_CONVERT = "The file has another layout: convert it to a word, a tab and its tag per line, as XTREME has it."
_MOST = 1 << 36  # bytes of a file, which is read whole


def text(file: Path) -> str:
    """Return the text of a UTF-8 file; InputError when it is missing, empty or not UTF-8."""
    try:
        data = read_file(file, _MOST)
    except OSError as error:
        raise InputError(f"{file}: expected a data file, {error.strerror}.") from error
    if not data.removeprefix(codecs.BOM_UTF8).strip():
        raise InputError(f"{file}: the file is empty. Was its download cut short?")
    return decoded(data, file)


def decoded(data: bytes, file: Path) -> str:
    """Return the text of a UTF-8 file's bytes; InputError names the line where they are not UTF-8.

    A byte order mark before it, as editors on Windows and spreadsheets write it, is no part of the text.
    """
    if told := what_else_it_is(data[:64]):
        raise InputError(f"{file}: expected text in UTF-8, found {told[0]}. {told[1]}")
    _refuse_zeros(data, file)
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(
                f"{file}:1: expected UTF-8, found the byte order mark of UTF-16. Save the file as UTF-8."
            ) from error
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file}:{line}: expected UTF-8, found the byte 0x{data[error.start]:02x}. Convert the file."
        ) from error


def _refuse_zeros(data: bytes, file: Path) -> None:
    at = data.find(0)
    if at >= 0 and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            f"{file}:{data.count(10, 0, at) + 1}: expected text, found a byte of zero. The file is damaged, as by a "
            "crash or a download that was cut short: fetch it again."
        )


def refuse_halves(content: str, file: Path, first_line: int = 1) -> None:
    """Refuse JSON in which an escape gives half a character (a lone surrogate), which no tokenizer reads."""
    if _SURROGATE.search(content) is None:
        return
    for number, line in enumerate(content.split("\n"), start=first_line):
        half = _SURROGATE.search(_WHOLE.sub("", line))
        if half is not None:
            raise InputError(
                f"{file}:{number}: expected text, found half a character, {half[0]} without its other half. "
                "Whatever wrote the file cut a text within a character: mend or leave out the row."
            )


def lines(file: Path) -> list[str]:
    """Return the lines, stripped; only a line feed ends one (U+2028 and U+0085 occur inside text)."""
    content = text(file).split("\n")
    if content[-1] == "":
        content.pop()
    return [line.strip() for line in content]


def pairs_tsv(file: Path, labels: Sequence[str], labelled: bool) -> list[Pair]:
    r"""Return the pairs of a TSV as XTREME's csv.writer makes it: first, second[, label], \r\n.

    Either every row has a label or none has; `labelled` demands the former. A second column of labels is no
    second sentence.
    """
    pairs: list[Pair] = []
    columns = 3 if labelled else 0  # 0: the first row decides
    for line, row in quoted_rows(file):
        where = f"{file}:{line}"
        if not row:
            raise InputError(f"{where}: expected a row, found an empty line.")
        columns = columns or (3 if len(row) == 3 else 2)
        if len(row) != columns:
            wanted = "sentence 1, sentence 2" + (", label" if columns == 3 else "")
            raise InputError(
                f"{where}: expected {columns} columns separated by tabs ({wanted}), found {len(row)}. "
                "A row may be cut off, or a column missing."
            )
        label = known_label(row[2], labels, where) if columns == 3 else None
        pairs.append(Pair(row[0], row[1], label))
    if columns == 2 and sum(pair.second in labels for pair in pairs) > len(pairs) / 2:
        raise InputError(
            f"{file}:1: expected sentence 1, sentence 2[, label] separated by tabs, found a label as sentence 2. "
            "A column may be missing."
        )
    return pairs


def quoted_rows(file: Path, separator: str = "\t", strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of its first line, cells) of every row of a table whose quotes enclose cells.

    InputError where quotes do not fit (`strict`), and where they join lines that are rows by themselves: they
    were meant as text then, and rows would be lost without a word.
    """
    physical = io.StringIO(text(file), newline="").readlines()
    reader = csv.reader(physical, delimiter=separator, strict=strict)
    start = 1
    try:
        for cells in reader:
            joined = physical[start - 1 : reader.line_num]
            if (
                separator == "\t"
                and len(joined) > 1
                and {line.count("\t") for line in joined} == {len(cells) - 1}
            ):
                raise InputError(
                    f"{file}:{start}: a quotation mark opens a cell here, and closes it in line {reader.line_num}, "
                    f"so that {len(joined)} rows would be one. Where it is text, enclose its cell in quotes and "
                    "double it, or take it out."
                )
            yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{file}:{start}: the quotes of this row do not fit ({error}).") from error


def pairs_jsonl(file: Path, labels: Sequence[str]) -> list[Pair]:
    """Return the pairs of a JSON-lines file, whose fields are named as in FIRST, SECOND and LABEL.

    Rows whose annotators did not agree (label "-", the convention of MNLI and SNLI) are left out.
    """
    pairs: list[Pair] = []
    for where, record in records(file):
        label = value_of(record, LABEL, where)
        if isinstance(label, int) and str(label) in labels:
            label = str(label)  # QQP's
        if not isinstance(label, str):
            raise InputError(f"{where}: label: expected text, found {label!r}.")
        if label != "-":
            first, second = text_of(record, FIRST, where), text_of(record, SECOND, where)
            pairs.append(Pair(first, second, known_label(label, labels, where)))
    return pairs


def records(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield (file:line, object) of a JSON-lines file."""
    for number, line in enumerate(text(file).rstrip("\n").split("\n"), start=1):
        where = f"{file}:{number}"
        refuse_halves(line, file, number)
        try:
            yield where, parse_json(line)
        except ValueError as error:
            raise InputError(
                f"{where}: expected one JSON object, found {line[:60]!r} ({error}). It may be cut off."
            ) from error


def value_of(record: Any, names: Sequence[str], where: str) -> Any:
    """Return the first of these fields that the object has; InputError when it has none."""
    present = sorted(record) if isinstance(record, dict) else []
    for name in names:
        if name in present:
            return record[name]
    raise InputError(f"{where}: expected a field {' or '.join(names)}, found {', '.join(present) or 'none'}.")


def text_of(record: Any, names: Sequence[str], where: str) -> str:
    """Return the text of the first of these fields that the object has; InputError when it is no text."""
    value = value_of(record, names, where)
    if not isinstance(value, str):
        name = next(name for name in names if name in record)
        raise InputError(f"{where}: {name}: expected text, found {value!r}.")
    return value


def tagged(
    file: Path, labels: Sequence[str] | None, labelled: bool, limit: int | None = None
) -> list[Tagged]:
    """Return the first `limit` sentences of a file with `word TAB tag` per line and a blank line after a sentence.

    `labels` None: any tag may occur. Lines without a tag are understood when no line has one;
    `labelled` demands tags. InputError for another layout, such as CoNLL's columns apart by spaces.
    """
    known = {label: label for label in labels or ()}
    sentences: list[Tagged] = []
    words: list[str] = []
    tags: list[str] = []
    columns = 2 if labelled else 0
    first = 0  # the line of the first word
    for number, line in enumerate(text(file).split("\n"), start=1):
        row = line.removesuffix("\r")
        if not row or row.startswith("-DOCSTART-"):
            if words:
                sentences.append(Tagged(tuple(words), tuple(tags) if columns == 2 else None))
                words, tags = [], []
            if len(sentences) == limit:
                break
            continue
        fields = row.split("\t")
        columns, first = columns or min(len(fields), 2), first or number
        if len(fields) != columns:
            wanted = _TAGGED if columns == 2 else "a word alone, as in the lines before"
            found, other = f"{len(fields)} columns", _layout([row], labels) if len(fields) == 1 else ""
            fits = len(fields) < 3 and not other
            raise InputError(
                f"{file}:{number}: expected {wanted}, found {other or found}. "
                + ("The file may be cut off here, or a column missing." if fits else _CONVERT)
            )
        words.append(fields[0])
        if columns == 2:
            tag = known.get(fields[1])
            if tag is None:
                tag = known_label(fields[1], labels, f"{file}:{number}") if labels else fields[1]
            tags.append(tag)
    if words:
        sentences.append(Tagged(tuple(words), tuple(tags) if columns == 2 else None))
    every = [word for sentence in sentences for word in sentence.words]
    other = _prefix(every) or (_layout(every, labels) if columns == 1 else "")
    if other:
        raise InputError(f"{file}:{first}: expected {_TAGGED}, found {other}. {_CONVERT}")
    return sentences


def _layout(lines: Sequence[str], labels: Sequence[str] | None) -> str:
    """Return what lines without a tab hold that are no words alone, "" where most are.

    >>> _layout(["Das PRON", "geht VERB", "."], ("PRON", "VERB")), _layout(["Das", "geht", "."], ("PRON",))
    ('2 columns apart by spaces', '')
    >>> _layout(["Das_PRON", "geht_VERB"], ("PRON", "VERB")), _layout(["Das geht .", "Es auch ."], ("PRON",))
    ("a word and its tag joined by '_'", 'several words on a line')
    """
    most, known = len(lines) / 2, set(labels or ())
    several = [fields for line in lines if len(fields := line.split()) > 1]
    if len(several) > most:
        widths = {len(fields) for fields in several}
        if len(widths) == 1 and (not known or any(known.intersection(fields[1:]) for fields in several)):
            return f"{widths.pop()} columns apart by spaces"
        return "several words on a line"
    for mark in _JOINING if known else "":
        if sum(mark in line[1:] and line.rpartition(mark)[2] in known for line in lines) > most:
            return f"a word and its tag joined by {mark!r}"
    return ""


def _prefix(words: Sequence[str]) -> str:
    """Return what stands before every word, "" where nothing does.

    >>> _prefix(["de:Anna", "de:lebt", "de:in", "de::"]), _prefix(["de:Anna", "lebt", "in", ":"])
    ("the prefix 'de:' on every word, as WikiANN's own files have", '')
    """
    mark = re.match(r"[a-z]{2,3}:", words[0]) if len(words) > 3 else None
    if mark is None or not all(word.startswith(mark[0]) for word in words):
        return ""
    return f"the prefix {mark[0]!r} on every word, as WikiANN's own files have"


def bitext(foreign: Path, english: Path) -> list[Bitext]:
    """Return the pairs of two aligned files: line i of one translates line i of the other.

    XTREME's own download sorts the English file, which withholds the gold: its pairs are not aligned.
    """
    sources, targets = lines(foreign), lines(english)
    if len(sources) != len(targets):
        end = min(len(sources), len(targets)) + 1
        raise InputError(
            f"{english}:{end}: expected as many lines as {foreign.name}, which has {len(sources)}; "
            f"found {len(targets)}. One of the two may be cut off."
        )
    for file, side in ((foreign, sources), (english, targets)):
        if "" in side:
            raise InputError(f"{file}:{side.index('') + 1}: expected a sentence, found an empty line.")
    aligned = len(targets) < _SORTED_EVIDENCE or not _in_order(targets)
    return [Bitext(source, target, aligned) for source, target in zip(sources, targets, strict=True)]


def _in_order(lines: Sequence[str]) -> bool:
    """Tell whether lines were sorted: by code points, or as a language's own rules do, without case and marks.

    >>> _in_order(["Ann", "(Ben)", "can"]), _in_order(["Ben", "Ann", "can"])
    (True, False)
    """
    if list(lines) == sorted(lines):
        return True
    letters = ["".join(filter(str.isalnum, line.casefold())) for line in lines]
    return letters == sorted(letters)


def known_label(raw_label: str, labels: Sequence[str], where: str) -> str:
    """Return the label, in our spelling; InputError when it is not one of `labels`."""
    label = raw_label if raw_label in labels else _ALIASES.get(raw_label, raw_label)
    if label not in labels:
        raise InputError(
            f'{where}: label "{raw_label}" is not one of {", ".join(labels)}.{hint(raw_label, labels)}'
        )
    return label
