"""Run many sequences of all lengths through one session with little padding."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from xpareto.eval.runtimes import Session

TOKEN_BUDGET = 1024  # tokens per batch, padding included

Reduce = Callable[[np.ndarray, np.ndarray], Sequence[np.ndarray]]


def plan_batches(lengths: Sequence[int] | np.ndarray, token_budget: int = TOKEN_BUDGET) -> list[np.ndarray]:
    """Return index arrays that cover every sequence once, longest first, equal lengths together.

    A batch holds as many sequences as fit `token_budget` when padded to its longest; a sequence
    longer than the budget makes a batch of its own. Longest first, so that a machine with too
    little memory says so at once.

    >>> [batch.tolist() for batch in plan_batches([3, 9, 4, 9], token_budget=18)]
    [[1, 3], [2, 0]]
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    batches, start = [], 0
    while start < len(order):
        step = max(1, token_budget // max(1, int(sizes[order[start]])))
        batches.append(order[start : start + step])
        start += step
    return batches


def pad(sequences: Sequence[Sequence[int]], pad_id: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (input_ids, attention_mask, lengths) of sequences padded on the right.

    Both matrices are int64 (batch, longest); lengths is int64 (batch,).

    >>> ids, mask, lengths = pad([[0, 5, 2], [0, 2]], 1)
    >>> ids.tolist(), mask.tolist(), lengths.tolist()
    ([[0, 5, 2], [0, 2, 1]], [[1, 1, 1], [1, 1, 0]], [3, 2])
    """
    lengths = np.fromiter((len(sequence) for sequence in sequences), np.int64, len(sequences))
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, np.int64)
    ids[mask] = np.concatenate([np.asarray(sequence, np.int64) for sequence in sequences])
    return ids, mask.astype(np.int64), lengths


def run_all(
    session: Session,
    sequences: Sequence[Sequence[int]],
    reduce: Reduce,
    token_budget: int = TOKEN_BUDGET,
    *,
    pad_id: int,
) -> list[np.ndarray]:
    """Return what `reduce` keeps of the session's answer for every sequence, in their order.

    Equal sequences are run once and share one array. Batches depend on the lengths alone, so equal
    input gives equal bits. `reduce` gets (answer, lengths) of a batch and returns one small array
    per sequence that does not refer to the answer. A session with several lanes runs as many batches
    side by side.
    """
    first: dict[tuple[int, ...], int] = {}
    slots = [first.setdefault(tuple(sequence), len(first)) for sequence in sequences]
    unique = list(first)
    reduced: list[np.ndarray | None] = [None] * len(unique)

    def run_batch(batch: np.ndarray) -> None:
        ids, mask, lengths = pad([unique[index] for index in batch], pad_id)
        for index, kept in zip(batch, reduce(session.run(ids, mask), lengths), strict=True):
            reduced[index] = kept

    batches = plan_batches([len(sequence) for sequence in unique], token_budget)
    if session.lanes == 1:
        for batch in batches:
            run_batch(batch)
    else:
        try:
            with ThreadPoolExecutor(session.lanes, initializer=session.enter_lane) as lanes:
                deque(lanes.map(run_batch, batches), maxlen=0)  # raises what a lane raised
        finally:
            session.leave_lanes()
    answers = [array for array in reduced if array is not None]
    return [answers[slot] for slot in slots]
