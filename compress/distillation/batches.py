"""Batches as a student sees them: what to read, which tokens to answer for, and labels where there are any.

A student batch has input_ids, attention_mask, `gold` (labels, IGNORED where there are none), `wanted` (the tokens
whose answers count: tagging and mlm) and `labels`: one zero per example, since the loss is the mean over
examples, which is all that `fit` asks of labels.
"""

from __future__ import annotations

import numpy as np

from xpareto.compress.core import Head, SpecialTokens
from xpareto.compress.data import Batch, Draws, Rows
from xpareto.compress.heads import HEADS
from xpareto.compress.training import TrainingData


def labelled_batch(batch: Batch, head: Head) -> Batch:
    """Return a labelled or masked batch as a student batch: answers count where there are labels."""
    gold = batch["labels"]
    return _student_batch(batch, gold, HEADS[head].counted(gold))


def unlabelled_batch(batch: Batch, head: Head, special: SpecialTokens, labels: int = 0) -> Batch:
    """Return a batch of text as a student batch for a task's head of so many labels; tags count at every token."""
    ids, spec = batch["input_ids"], HEADS[head]
    ordinary = (batch["attention_mask"] > 0) & (ids != special.bos) & (ids != special.eos)
    return _student_batch(batch, spec.no_labels(ids, labels), ordinary if spec.labels_tokens else None)


def _student_batch(batch: Batch, gold: np.ndarray, wanted: np.ndarray | None) -> Batch:
    asked = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "gold": gold}
    if wanted is not None:
        asked["wanted"] = wanted
    return {**asked, "labels": np.zeros(len(gold), dtype=np.int64)}


class StudentBatches:
    """The student batches of distillation data (satisfies Batches); counts the tokens of those given out.

    Of labelled examples and text together, a batch is of the text with the probability `text_share`.
    """

    def __init__(self, data: TrainingData, batch_size: int, text_share: float, seed: int) -> None:
        self._head, self._special = data.tasks[0].head, data.special
        self._labels = len(data.tasks[0].labels)
        self._parts = [dataset.batches(batch_size, seed, data.special) for dataset in data.datasets]
        self._labelled = [
            isinstance(dataset.content, Rows) or HEADS[self._head].predicts_tokens
            for dataset in data.datasets
        ]
        self._draws = Draws([1 - text_share, text_share], seed) if len(self._parts) > 1 else None
        self.tokens = 0

    def batch(self, number: int) -> Batch:
        """Return student batch `number`."""
        part, earlier = self._draws(number) if self._draws is not None else (0, number)
        batch = self._parts[part].batch(earlier)
        student_batch = (
            labelled_batch(batch, self._head)
            if self._labelled[part]
            else unlabelled_batch(batch, self._head, self._special, self._labels)
        )
        self.tokens += int(student_batch["attention_mask"].sum())
        return student_batch
