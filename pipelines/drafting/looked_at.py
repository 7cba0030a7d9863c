"""What data files hold: the kind of task, its columns, labels, languages, splits and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import CONLL, TABLES, label_set, questions, records, word_columns
from xpareto.eval.tasks import UNTRAINED, KindName
from xpareto.pipelines.drafting.columns import Columns, columns_of, language_column, split_column
from xpareto.pipelines.drafting.files import SPLITS, Named, named


@dataclass(frozen=True)
class Row:
    """One example: where it stands (file:line, or a file), its text, its labels or tags, its language and split."""

    place: str
    text: str
    labels: tuple[str, ...]
    language: str
    split: str


@dataclass(frozen=True)
class LookedAt:
    """What files hold. `unsure` are what could not be told, and what was assumed, in sentences."""

    kind: KindName
    files: Mapping[str, str]  # split -> path, in which {language} may stand
    columns: Mapping[str, str]
    rows: tuple[Row, ...]
    splits: Mapping[str, str] = field(default_factory=dict)  # ours -> what a column calls it
    unsure: tuple[str, ...] = ()
    label_columns: tuple[str, ...] = ()  # of 0 and 1, one for each label
    separator: str = ""  # between the labels of a cell

    def count(self, part: Literal["labels", "language", "split"]) -> dict[str, int]:
        """Return how many rows each label, language or split has, the most first; "" counts rows without a label."""
        if part == "labels":
            return dict(Counter(label for row in self.rows for label in row.labels or ("",)).most_common())
        return dict(Counter(str(getattr(row, part)) for row in self.rows).most_common())

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels, sorted; of words the tags."""
        return tuple(sorted({*self.label_columns, *(label for row in self.rows for label in row.labels)}))


def look(files: Sequence[Path]) -> LookedAt:
    """Return what files of one kind hold; InputError where no label is found, or a file is malformed."""
    told = named(files)
    suffix = files[0].suffix
    if suffix == ".json":
        return _plain(told, "span", {})
    if suffix in CONLL and (suffix not in TABLES or not _has_header(files[0])):
        return _plain(told, "tag", {})
    return _table(told)


def _has_header(file: Path) -> bool:
    """Tell whether a .tsv is a table: its lines have equally many cells, and none is empty, as between sentences."""
    lines = file.read_text("utf-8-sig", errors="replace").rstrip("\n").split("\n")[:50]
    return "" not in [line.strip() for line in lines]


def _plain(told: Sequence[Named], kind: KindName, columns: Mapping[str, str]) -> LookedAt:
    """Return what files of tagged words, or of questions, hold."""
    rows = []
    for one in told:
        if kind == "span":
            pairs: list[tuple[str, tuple[str, ...]]] = [
                (f"{question.context}\n{question.question}", ()) for question in questions(one.file, False)
            ]
        else:
            pairs = [(" ".join(x.words), x.tags or ()) for x in word_columns(one.file, columns, (), False)]
        split = one.split or "train"
        rows += [Row(str(one.file), text, labels, one.language, split) for text, labels in pairs]
    return LookedAt(kind, _files(told), columns, tuple(rows), unsure=tuple(_unsaid(told)))


def _files(told: Sequence[Named]) -> dict[str, str]:
    order = ("train", "dev", "test")
    by_split = {one.split or "train": one.pattern for one in told}
    return {split: by_split[split] for split in order if split in by_split}


def _unsaid(told: Sequence[Named], split: str = "", language: str = "") -> Iterator[str]:
    if not split and not any(one.split for one in told):
        yield "no file name says which split it is: all is taken for train, of which dev and test are cut"
    if not language and not told[0].language:
        yield "neither a column nor a file name tells the language: say it by `languages: [CODE]`"


# -- tables ---------------------------------------------------------------------------------


def _table(told: Sequence[Named]) -> LookedAt:
    read = [(one, place, record) for one in told for place, record in records(one.file)]
    if not read:
        raise InputError(f"{told[0].file}: expected rows below the header, found none.")
    for _, place, record in read:
        if not isinstance(record, dict):
            raise InputError(f"{place}: expected an object with fields, found {str(record)[:60]}.")
    if len(read[0][2]) == 1 and ";" in (only := next(iter(read[0][2]))):
        raise InputError(
            f"{told[0].file}:1: expected columns apart by commas, found {only!r}. Save the file with commas, or with "
            "tabs as .tsv."
        )
    shown = {name: [record.get(name) for _, _, record in read] for name in read[0][2]}
    language, split = language_column(shown), split_column(shown)
    left = [name for name in shown if name not in (language, split)]
    told_by = columns_of(shown, left, told[0].file)
    kind, columns, unsure = told_by.kind, told_by.columns, [*told_by.unsure]
    splits = {}
    if split:
        spelt = dict.fromkeys(str(value) for value in shown[split])
        splits = {SPLITS[name.lower()]: name for name in spelt if SPLITS[name.lower()] != name}
    rows = []
    for one, place, record in read:
        spoken = _cell(record, language) if language else one.language
        for name in ("text", "first", "second", "source", "target"):
            if name in columns and not isinstance(text := record.get(columns[name]), str):
                raise InputError(f"{place}: {columns[name]}: expected text, found {str(text)[:60]}.")
        part = SPLITS.get(_cell(record, split).lower(), "train") if split else one.split or "train"
        rows.append(Row(place, *_text_and_labels(record, told_by, place), spoken, part))
    if kind in UNTRAINED and {row.split for row in rows} == {"train"}:
        rows = [replace(row, split="test") for row in rows]
        told = [replace(one, split="test") for one in told]
    more = {name: column for name, column in (("language", language), ("split", split)) if column}
    files = {"": told[0].pattern} if split else _files(told)
    unsure += _unsaid(told, split, language)
    return LookedAt(
        kind,
        files,
        {**columns, **more},
        tuple(rows),
        splits,
        tuple(unsure),
        told_by.label_columns,
        told_by.separator,
    )


def _cell(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return "" if value is None else str(value).strip()


def _text_and_labels(record: Mapping[str, Any], told_by: Columns, place: str) -> tuple[str, tuple[str, ...]]:
    columns = told_by.columns
    if "words" in columns:
        words, tags = (record.get(columns[name]) or [] for name in ("words", "tags"))
        return " ".join(map(str, words)), tuple(map(str, tags))
    names = ("text", "first", "second", "source", "target")
    text = "\n".join(_cell(record, columns[name]) for name in names if name in columns)
    if told_by.kind == "multilabel":
        known = label_set(
            record,
            columns,
            told_by.label_columns,
            told_by.separator,
            lambda cell, _: str(cell).strip(),
            place,
        )
        return text, known or ()
    label = _cell(record, columns["label"]) if "label" in columns else ""
    return text, (label,) if label else ()
