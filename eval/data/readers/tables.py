"""Tables whose header names the columns: *.tsv, *.csv, and *.jsonl, whose fields are the columns.

Cells are as csv.writer, pandas and spreadsheets write them: one that holds a separator, a quote or a line
feed stands in quotes, and a quote inside is doubled. Wrong content is named as file:line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, hint
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import Pair, Text

_SEPARATORS = {".tsv": "\t", ".csv": ","}


def labelled_texts(
    file: Path, columns: Mapping[str, str], labels: Sequence[str], labelled: bool
) -> list[Text | Pair]:
    """Return the texts, or pairs of texts, of a table with their labels.

    `columns` maps our field to the file's: text, or first and second, and label. Without that column, or
    where its cell is empty, the gold is withheld; `labelled` demands it.
    """
    single, label = "text" in columns, columns.get("label", "label")
    names = ("text",) if single else ("first", "second")
    examples: list[Text | Pair] = []
    for where, record in records(file):
        texts = [rows.text_of(record, (columns.get(name, name),), where).strip() for name in names]
        gold = rows.text_of(record, (label,), where) if labelled or label in record else ""
        known = rows.known_label(gold, labels, where) if labelled or gold else None
        examples.append(Text(texts[0], known) if single else Pair(texts[0], texts[1], known))
    return examples


def records(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield (file:line, {column: cell}) of every row; InputError where a row has other cells than the header."""
    if file.suffix == ".jsonl":
        yield from rows.records(file)
        return
    if file.suffix not in _SEPARATORS:
        raise InputError(
            f"{file}: expected a table as {', '.join(_SEPARATORS)} or .jsonl, found {file.suffix or 'no suffix'}."
            f"{hint(file.suffix, list(_SEPARATORS))}"
        )
    header = None
    for line, cells in rows.quoted_rows(file, _SEPARATORS[file.suffix]):
        if header is None:
            header = cells
        elif len(cells) == len(header):
            yield f"{file}:{line}", dict(zip(header, cells, strict=True))
        else:
            raise InputError(
                f"{file}:{line}: expected {len(header)} cells ({', '.join(header)}), found {len(cells)}. "
                "The file may be cut off here."
            )
