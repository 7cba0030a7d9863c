"""What is odd in data, each with the file and line where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.tasks import UNTRAINED
from xpareto.pipelines.drafting.looked_at import LookedAt, Row

FEW = 30
"""Examples of a language below which its score says little."""
_SHOWN = 3


def oddities(found: LookedAt) -> Iterator[str]:
    """Yield what is odd, in sentences. InputError where nothing can be learnt from the data, or a row has no label."""
    if found.kind in ("classify", "multilabel", "tag"):
        _refuse_unlabelled(found)
        yield from _unseen(found)
    if found.kind == "multilabel":
        yield from _bare(found)
    empty = [row for row in found.rows if not all(map(str.strip, row.text.split("\n")))]
    if empty:
        yield f"{empty[0].place}: {_many(len(empty), 'text is', 'texts are')} empty."
    yield from _twice(found)
    for language, count in found.count("language").items():
        if count < FEW and language:
            row = next(row for row in found.rows if row.language == language)
            yield (
                f"{row.place}: the language {language} has {_many(count, 'example', 'examples')}: its score will say "
                "next to nothing. Collect more, or leave it out by `languages`."
            )


def _refuse_unlabelled(found: LookedAt) -> None:
    bare = [row for row in found.rows if not row.labels and row.split != "test"]
    if bare and found.kind != "multilabel":
        raise InputError(
            f"{bare[0].place}: expected a label, found nothing, as in {len(bare)} of {len(found.rows)} rows. Label "
            "them, or leave them out."
        )
    if len(found.labels) < 2:
        where = found.rows[0].place if found.rows else next(iter(found.files.values()))
        named = next((found.columns[name] for name in ("label", "labels") if name in found.columns), "")
        called = f" {named}" if named else ""
        raise InputError(
            f"{where}: expected two labels or more in the column{called}, found one: "
            f"{enumerated(found.labels) or 'none'}. There is nothing to tell apart."
        )


def _unseen(found: LookedAt) -> Iterator[str]:
    """Yield the labels that only test has, which no model can learn."""
    if "train" not in found.count("split"):
        return
    learnt = {label for row in found.rows if row.split != "test" for label in row.labels}
    first: dict[str, Row] = {}
    for row in found.rows:
        for label in row.labels:
            if label not in learnt:
                first.setdefault(label, row)
    for label, row in first.items():
        yield f'{row.place}: the label "{label}" is in test only, so nothing learns it and its examples count as wrong.'


def _bare(found: LookedAt) -> Iterator[str]:
    """Yield the splits in which no text has a label, and how few examples a label has to be learnt or told of."""
    for split in found.count("split"):
        rows = [row for row in found.rows if row.split == split]
        if not any(row.labels for row in rows):
            yield f"{rows[0].place}: no text of {split} has a label: where they are withheld, leave out the column."
    counts = found.count("labels")
    few = {label: counts.get(label, 0) for label in found.labels if counts.get(label, 0) < FEW}
    if few:
        label = min(few, key=lambda name: few[name])
        row = next((row for row in found.rows if label in row.labels), found.rows[0])
        others = f", as {_many(len(few) - 1, 'label', 'labels')} more" if len(few) > 1 else ""
        yield (
            f'{row.place}: the label "{label}" has {_many(few[label], "example", "examples")}, under {FEW}{others}: '
            "little is learnt of it, and its F1 will say next to nothing."
        )


def _twice(found: LookedAt) -> Iterator[str]:
    """Yield the texts of train that dev or test have, too, and those that have several labels."""
    if found.kind in UNTRAINED:
        return
    first: dict[str, Row] = {}
    for row in found.rows:
        if row.split == "train":
            first.setdefault(row.text, row)
    for split in ("dev", "test"):
        again = [row for row in found.rows if row.split == split and row.text in first]
        if again:
            there, are = first[again[0].text].place, "is" if len(again) == 1 else "are"
            yield (
                f"{again[0].place}: {_many(len(again), 'text', 'texts')} of {split} {are} in train, too, the first at "
                f"{there}: what is learnt by heart scores there."
            )
    if found.kind not in ("classify", "multilabel"):
        return
    labels: dict[tuple[str, str], set[str]] = {}
    for row in found.rows:
        if row.labels or found.kind == "multilabel":
            labels.setdefault((row.text, row.language), set()).add(" and ".join(sorted(row.labels)) or "none")
    several = {key for key, of_text in labels.items() if len(of_text) > 1}
    if several:
        row = next(row for row in found.rows if (row.text, row.language) in several)
        told = enumerated(sorted(labels[row.text, row.language]))
        what = "several labels" if found.kind == "classify" else "other labels in other rows"
        yield f"{row.place}: {_many(len(several), 'text has', 'texts have')} {what}, here {told}."


def _many(count: int, one: str, several: str) -> str:
    """Return a count with its noun.

    >>> _many(1, "text is", "texts are"), _many(2, "text is", "texts are")
    ('1 text is', '2 texts are')
    """
    return f"{count} {one if count == 1 else several}"
