"""Words and tags in columns, a word a line, a blank line after a sentence: CoNLL 2003, CoNLL-U, and their like.

Columns are apart by tabs or, where a line has none, by spaces. Lines of `-DOCSTART-`, and in CoNLL-U comments, ranges
of fused words (3-4) and empty nodes (3.1), are no words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import Tagged

CONLL = (".conll", ".conllu", ".iob", ".bio", ".txt", ".tsv")
_NO_WORD = re.compile(r"\d+[-.]\d+\t")


def word_columns(
    file: Path, columns: Mapping[str, str], labels: Sequence[str], labelled: bool
) -> list[Tagged]:
    """Return the sentences of a file; InputError names the line that has other columns or an unknown tag.

    `columns` gives the numbers of those of words and tags, from 1; by default the first and the last, in CoNLL-U form
    and universal tag (2, 4). Without `labels` any tag is right. Where no line has a second column, tags are withheld;
    `labelled` demands them.
    """
    universal = file.suffix == ".conllu"
    word_at = _number(columns, "words", 2 if universal else 1, file)
    tag_at = _number(columns, "tags", 4 if universal else -1, file)
    sentences: list[Tagged] = []
    words: list[str] = []
    tags: list[str] = []
    width = 0
    for number, line in enumerate([*rows.text(file).split("\n"), ""], start=1):
        row = line.rstrip("\r")
        if not row.strip() or row.startswith("-DOCSTART-"):
            if words:
                sentences.append(Tagged(tuple(words), tuple(tags) if width > 1 else None))
                words, tags = [], []
            continue
        if universal and (row.startswith("#") or _NO_WORD.match(row)):
            continue
        cells = row.split("\t") if "\t" in row else row.split()
        width = width or len(cells)
        if len(cells) != width or max(word_at, tag_at) > width:
            wanted = width if max(word_at, tag_at) <= width else max(word_at, tag_at)
            raise InputError(
                f"{file}:{number}: expected {wanted} columns, as in the lines before or as `columns` says, found "
                f"{len(cells)}. The file may be cut off here, or a column missing."
            )
        words.append(cells[word_at - 1])
        if width > 1:
            tag = cells[tag_at - 1 if tag_at > 0 else -1]
            tags.append(rows.known_label(tag, labels, f"{file}:{number}") if labels else tag)
    if labelled and width == 1:
        raise InputError(f"{file}:1: expected a word and its tag on a line, found a word alone.")
    return sentences


def _number(columns: Mapping[str, str], name: str, default: int, file: Path) -> int:
    given = columns.get(name)
    if given is None:
        return default
    if not given.isdecimal() or int(given) < 1:
        raise InputError(f"{file}: columns.{name}: expected the number of a column, from 1, found {given!r}.")
    return int(given)
