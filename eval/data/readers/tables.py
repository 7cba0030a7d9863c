"""Tables whose header names the columns: *.tsv, *.csv, *.parquet, and *.jsonl, whose fields are the columns.

Cells are as csv.writer, pandas and spreadsheets write them: one that holds a separator, a quote or a line
feed stands in quotes, and a quote inside is doubled. Wrong content is named as file:line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, hint
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import Bitext, Pair, Similar, Tagged, Text

_SEPARATORS = {".tsv": "\t", ".csv": ","}
TABLES = (*_SEPARATORS, ".jsonl", ".parquet")


def labelled_texts(
    file: Path,
    columns: Mapping[str, str],
    labels: Sequence[str],
    labelled: bool,
    where: Mapping[str, str] | None = None,
) -> list[Text | Pair]:
    """Return the texts, or pairs of texts, of a table with their labels.

    `columns` maps our field to the file's: text, or first and second, and label. Without that column, or
    where its cell is empty, the gold is withheld; `labelled` demands it. Without `labels` any is right. `where`: see
    `chosen`.
    """
    single, label = "text" in columns, columns.get("label", "label")
    names = ("text",) if single else ("first", "second")
    examples: list[Text | Pair] = []
    for place, record in chosen(file, where or {}):
        texts = [rows.text_of(record, (columns.get(name, name),), place).strip() for name in names]
        gold = word(rows.value_of(record, (label,), place)) if labelled or label in record else ""
        if labelled and not gold:
            raise InputError(f"{place}: {label}: expected a label, found nothing.")
        known = rows.known_label(gold, labels, place) if gold and labels else gold or None
        examples.append(Text(texts[0], known) if single else Pair(texts[0], texts[1], known))
    return examples


def tagged_rows(
    file: Path, columns: Mapping[str, str], labels: Sequence[str], labelled: bool, where: Mapping[str, str]
) -> list[Tagged]:
    """Return the sentences of a table whose cells are lists (*.jsonl, *.parquet): words, and tags (none: withheld)."""
    words_in, tags_in = columns.get("words", "words"), columns.get("tags", "tags")
    sentences = []
    for place, record in chosen(file, where):
        words = rows.value_of(record, (words_in,), place)
        tags = rows.value_of(record, (tags_in,), place) if labelled or tags_in in record else None
        for name, cell in ((words_in, words), (tags_in, tags)):
            if cell is not None and not isinstance(cell, list):
                raise InputError(f"{place}: {name}: expected a list, found {str(cell)[:60]!r}.")
        if tags is not None and len(tags) != len(words):
            raise InputError(f"{place}: expected a tag for each of {len(words)} words, found {len(tags)}.")
        known = None if tags is None else tuple(map(word, tags))
        for tag in known or ():
            if labels:
                rows.known_label(tag, labels, place)
        sentences.append(Tagged(tuple(map(str, words)), known))
    return sentences


def scored_pairs(
    file: Path, columns: Mapping[str, str], labelled: bool, where: Mapping[str, str]
) -> list[Similar]:
    """Return the pairs of a table with the number in the column score; where it is empty, the gold is withheld."""
    first, second, score = (columns.get(name, name) for name in ("first", "second", "score"))
    pairs = []
    for place, record in chosen(file, where):
        texts = [rows.text_of(record, (name,), place).strip() for name in (first, second)]
        given = rows.value_of(record, (score,), place) if labelled or score in record else None
        number = number_of(given, f"{place}: {score}")
        if labelled and number is None:
            raise InputError(f"{place}: {score}: expected a number, found nothing.")
        pairs.append(Similar(texts[0], texts[1], number))
    return pairs


def number_of(cell: Any, where: str) -> float | None:
    """Return a cell as a number, None where it is empty; InputError, which `where` begins, for anything else.

    >>> number_of("3.5", ""), number_of(2, ""), number_of(" ", "")
    (3.5, 2.0, None)
    """
    told = word(cell)
    if not told:
        return None
    try:
        number = float(told)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in told:
        raise InputError(f"{where}: expected a number such as 3.5, found {told[:60]!r}.")
    return number


def bitext_rows(file: Path, columns: Mapping[str, str], where: Mapping[str, str]) -> list[Bitext]:
    """Return the pairs of a table of texts and what has to be found for each: source and target."""
    names = (columns.get("source", "source"), columns.get("target", "target"))
    pairs = []
    for place, record in chosen(file, where):
        source, target = (rows.text_of(record, (name,), place).strip() for name in names)
        if not source or not target:
            raise InputError(f"{place}: {names[bool(source)]}: expected a text, found nothing.")
        pairs.append(Bitext(source, target))
    return pairs


def chosen(file: Path, where: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield (file:line, {column: cell}) of the rows in which every column of `where` has its value.

    InputError where a row has no such column, or nothing in it.
    """
    for place, record in _kept(file) if where else records(file):
        found = {column: word(rows.value_of(record, (column,), place)) for column in where}
        for column, value in found.items():
            if not value:
                raise InputError(f"{place}: {column}: expected a value, found nothing.")
        if found == where:
            yield place, record


def values(file: Path, column: str) -> list[str]:
    """Return what a column of a table has, each once, in the order of its first row."""
    return list(dict.fromkeys(word(rows.value_of(record, (column,), place)) for place, record in _kept(file)))


def _kept(file: Path) -> Sequence[tuple[str, Any]]:
    """Return the rows of a table, which are parsed once for all its languages and splits."""
    try:
        stat = file.stat()
    except OSError:
        return [*records(file)]  # which tells
    return _parsed(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=2)
def _parsed(file: Path, size: int, changed: int) -> tuple[tuple[str, Any], ...]:
    return tuple(records(file))


def word(cell: Any) -> str:
    """Return a cell as a name: a number as it is written, nothing as "".

    >>> word(1), word(None), word(" de "), word(True)
    ('1', '', 'de', 'true')
    """
    if isinstance(cell, bool):
        return str(cell).lower()
    return "" if cell is None else str(cell).strip()


def records(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield (file:line, {column: cell}) of every row; InputError where a row has other cells than the header."""
    if file.suffix == ".jsonl":
        yield from rows.records(file)
        return
    if file.suffix == ".parquet":
        yield from _parquet(file)
        return
    if file.suffix not in _SEPARATORS:
        raise InputError(
            f"{file}: expected a table as {', '.join(TABLES[:-1])} or {TABLES[-1]}, found {file.suffix or 'no suffix'}."
            f"{hint(file.suffix, list(TABLES))}"
        )
    header = None
    for line, cells in rows.quoted_rows(file, _SEPARATORS[file.suffix]):
        if header is None:
            header = cells
            for name in header:
                if header.count(name) > 1:
                    raise InputError(
                        f"{file}:{line}: expected columns of different names, found two called {name!r}."
                    )
        elif len(cells) == len(header):
            yield f"{file}:{line}", dict(zip(header, cells, strict=True))
        else:
            raise InputError(
                f"{file}:{line}: expected {len(header)} cells ({', '.join(header)}), found {len(cells)}. "
                "The file may be cut off here."
            )


def _parquet(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield (file: row n, {column: cell}); numbers of `datasets`' class labels are given as their names."""
    from datasets import ClassLabel, Features
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(file)
        features = Features.from_arrow_schema(table.schema)
        records = table.to_pylist()
    except (ArrowException, OSError, ValueError) as error:
        raise InputError(f"{file}: expected a Parquet file ({str(error).splitlines()[0][:200]}).") from error
    inner = {column: getattr(of, "feature", of) for column, of in features.items()}  # of lists
    names = {column: of.names for column, of in inner.items() if isinstance(of, ClassLabel)}

    def told(of: Sequence[str], at: Any) -> Any:
        if isinstance(at, list):
            return [told(of, one) for one in at]
        return of[at] if at is not None and at >= 0 else None  # -1, or nothing, where the gold is withheld

    for number, record in enumerate(records, start=1):
        spelt = {column: told(of, record[column]) for column, of in names.items()}
        yield f"{file}: row {number}", {**record, **spelt}
