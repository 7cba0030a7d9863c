r"""Sentence pairs in the file formats of their authors; eval.data.readers.rows has the single readers they share.

- ``*.jsonl``: MNLI, SNLI, ANLI, and samples.
- ``*.tsv`` with a header that names the columns: GLUE's QQP, PAWS-X's own files, XNLI's translations
  of MNLI. A cell is what lies between two tabs; quotes mean nothing. ``quora_duplicate_questions.tsv``
  is the exception: there quotes enclose cells, tabs and line feeds inside them included.
- ``*-translated.tsv``: XTREME's translations: first and second in English, the same translated, label.
- any other ``*.tsv``: as XTREME writes it: first, second[, label].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import Pair

_TRANSLATED = ("english 1", "english 2", "sentence1", "sentence2", "label")
_QUOTED = "quora_duplicate_questions.tsv"
_TOLERATED = 0.01  # a few rows of the published files are broken; more mean another format


def pairs(file: Path, labels: Sequence[str], labelled: bool) -> list[Pair]:
    """Return the pairs of a file in any of the formats above; InputError names the file and line."""
    if file.suffix == ".jsonl":
        return rows.pairs_jsonl(file, labels)
    if file.name.endswith("-translated.tsv"):
        return _columns(file, _cells(file), _TRANSLATED, labels)
    header = _header(file)
    if header is None:
        return rows.pairs_tsv(file, labels, labelled)
    table = rows.quoted_rows(file, strict=False) if file.name == _QUOTED else _cells(file)
    return _columns(file, islice(table, 1, None), header, labels)


def _header(file: Path) -> tuple[str, ...] | None:
    """Return the names of the columns, or None where the first line is an example."""
    names = tuple(rows.text(file).partition("\n")[0].rstrip("\r").split("\t"))
    wanted = (rows.FIRST, rows.SECOND, rows.LABEL)
    return names if all(set(names) & set(some) for some in wanted) else None


def _cells(file: Path) -> Iterator[tuple[int, list[str]]]:
    lines = rows.text(file).removesuffix("\n").split("\n")
    return enumerate((line.removesuffix("\r").split("\t") for line in lines), start=1)


def _columns(
    file: Path, table: Iterable[tuple[int, list[str]]], header: Sequence[str], labels: Sequence[str]
) -> list[Pair]:
    """Return the pairs of a table; rows with other columns or labels are left out, if they are few."""
    first, second, label = (
        next(header.index(name) for name in names if name in header)
        for names in (rows.FIRST, rows.SECOND, rows.LABEL)
    )
    pairs: list[Pair] = []
    broken: list[str] = []
    for number, cells in table:
        where = f"{file}:{number}"
        if len(cells) != len(header):
            columns = ", ".join(header)
            broken.append(
                f"{where}: expected {len(header)} columns separated by tabs ({columns}), found {len(cells)}."
            )
            continue
        try:
            name = rows.known_label(cells[label], labels, where)
        except InputError as error:
            broken.append(str(error))
            continue
        pairs.append(Pair(cells[first].strip(), cells[second].strip(), name))
    if len(broken) > _TOLERATED * (len(pairs) + len(broken)):
        raise InputError(
            f"{broken[0]} {len(broken)} of {len(pairs) + len(broken)} rows are like that; up to 1 in 100 are "
            "left out as broken. The file may have another format."
        )
    return pairs
