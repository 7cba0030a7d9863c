"""Texts with any number of labels: a list in a cell, words apart by a character, or a column of 0 and 1 for each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.data.readers import rows
from xpareto.eval.data.readers.tables import chosen, word
from xpareto.eval.tasks import Labelled

_YES_OR_NO = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}
_LIKELY = (";", "|", ",")  # what stands between labels, where nothing says what


def labelled_sets(
    file: Path,
    columns: Mapping[str, str],
    label_columns: Sequence[str],
    separator: str,
    labels: Sequence[str],
    labelled: bool,
    where: Mapping[str, str],
) -> list[Labelled]:
    """Return the texts, or pairs of texts, of a table with their labels; see `label_set`.

    `columns` maps our field to the file's: text, or first and second. `labelled` demands the gold of each; without
    `labels` any is right. `where`: see `tables.chosen`.
    """
    names = ("text",) if "text" in columns else ("first", "second")

    def known(cell: Any, place: str) -> str:
        return rows.known_label(word(cell), labels, place) if labels else word(cell)

    examples = []
    for place, record in chosen(file, where):
        texts = tuple(rows.text_of(record, (columns.get(name, name),), place).strip() for name in names)
        gold = label_set(record, columns, label_columns, separator, known, place)
        if labelled and gold is None:
            told = enumerated(label_columns) if label_columns else columns.get("labels", "labels")
            raise InputError(
                f"{place}: {told}: expected labels, found none told: no such column, or null in it."
            )
        examples.append(Labelled(texts, gold))
    return examples


def label_set(
    record: Mapping[str, Any],
    columns: Mapping[str, str],
    label_columns: Sequence[str],
    separator: str,
    known: Callable[[Any, str], str],
    where: str,
) -> tuple[str, ...] | None:
    """Return the labels of a row, each once, in its order; () for none, None where the gold is withheld.

    Of `label_columns` those whose cell is 1; the gold is withheld where none of them is there. Else those of the column
    columns["labels"]: a list, or text, in which `separator` stands between labels and an empty cell has none; it is
    withheld where the column is not there, or null. `known` gives the label of a part of a cell, and is told the place.
    InputError, which `where` begins, for anything else.

    >>> label_set({"labels": "war; sport;"}, {}, (), ";", lambda part, _: part.strip(), "")
    ('war', 'sport')
    >>> label_set({"war": "0", "sport": 1}, {}, ("war", "sport"), "", lambda label, _: label, "")
    ('sport',)
    """
    if label_columns:
        return _of_columns(record, label_columns, known, where)
    column = columns.get("labels", "labels")
    cell = record.get(column)
    if cell is None:
        return None
    place = f"{where}: {column}"
    parts = parts_of(cell, separator)
    if parts is None:
        mark = next((mark for mark in _LIKELY if mark in str(cell)), _LIKELY[0])
        fix = (
            f' Say by `separator` what stands between labels, such as "{mark}".'
            if isinstance(cell, str)
            else ""
        )
        raise InputError(f"{place}: expected a list of labels, found {str(cell)[:60]!r}.{fix}")
    return tuple(dict.fromkeys(known(part, place) for part in parts))


def parts_of(cell: Any, separator: str) -> Sequence[str | int] | None:
    """Return the labels of a cell: a list, also written as text, or text apart by `separator`; None for neither.

    >>> parts_of("a;b;", ";"), parts_of("['a', 'b']", ""), parts_of(" ", ""), parts_of("a;b", "")
    (['a', 'b'], ['a', 'b'], [], None)
    """
    if isinstance(cell, str) and (separator or not cell.strip()):
        return [part for part in (cell.split(separator) if separator else ()) if part.strip()]
    if isinstance(cell, str) and cell.lstrip().startswith("["):  # as pandas and JSON write lists into a cell
        try:
            cell = ast.literal_eval(cell.strip())
        except (MemoryError, RecursionError, SyntaxError, ValueError):
            return None
    if not isinstance(cell, list | tuple) or not all(isinstance(part, str | int) for part in cell):
        return None
    return cell


def _of_columns(
    record: Mapping[str, Any], label_columns: Sequence[str], known: Callable[[Any, str], str], where: str
) -> tuple[str, ...] | None:
    absent = [name for name in label_columns if name not in record]
    if len(absent) == len(label_columns):
        return None
    if absent:
        raise InputError(
            f"{where}: expected a column of 0 and 1 for each label, found none called {enumerated(absent)}. There are "
            f"{enumerated([*record], 20)}."
        )
    there = []
    for name in label_columns:
        told = word(record[name]).lower()
        if told not in _YES_OR_NO:
            raise InputError(
                f"{where}: {name}: expected 0 or 1, found {told[:60]!r}. Where it is not known, leave the row out."
                if told
                else f"{where}: {name}: expected 0 or 1, found nothing."
            )
        if _YES_OR_NO[told]:
            there.append(known(name, f"{where}: {name}"))
    return tuple(there)
