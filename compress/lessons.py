"""Batches as a student sees them: what to read, which tokens to answer for, and labels where there are any.

A lesson has input_ids, attention_mask, `gold` (labels, IGNORED where there are none), `wanted` (the tokens
whose answers count: tagging and mlm) and `labels`: one zero per example, since the loss is the mean over
examples, which is all that `fit` asks of labels.
"""

from __future__ import annotations

import numpy as np

from compress.artifact import Head
from compress.batching import Batch, Batches
from compress.heads.table import HEADS

_BOS, _EOS = 0, 2


def labelled_lesson(batch: Batch, head: Head) -> Batch:
    """Return a labelled or masked batch as a lesson: answers count where there are labels."""
    gold = batch["labels"]
    return _lesson(batch, gold, HEADS[head].counted(gold))


def unlabelled_lesson(batch: Batch, head: Head) -> Batch:
    """Return a batch of text as a lesson for a task's head; tags count at every token of the text.

    >>> text = {"input_ids": np.array([[0, 7, 8, 2]]), "attention_mask": np.ones((1, 4), dtype=np.int64)}
    >>> unlabelled_lesson(text, "tagging")["wanted"].tolist()
    [[False, True, True, False]]
    >>> unlabelled_lesson(text, "qa")["gold"].tolist()
    [[-100, -100]]
    """
    ids, spec = batch["input_ids"], HEADS[head]
    ordinary = (batch["attention_mask"] > 0) & (ids != _BOS) & (ids != _EOS)
    return _lesson(batch, spec.no_labels(ids), ordinary if spec.labels_tokens else None)


def _lesson(batch: Batch, gold: np.ndarray, wanted: np.ndarray | None) -> Batch:
    found = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "gold": gold}
    if wanted is not None:
        found["wanted"] = wanted
    return {**found, "labels": np.zeros(len(gold), dtype=np.int64)}


class Lessons:
    """Batches turned into lessons (satisfies Batches); counts the tokens that were asked for."""

    def __init__(self, batches: Batches, head: Head, *, labelled: bool) -> None:
        self._batches = batches
        self._head = head
        self._as_lesson = labelled_lesson if labelled else unlabelled_lesson
        self.tokens = 0

    def batch(self, number: int) -> Batch:
        """Return lesson `number`."""
        found = self._as_lesson(self._batches.batch(number), self._head)
        self.tokens += int(found["attention_mask"].sum())
        return found
