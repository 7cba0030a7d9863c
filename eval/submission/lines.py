"""Leaderboard files of lines: labels, tags, indices, mined pairs. Gold files have the same shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xpareto.compress.core import InputError, hint
from xpareto.eval.metrics.accuracy import accuracy
from xpareto.eval.metrics.chunk_f1 import chunk_counts, f1
from xpareto.eval.metrics.entity_f1 import entity_counts
from xpareto.eval.metrics.set_f1 import set_counts
from xpareto.eval.submission.format import FileScore, Format, read_text
from xpareto.eval.tasks import Bitext, Example, Prediction, Sentence, Task

_OUTSIDE = "O"  # a label of IOB tags; bare part-of-speech tags have none of that name


class Labels(Format):
    """One label per line, by accuracy."""

    def text(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> str:
        return "".join(f"{label}\n" for label in predictions)

    def score(self, predictions: Path, gold: Path, task: Task, language: str) -> FileScore:
        return _accuracy(_labels(predictions, task), _labels(gold, task), predictions, gold)


class Indices(Format):
    """One 0-based index of a foreign sentence per line, by accuracy.

    Line i is for the i-th English sentence in sorted order: XTREME publishes that side sorted.
    """

    def text(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> str:
        english = [example.target for example in examples if isinstance(example, Bitext)]
        order = sorted(range(len(english)), key=english.__getitem__)
        return "".join(f"{predictions[place]}\n" for place in order)

    def score(self, predictions: Path, gold: Path, task: Task, language: str) -> FileScore:
        return _accuracy(_indices(predictions), _indices(gold), predictions, gold)


class Tags(Format):
    """One tag per line and a blank line after each sentence, by seqeval's F1 and by share of words."""

    def text(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> str:
        sentences = [tags for tags in predictions if isinstance(tags, tuple)]
        return "".join("".join(f"{tag}\n" for tag in tags) + "\n" for tags in sentences)

    def score(self, predictions: Path, gold: Path, task: Task, language: str) -> FileScore:
        ours, wanted = _tags(predictions, task), _tags(gold, task)
        if len(ours) != len(wanted):
            at = min(len(ours), len(wanted))
            where = f"{predictions}:{ours[at][0]}" if at < len(ours) else f"{predictions}"
            raise InputError(
                f"{where}: expected {len(wanted)} sentences, as {gold} has, found {len(ours)}. A blank line "
                "ends a sentence, and each further one makes an empty sentence."
            )
        for number, ((line, predicted), (_, tags)) in enumerate(zip(ours, wanted, strict=True), start=1):
            if len(predicted) != len(tags):
                raise InputError(
                    f"{predictions}:{line}: expected {len(tags)} tags in sentence {number}, as {gold} has, "
                    f"found {len(predicted)}."
                )
        sides = [[tags for _, tags in side] for side in (wanted, ours)]
        spans = (entity_counts if _OUTSIDE in task.labels else chunk_counts)(sides[0], sides[1])
        gold_words, words = ([tag for tags in side for tag in tags] for side in sides)
        correct = sum(map(str.__eq__, words, gold_words))
        return FileScore(
            {
                "f1": float(f1(*spans.sum(axis=0))),
                "accuracy": float(accuracy(np.array(correct), np.array(len(words)))),
            },
            len(wanted),
        )


class MinedPairs(Format):
    """Foreign id TAB English id per line, in any order, by the F1 of the two sets."""

    def text(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> str:
        sentences = [example for example in examples if isinstance(example, Sentence)]
        mined_pairs = [
            (sentence.id, kept[0])
            for sentence, kept in zip(sentences, predictions, strict=True)
            if isinstance(kept, tuple) and kept[0]
        ]
        return "".join(f"{foreign}\t{english}\n" for foreign, english in mined_pairs)

    def score(self, predictions: Path, gold: Path, task: Task, language: str) -> FileScore:
        matching, predicted, wanted = set_counts(_pairs(gold), _pairs(predictions))
        return FileScore(
            {
                "f1": float(f1(np.array(matching), np.array(predicted), np.array(wanted))),
                "precision": 100 * matching / predicted if predicted else 0.0,
                "recall": 100 * matching / wanted if wanted else 0.0,
            },
            wanted,
        )


def _lines(file: Path) -> list[str]:
    """Return the stripped lines, without the empty one after the last line feed."""
    lines = read_text(file).split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.strip() for line in lines]


def _accuracy(ours: Sequence[object], wanted: Sequence[object], predictions: Path, gold: Path) -> FileScore:
    if len(ours) != len(wanted):
        line = min(len(ours), len(wanted)) + 1
        raise InputError(
            f"{predictions}:{line}: expected {len(wanted)} lines, as {gold} has, found {len(ours)}."
        )
    if not wanted:
        raise InputError(f"{gold}: expected one gold answer per line, found none.")
    correct = sum(one == other for one, other in zip(ours, wanted, strict=True))
    return FileScore({"accuracy": float(accuracy(np.array(correct), np.array(len(wanted))))}, len(wanted))


def _labels(file: Path, task: Task) -> list[str]:
    labels = _lines(file)
    for number, label in enumerate(labels, start=1):
        _known(label, task, f"{file}:{number}")
    return labels


def _known(label: str, task: Task, where: str) -> None:
    if label not in task.labels:
        raise InputError(
            f'{where}: expected one of {", ".join(task.labels)}, found "{label[:60]}".'
            f"{hint(label, task.labels)}"
        )


def _indices(file: Path) -> list[int]:
    indices = []
    for number, line in enumerate(_lines(file), start=1):
        if not (line.isascii() and line.isdigit()):
            raise InputError(f'{file}:{number}: expected a 0-based index, found "{line[:60]}".')
        indices.append(int(line))
    return indices


def _tags(file: Path, task: Task) -> list[tuple[int, tuple[str, ...]]]:
    """Return (number of its first line, tags) of every sentence; a blank line ends one, also an empty one."""
    known = frozenset(task.labels)
    sentences: list[tuple[int, tuple[str, ...]]] = []
    tags: list[str] = []
    first = 1
    for number, line in enumerate(_lines(file), start=1):
        if line:
            if line not in known:
                _known(line, task, f"{file}:{number}")
            tags.append(line)
        else:
            sentences.append((first, tuple(tags)))
            tags, first = [], number + 1
    if tags:
        sentences.append((first, tuple(tags)))
    if not any(tags for _, tags in sentences):
        raise InputError(f"{file}: expected a tag per line, found none.")
    return sentences


def _pairs(file: Path) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(_lines(file), start=1):
        fields = line.split("\t")
        if len(fields) != 2 or not all(fields):
            raise InputError(
                f'{file}:{number}: expected foreign id, tab, English id, found "{line[:60]}". '
                "Scores and other columns do not belong here."
            )
        pairs.append((fields[0], fields[1]))
    return pairs
