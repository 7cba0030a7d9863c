"""Which rows of a batch each of several processes, or each of several passes, works on."""

from __future__ import annotations

import numpy as np

from xpareto.compress.data.batching import IGNORED, Batch


def share(batch: Batch, number: int, micro_batches: int) -> Batch:
    """Return a micro-batch: the rows number, number + micro_batches, number + 2 micro_batches ... of a batch.

    A row is one example, however many sequences or labels it has. A micro-batch that would be empty is the
    first row, so that everybody does the same operations: `labelled` gives it no weight.

    >>> share({"labels": np.array([0, 1, 2])}, 1, 2)["labels"].tolist()
    [1]
    >>> share({"labels": np.array([0, 1, 2])}, 3, 4)["labels"].tolist()
    [0]
    """
    if number >= len(batch["labels"]):
        return {name: array[:1] for name, array in batch.items()}
    return {name: array[number::micro_batches] for name, array in batch.items()}


def labelled(batch: Batch, number: int = 0, micro_batches: int = 1) -> int:
    """Return how many labels of a micro-batch bear a loss: a loss is the mean over them.

    >>> labelled({"labels": np.array([[IGNORED, 1], [0, IGNORED]])})
    2
    >>> labelled({"labels": np.array([0, 1, 2])}, 3, 4)
    0
    """
    return int((np.asarray(batch["labels"][number::micro_batches]) != IGNORED).sum())
