"""Which columns of a table are texts, labels, languages and splits, by their names and by what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.data.readers import number_of, parts_of
from xpareto.eval.tasks import KindName
from xpareto.pipelines.drafting.files import CODES, SPLITS

_TEXTS = (
    "text",
    "utterance",
    "sentence",
    "review",
    "content",
    "message",
    "query",
    "body",
    "tweet",
    "comment",
    "title",
)
_PAIRS = (
    ("first", "second"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
    ("text1", "text2"), ("text_a", "text_b"), ("q1", "q2"),
)  # fmt: skip
_BELONGING = (("source", "target"), ("passage", "query"), ("document", "query"), ("answer", "question"))
_LABELS = (
    "label",
    "labels",
    "intent",
    "class",
    "category",
    "sentiment",
    "topic",
    "target",
    "tag",
    "is_duplicate",
)
_SCORES = ("score", "similarity", "similarity_score", "relatedness", "relatedness_score", "gold_score")
_LANGUAGES = ("language", "lang", "locale", "lang_code", "language_code")
_PARTS = ("split", "partition", "fold", "subset", "set")
_WORDS, _TAGS = ("words", "tokens"), ("tags", "ner_tags", "pos_tags", "labels", "upos")
_MOST_LABELS = 200  # distinct values of a column that is still taken for labels
_REPEATED = 2.0  # rows that each of its values has at least, on average
_CALLED = 1.2  # the same, of a column that is called as labels are
_SEVERAL = (
    *_LABELS,
    "topics",
    "tags",
    "categories",
    "classes",
    "emotions",
    "genres",
    "intents",
    "label_names",
)
_SEPARATORS = (";", "|", ",")
_YES_OR_NO = {"0", "1", "0.0", "1.0", "true", "false"}


@dataclass(frozen=True)
class Columns:
    """What the columns make a table: the kind of task, our name of each -> the file's, and what was only assumed."""

    kind: KindName
    columns: dict[str, str]
    unsure: tuple[str, ...] = ()
    label_columns: tuple[str, ...] = ()  # of 0 and 1, one for each label
    separator: str = ""  # between the labels of a cell


def columns_of(shown: Mapping[str, Sequence[Any]], left: Sequence[str], file: Path) -> Columns:
    """Return what the columns `left` of a table are; `shown` has the cells. InputError where none has labels."""
    words, tags = (
        next((name for name in left if name.lower() in names and isinstance(shown[name][0], list)), "")
        for names in (_WORDS, _TAGS)
    )
    if words and tags:
        return Columns("tag", {"words": words, "tags": tags})
    if scored := _scored(shown, left):
        return Columns("similarity", scored)
    if several := _several(shown, left, file):
        return several
    if belonging := _belonging(shown, left):
        return Columns("retrieve", belonging)
    return _one_label(shown, left, file)


def language_column(shown: Mapping[str, Sequence[Any]]) -> str:
    """Return the column of languages: called so, or of nothing but known codes; "" for none."""
    for name in sorted(shown, key=lambda name: name.lower() not in _LANGUAGES):
        values = {str(value) for value in shown[name]}
        if name.lower() in _LANGUAGES or values <= CODES:
            return name
    return ""


def split_column(shown: Mapping[str, Sequence[Any]]) -> str:
    for name, values in shown.items():
        if name.lower() in _PARTS and {str(value).lower() for value in values} <= {*SPLITS}:
            return name
    return ""


def _comes_again(values: Sequence[Any], times: float = _REPEATED) -> bool:
    """Tell whether a column's values come again, so often on average."""
    return len({str(value) for value in values}) <= min(_MOST_LABELS, len(values) / times)


def _scored(shown: Mapping[str, Sequence[Any]], left: Sequence[str]) -> dict[str, str]:
    """Return the columns of two texts and of a number for them, where that is no label; {} for none.

    A number is no label where its column is called as scores are, or holds fractions.
    """
    by_name = {name.lower(): name for name in left}
    pair = next(((by_name[x], by_name[y]) for x, y in _PAIRS if x in by_name and y in by_name), None)
    for name in sorted(left, key=lambda name: name.lower() not in _SCORES):
        numbers = [_number(value) for value in shown[name]]
        if pair is None or name in pair or None in numbers:
            continue
        distinct = {*numbers}
        fractions = any(number is not None and number != int(number) for number in distinct)
        if len(distinct) > 2 and (fractions or name.lower() in _SCORES):
            return {"first": pair[0], "second": pair[1], "score": name}
    return {}


def _number(value: Any) -> float | None:
    try:
        return number_of(value, "")
    except InputError:
        return None


def _belonging(shown: Mapping[str, Sequence[Any]], left: Sequence[str]) -> dict[str, str]:
    """Return the columns of texts and of what finds them, where no other column has labels; {} for none."""
    by_name = {name.lower(): name for name in left}
    if any(name in by_name and _comes_again(shown[by_name[name]], _CALLED) for name in _LABELS):
        return {}
    for source, target in _BELONGING:
        if source in by_name and target in by_name:
            return {"source": by_name[source], "target": by_name[target]}
    return {}


def _one_label(shown: Mapping[str, Sequence[Any]], left: Sequence[str], file: Path) -> Columns:
    """Return the columns of texts and of one label for each."""
    unsure = []
    label = _called(shown, left)
    if not label:
        pair = _pair(left)
        lengths = _lengths(shown, left)
        distinct = {name: len({str(value) for value in shown[name]}) for name in left if name not in pair}
        few = [
            name
            for name, count in distinct.items()
            if 1 < count <= min(_MOST_LABELS, len(shown[name]) / _REPEATED)
            and lengths[name] < max(lengths.values())
        ]
        if not few:
            values = ", ".join(f"{name} ({count} values)" for name, count in distinct.items())
            raise InputError(
                f"{file}:1: expected a column of labels, whose values come again, found none among "
                f"{values or 'no column'}. Add one, or write the recipe by hand: see eval/README.md."
            )
        label = min(few, key=lambda name: distinct[name])
        unsure.append(f"the column {label} is taken for the label, since its values come again")
    texts, assumed = _texts(shown, left, (label,), file)
    return Columns("classify", {**texts, "label": label}, (*unsure, *assumed))


def _several(shown: Mapping[str, Sequence[Any]], left: Sequence[str], file: Path) -> Columns | None:
    """Return the columns of texts and of any number of labels for each, None where there is one for each, or none.

    Labels are lists, or text that a character parts so that the parts come again in other cells, or columns of 0 and 1.
    Where a column is called as one of labels is, no other is taken for them.
    """
    pair, lengths, called = _pair(left), _lengths(shown, left), _called(shown, left)
    longest = max(lengths.values(), default=0.0)
    for name in sorted(left, key=lambda name: name.lower() not in _SEVERAL):
        if name in pair or name.lower() in (*_TEXTS, *_WORDS) or (called and name != called):
            continue
        separator = _separator(shown[name], name.lower() in _SEVERAL)
        if separator is None or (separator and lengths[name] >= longest):
            continue
        texts, assumed = _texts(shown, left, (name,), file)
        how = f"apart by {separator!r}" if separator else "as lists"
        guessed = () if name.lower() in _SEVERAL else (f"the column {name} is taken for labels {how}",)
        return Columns("multilabel", {**texts, "labels": name}, (*guessed, *assumed), separator=separator)
    marked = tuple(
        name for name in left if {str(value).strip().lower() for value in shown[name]} <= _YES_OR_NO
    )
    if called or len(marked) < 2:
        return None
    texts, assumed = _texts(shown, left, marked, file)
    told = f"the columns {enumerated(marked)}, which have 0 and 1, are taken for a label each"
    return Columns("multilabel", texts, (told, *assumed), label_columns=marked)


def _separator(cells: Sequence[Any], called: bool) -> str | None:
    """Return what parts the labels of cells, "" where they are lists; None where they are no several labels.

    >>> _separator(["war; sport", "sport", "war", ""], True), _separator([["war"], ["war"], []], True)
    (';', '')
    >>> _separator(["food, drink", "travel", "food, drink", "travel"], True) is None
    True
    """
    lists = [parts_of(cell, "") for cell in cells if cell is not None and str(cell).strip()]
    if lists and None not in lists:
        return "" if _recur([part for parts in lists for part in parts or ()], called) else None
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    if len(texts) < sum(cell is not None and str(cell).strip() != "" for cell in cells):
        return None
    for mark in _SEPARATORS:
        parts = [[part.strip() for part in text.split(mark) if part.strip()] for text in texts]
        each = [part for of_cell in parts for part in of_cell]
        # A label that has the mark in it makes more parts than cells: several labels make more cells than parts.
        if (
            any(len(of_cell) > 1 for of_cell in parts)
            and len({*each}) < len({*texts})
            and _recur(each, called)
        ):
            return mark
    return None


def _recur(labels: Sequence[Any], called: bool) -> bool:
    """Tell whether there are labels, and few enough that they come again."""
    return bool(labels) and len({*map(str, labels)}) <= min(
        _MOST_LABELS, len(labels) / (_CALLED if called else _REPEATED)
    )


def _called(shown: Mapping[str, Sequence[Any]], left: Sequence[str]) -> str:
    """Return the column that is called as labels are, and whose values come again; "" for none."""
    by_name, pair = {name.lower(): name for name in left}, _pair(left)
    named = [by_name[name] for name in _LABELS if name in by_name and by_name[name] not in pair]
    return next((name for name in named if _comes_again(shown[name], _CALLED)), "")


def _pair(left: Sequence[str]) -> list[str]:
    by_name = {name.lower(): name for name in left}
    return next(
        ([by_name[one], by_name[two]] for one, two in _PAIRS if one in by_name and two in by_name), []
    )


def _lengths(shown: Mapping[str, Sequence[Any]], left: Sequence[str]) -> dict[str, float]:
    return {name: sum(len(str(value)) for value in shown[name]) / len(shown[name]) for name in left}


def _texts(
    shown: Mapping[str, Sequence[Any]], left: Sequence[str], labels: Sequence[str], file: Path
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the columns of texts beside those of labels, and what was only assumed."""
    by_name, pair = {name.lower(): name for name in left if name not in labels}, _pair(left)
    if pair:
        return {"first": pair[0], "second": pair[1]}, ()
    named = next((by_name[name] for name in _TEXTS if name in by_name), "")
    if named:
        return {"text": named}, ()
    if not by_name:
        raise InputError(
            f"{file}:1: expected a column of texts beside {enumerated(labels)}, found {enumerated(list(shown))}."
        )
    lengths = _lengths(shown, list(by_name.values()))
    longest = max(lengths, key=lambda name: lengths[name])
    return {"text": longest}, (
        f"the column {longest} is taken for the text, since its cells are the longest",
    )
