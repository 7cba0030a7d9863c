"""Reader of a comparable corpus: two files of sentences with ids, and the pairs that translate each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import Sentence

_FORM = "an id, a tab and a sentence"


def corpus(foreign: Path, english: Path, gold: Path | None = None) -> list[Sentence]:
    """Return the sentences of both files, the foreign ones first, in the order of the files.

    A line holds `id TAB sentence`; as in XTREME, what follows a second tab is left out. A line of `gold`
    holds `foreign id TAB English id`; without that file the gold is withheld. InputError for a line of
    another form, an id that comes twice, or a gold pair of an unknown id.
    """
    sides = _sentences(foreign, english=False), _sentences(english, english=True)
    if gold is None:
        return [*sides[0].values(), *sides[1].values()]
    translations: dict[str, list[str]] = {}
    for number, line in enumerate(rows.lines(gold), start=1):
        where = f"{gold}:{number}"
        pair = line.split("\t")
        if len(pair) != 2:
            raise InputError(
                f"{where}: expected two ids separated by a tab, found {line[:60]!r}. Is the file cut off?"
            )
        for one, side, file in zip(pair, sides, (foreign, english), strict=True):
            if one not in side:
                raise InputError(
                    f"{where}: the id {one} is not in {file.name}. Do these files belong together?"
                )
        if pair[1] in translations.setdefault(pair[0], []):
            raise InputError(f"{where}: the pair {pair[0]}, {pair[1]} comes twice. Take one line out.")
        translations[pair[0]].append(pair[1])
    foreign_sentences = [
        replace(item, translations=tuple(translations.get(item.id, ()))) for item in sides[0].values()
    ]
    return [*foreign_sentences, *(replace(item, translations=()) for item in sides[1].values())]


def limited(sentences: Sequence[Sentence], limit: int | None) -> list[Sentence]:
    """Return a smaller corpus: the first `limit` foreign sentences, and about as many English ones.

    All translations of the foreign sentences that are kept stay in, so that each gold pair among them
    can be found; the other English sentences, from the first, fill up to `limit`. The order stays.
    """
    if limit is None:
        return list(sentences)
    foreign = [sentence for sentence in sentences if not sentence.english][:limit]
    needed = {translation for sentence in foreign for translation in sentence.translations or ()}
    english = [sentence for sentence in sentences if sentence.english]
    room = max(0, limit - len(needed))
    kept = []
    for sentence in english:
        if sentence.id in needed:
            kept.append(sentence)
        elif room:
            room -= 1
            kept.append(sentence)
    return [*foreign, *kept]


def _sentences(file: Path, english: bool) -> dict[str, Sentence]:
    sentences_by_id: dict[str, Sentence] = {}
    for number, line in enumerate(rows.lines(file), start=1):
        name, *text = line.split("\t")
        if not text or not name or not text[0].strip():
            raise InputError(f"{file}:{number}: expected {_FORM}, found {line[:60]!r}. Is the file cut off?")
        if name in sentences_by_id:
            raise InputError(f"{file}:{number}: the id {name} comes twice. Are two files joined here?")
        sentences_by_id[name] = Sentence(name, text[0].strip(), english, None)
    return sentences_by_id
