r"""CCG supertags, read from CCGbank-style files of one's own (CCGbank is licensed by the LDC).

- ``*.auto``: CCGbank's derivations: a line ``ID=…``, then a line whose leaves are
  ``(<L category POS POS word predicate-argument-category>)``.
- ``*.stagged``: a sentence per line, its words as ``word|POS|supertag``, as the C&C tools write it;
  lines that begin with # before the first sentence are its preface.
- ``*.tsv``: ``word TAB supertag`` per line, a blank line after a sentence.

Any supertag may occur: the set of labels is what the training set's files show.
"""

from __future__ import annotations

import re
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import Tagged

_LEAF = re.compile(r"\(<L (\S+) \S+ \S+ (\S+) \S+>\)")


def supertagged(file: Path) -> list[Tagged]:
    """Return the sentences of a file in one of the formats above; InputError names the file and line."""
    if file.suffix == ".auto":
        return _derivations(file)
    if file.suffix == ".stagged":
        return _piped(file)
    return rows.tagged(file, None, labelled=True)


def _derivations(file: Path) -> list[Tagged]:
    sentences = []
    for number, line in enumerate(rows.lines(file), start=1):
        if not line or line.startswith("ID="):
            continue
        leaves = _LEAF.findall(line)
        if len(leaves) != line.count("(<L ") or not leaves:
            raise InputError(
                f"{file}:{number}: expected a derivation with leaves (<L category POS POS word category>), "
                f"found {line[:60]!r}. It may be cut off."
            )
        sentences.append(Tagged(tuple(word for _, word in leaves), tuple(tag for tag, _ in leaves)))
    return sentences


def _piped(file: Path) -> list[Tagged]:
    sentences: list[Tagged] = []
    for number, line in enumerate(rows.lines(file), start=1):
        items = line.split()
        if not items or (not sentences and line.startswith("#") and "|" not in items[0]):
            continue
        parts = [item.rsplit("|", 2) for item in items]
        odd = next(
            (item for item, part in zip(items, parts, strict=True) if len(part) != 3 or not all(part)), None
        )
        if odd is not None:
            raise InputError(
                f"{file}:{number}: expected word|POS|supertag, found {odd[:60]!r}. It may be cut off."
            )
        sentences.append(Tagged(tuple(word for word, _, _ in parts), tuple(tag for _, _, tag in parts)))
    return sentences
