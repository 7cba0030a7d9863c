"""Several sequences in one row: the mask numbers them, and a token sees its own sequence alone.

A packed batch has the arrays of any other, input_ids and attention_mask (batch, length), but the mask holds
1 for the tokens of a row's first sequence, 2 for those of its second, and so on; 0 is padding, as ever.
Attention is then block-diagonal and positions begin anew in every sequence, so that each gives what it
gives alone (Krell et al. 2021, "Efficient sequence packing without cross-contamination"). A mask of zeros
and ones means what it always meant.

Answers per token keep their places. Of classification, which answers once per sequence, they come one
below the other: row by row, and in a row from left to right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.compress.core import InputError


@dataclass(frozen=True)
class Place:
    """Where a sequence lies in a packed batch."""

    sequence: int  # its number among those that were packed
    row: int
    start: int
    length: int


@dataclass(frozen=True)
class Packed:
    """One batch: int64 (rows, length) ids and numbered mask, and the sequences in the order of answers."""

    input_ids: np.ndarray
    attention_mask: np.ndarray
    places: tuple[Place, ...]


def pack(sequences: Sequence[Sequence[int]], budget: int, pad_id: int) -> list[Packed]:
    """Return batches of rows as long as the longest sequence, at most `budget` tokens each (at least a row).

    First-fit decreasing: the longest first, each into the first row with room (Johnson 1973).

    >>> (batch,) = pack([[5, 6], [7, 8, 9], [4]], 6, 1)
    >>> batch.input_ids.tolist(), batch.attention_mask.tolist()
    ([[7, 8, 9], [5, 6, 4]], [[1, 1, 1], [1, 1, 2]])
    """
    if not sequences:
        return []
    lengths = [len(sequence) for sequence in sequences]
    width = max(lengths)
    rows: list[list[int]] = []
    free: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda at: -lengths[at]):
        row = next((at for at, room in enumerate(free) if room >= lengths[number]), len(rows))
        if row == len(rows):
            rows.append([])
            free.append(width)
        rows[row].append(number)
        free[row] -= lengths[number]
    step = max(1, budget // max(1, width))
    return [_batch(sequences, rows[at : at + step], width, pad_id) for at in range(0, len(rows), step)]


def _batch(
    sequences: Sequence[Sequence[int]], rows: Sequence[Sequence[int]], width: int, pad_id: int
) -> Packed:
    ids = np.full((len(rows), width), pad_id, np.int64)
    mask = np.zeros_like(ids)
    places = []
    for row, members in enumerate(rows):
        start = 0
        for number, sequence in enumerate(members, start=1):
            end = start + len(sequences[sequence])
            ids[row, start:end], mask[row, start:end] = sequences[sequence], number
            places.append(Place(sequence, row, start, end - start))
            start = end
    return Packed(ids, mask, tuple(places))


def unpack(answer: np.ndarray, packed: Packed) -> dict[int, np.ndarray]:
    """Return sequence -> its own answer: (length, ...) of answers per token, (labels,) of one per sequence."""
    if answer.ndim == 2:
        return {
            place.sequence: sequence_answer
            for place, sequence_answer in zip(packed.places, answer, strict=True)
        }
    return {
        place.sequence: answer[place.row, place.start : place.start + place.length] for place in packed.places
    }


def is_packed(attention_mask: np.ndarray) -> bool:
    """Say whether any row holds more than one sequence."""
    return bool(attention_mask.max(initial=0) > 1)


def refuse_packed(packs: bool) -> None:
    """Raise InputError where a model would take the numbers of a packed mask for ones."""
    if not packs:
        raise InputError(
            "expected a graph that reads packed rows, found one that takes a row for one sequence. Set "
            "packed: true in export_onnx and export again, or measure with batching: bucketed."
        )


def first_tokens(attention_mask: np.ndarray) -> np.ndarray:
    """Return a mask (batch, length) of the tokens that begin a sequence.

    >>> first_tokens(np.array([[1, 1, 2, 0]])).astype(int).tolist()
    [[1, 0, 1, 0]]
    """
    before = np.pad(attention_mask[:, :-1], ((0, 0), (1, 0)))
    begins: np.ndarray = (attention_mask != 0) & (attention_mask != before)
    return begins


def positions(attention_mask: np.ndarray, pad_id: int) -> np.ndarray:
    """Return XLM-R's position ids, int64 (batch, length): from pad_id + 1 in every sequence, pad_id at padding.

    >>> positions(np.array([[1, 1, 2, 2, 2, 0]]), 1).tolist()
    [[2, 3, 2, 3, 4, 1]]
    """
    at = np.arange(attention_mask.shape[1])
    begins = np.maximum.accumulate(np.where(first_tokens(attention_mask), at, 0), axis=1)
    return np.where(attention_mask != 0, at - begins + 1, 0) + pad_id


def visible(attention_mask: np.ndarray) -> np.ndarray:
    """Return which token sees which, bool (batch, 1, length, length): those of its own sequence."""
    same = attention_mask[:, :, None] == attention_mask[:, None, :]
    seen: np.ndarray = (same & (attention_mask != 0)[:, None, :])[:, None]
    return seen
