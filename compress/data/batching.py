"""Batches of examples of similar length, padded to their own longest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from xpareto.compress.core import Examples

Batch = Mapping[str, np.ndarray]
"""Arrays whose first axis counts examples, so that any slice along it is a batch, too."""


class Batches(Protocol):
    """Batches without end, by number from 0.

    Batch n must depend on the data, the seed and n only: training can then go on at any update, and
    every one of several processes sees the same batches. `fit` asks in rising order.
    """

    def batch(self, number: int) -> Batch:
        """Return batch `number`."""
        ...


IGNORED = -100  # a label that bears no loss
_POOL = 50  # batches that are sorted by length together


def grouped_order(lengths: Sequence[int], batch_size: int, seed: int) -> list[list[int]]:
    """Return the indices of one epoch in batches of similar length; each index occurs once.

    All indices are shuffled, pools of 50 batches are sorted by length, and the batches are shuffled
    again, so that padding is small while neither the make-up nor the order of batches is fixed.

    >>> sorted(grouped_order([1, 9, 1, 9], batch_size=2, seed=0))
    [[0, 2], [1, 3]]
    """
    random = np.random.default_rng(seed)
    size = np.asarray(lengths)
    order = random.permutation(len(size))
    batches = []
    for start in range(0, len(order), _POOL * batch_size):
        pool = order[start : start + _POOL * batch_size]
        pool = pool[np.argsort(-size[pool], kind="stable")]
        batches += [sorted(pool[at : at + batch_size].tolist()) for at in range(0, len(pool), batch_size)]
    return [batches[index] for index in random.permutation(len(batches))]


def sorted_order(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Return all indices in batches from the longest example to the shortest.

    >>> sorted_order([1, 9, 2, 8], batch_size=2)
    [[1, 3], [2, 0]]
    """
    order = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    return [order[at : at + batch_size] for at in range(0, len(order), batch_size)]


def pad(rows: Sequence[Sequence[int]], value: int) -> np.ndarray:
    """Return the rows as one int64 array (rows, longest), filled up with `value` at the right.

    >>> pad([[5, 6], [7]], 1).tolist()
    [[5, 6], [7, 1]]
    """
    padded = np.full((len(rows), max(map(len, rows))), value, dtype=np.int64)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded


@dataclass(frozen=True)
class Rows:
    """Encoded examples in memory (satisfies compress.core.data_protocol.Examples)."""

    input_ids: Sequence[Sequence[int]]
    labels: Sequence[int] | Sequence[Sequence[int]]
    options: Sequence[int] | None = None
    metric: Callable[[Sequence[np.ndarray]], float] | None = None


def collate(
    input_ids: Sequence[Sequence[int]],
    labels: Sequence[int] | Sequence[Sequence[int]],
    indices: Sequence[int],
    pad_id: int,
) -> Batch:
    """Return one padded batch: input_ids, attention_mask, and labels (IGNORED where padded).

    The labels (start, end) of spans give an array (rows, 2).
    """
    ids = pad([input_ids[index] for index in indices], pad_id)
    picked = [labels[index] for index in indices]
    if isinstance(picked[0], int | np.integer):
        target = np.asarray(picked, dtype=np.int64)
    else:
        target = pad(picked, IGNORED)  # type: ignore[arg-type]
    return {"input_ids": ids, "attention_mask": (ids != pad_id).astype(np.int64), "labels": target}


def collate_choices(
    input_ids: Sequence[Sequence[int]],
    labels: Sequence[int] | Sequence[Sequence[int]],
    options: Sequence[int],
    indices: Sequence[int],
    pad_id: int,
) -> Batch:
    """Return one batch of questions: input_ids and attention_mask (questions, most options, longest).

    `options[i]` consecutive sequences belong to question i, counted over all questions, and labels[i]
    is the index of the right one. An option that a question has not is all padding.

    >>> batch = collate_choices([[0, 5, 2], [0, 2], [0, 6, 7, 2]], [1, 0], [2, 1], [1, 0], 1)
    >>> batch["input_ids"].tolist()
    [[[0, 6, 7, 2], [1, 1, 1, 1]], [[0, 5, 2, 1], [0, 2, 1, 1]]]
    >>> batch["labels"].tolist()
    [0, 1]
    """
    ends = np.cumsum(options)
    rows_by_question = [input_ids[ends[index] - options[index] : ends[index]] for index in indices]
    most = max(map(len, rows_by_question))
    flat = [row for rows in rows_by_question for row in [*rows, *([[pad_id]] * (most - len(rows)))]]
    ids = pad(flat, pad_id).reshape(len(rows_by_question), most, -1)
    target = np.asarray([labels[index] for index in indices], dtype=np.int64)
    return {"input_ids": ids, "attention_mask": (ids != pad_id).astype(np.int64), "labels": target}


class Epochs:
    """Labelled batches epoch after epoch, each in another order (satisfies Batches).

    Examples of similar length come together; the length of a question is that of all its options.
    """

    def __init__(self, examples: Examples, batch_size: int, seed: int, pad_id: int) -> None:
        self._examples = examples
        self._batch_size = batch_size
        self._seed = seed
        self._pad_id = pad_id
        self._lengths = example_lengths(examples)
        self.per_epoch = -(-len(self._lengths) // batch_size)
        self._epoch = -1
        self._order: list[list[int]] = []

    def batch(self, number: int) -> Batch:
        """Return batch `number`; ``number // per_epoch`` is its epoch."""
        epoch, at = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            # A pair of numbers seeds numpy as one, so no two (seed, epoch) share an order.
            order_seed = int(np.random.SeedSequence([self._seed, epoch]).generate_state(1)[0])
            self._order = grouped_order(self._lengths, self._batch_size, order_seed)
            self._epoch = epoch
        return collated(self._examples, self._order[at], self._pad_id)


def epochs(
    input_ids: Sequence[Sequence[int]],
    labels: Sequence[int] | Sequence[Sequence[int]],
    batch_size: int,
    seed: int,
    pad_id: int,
) -> Epochs:
    """Return batches without end, epoch after epoch, each in another order."""
    return Epochs(Rows(input_ids, labels), batch_size, seed, pad_id)


def example_lengths(examples: Examples) -> list[int]:
    """Return the number of tokens of each example: of its sequence, or of all its options together.

    >>> example_lengths(Rows([[0, 2], [0, 5, 2], [0, 2]], [1, 0], [2, 1]))
    [5, 2]
    """
    lengths = [len(row) for row in examples.input_ids]
    if examples.options is None or not lengths:
        return lengths
    starts = np.cumsum([0, *examples.options[:-1]])
    return np.add.reduceat(np.asarray(lengths), starts).tolist()


def collated(examples: Examples, indices: Sequence[int], pad_id: int) -> Batch:
    """Return one padded batch of examples of any shape."""
    if examples.options is None:
        return collate(examples.input_ids, examples.labels, indices, pad_id)
    return collate_choices(examples.input_ids, examples.labels, examples.options, indices, pad_id)
