"""The k nearest neighbours by cosine, in both directions at once, in bounded memory.

Two searches, as with an index per side, would multiply the two sets twice. Here each block of
products is made once and read along its rows and along its columns. What is read is first thinned:
the values of a line are folded into groups, and only a group whose greatest value could be among the
line's k best is looked into. That is exact, since k groups hold at least k values as great as the
least of their maxima.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_GROUP = 16  # values of a line that are judged by their maximum
BLOCK = (2048, 8192)  # rows and columns of a block of products: 64 MB in float32


@dataclass(frozen=True)
class Neighbours:
    """Per query, its nearest candidates: cosines falling, of equal ones the lowest index first."""

    similarity: np.ndarray  # (queries, k), float32
    index: np.ndarray  # (queries, k), int64


def both_ways(
    one: np.ndarray, other: np.ndarray, k: int, block: tuple[int, int] = BLOCK
) -> tuple[Neighbours, Neighbours]:
    """Return the neighbours of each row of `one` in `other`, and of each row of `other` in `one`.

    `one` (n, width) and `other` (m, width) are real vectors of any length; a zero vector has cosine 0
    with all. k is at most the size of the set searched, and less is given where that is smaller. Each
    cosine is one float32 product that both directions share. Memory beyond the inputs and the answer:
    about two blocks of products. ValueError where a set is empty.
    """
    if not len(one) or not len(other):
        raise ValueError("no candidates to retrieve from")
    forward, backward = _Best(len(one), min(k, len(other))), _Best(len(other), min(k, len(one)))
    rows, columns = _multiple(block[0]), _multiple(block[1])
    scale = _scale(other)
    for top in range(0, len(one), rows):
        queries = np.asarray(one[top : top + rows], np.float32)
        queries = queries * _scale(queries)[:, None]
        for left in range(0, len(other), columns):
            part = np.asarray(other[left : left + columns], np.float32)
            products = queries @ (part * scale[left : left + columns, None]).T
            forward.take(products, top, left)
            backward.take(products.T, left, top)
    return forward.sorted(), backward.sorted()


def nearest_first(
    queries: np.ndarray, candidates: Sequence[np.ndarray], k: int, block: tuple[int, int] = BLOCK
) -> Neighbours:
    """Return the k nearest candidates of each query, all of them where there are fewer.

    `queries` (n, width); `candidates` are vectors (width,), of which those of one block at a time are put side by
    side, so that no second copy of a corpus is made. ValueError without candidates.
    """
    if not len(candidates):
        raise ValueError("no candidates to retrieve from")
    best = _Best(len(queries), min(k, len(candidates)))
    rows, columns = _multiple(block[0]), _multiple(block[1])
    unit = np.asarray(queries, np.float32) * _scale(queries)[:, None]
    for left in range(0, len(candidates), columns):
        part = np.stack(candidates[left : left + columns]).astype(np.float32, copy=False)
        part = part * _scale(part)[:, None]
        for top in range(0, len(unit), rows):
            best.take(unit[top : top + rows] @ part.T, top, left)
    return best.sorted()


class _Best:
    """The k greatest values of every line so far, with where they stand."""

    def __init__(self, lines: int, k: int) -> None:
        self.value = np.full((lines, k), -np.inf, np.float32)
        self.index = np.full((lines, k), np.iinfo(np.int64).max, np.int64)

    def take(self, products: np.ndarray, first_line: int, first_index: int) -> None:
        """Take in (lines, values): either side may be the contiguous one."""
        lines = slice(first_line, first_line + len(products))
        value, index = self.value[lines], self.index[lines]
        k = value.shape[1]
        width = products.shape[1] // _GROUP  # groups; group g holds g, g + width, g + 2 width, ...
        least = value[:, -1].copy()
        if width:
            whole = products[:, : width * _GROUP]
            if products.flags.c_contiguous:
                greatest = whole.reshape(len(products), _GROUP, width).max(axis=1)
            else:  # a transposed view: fold rows of the contiguous array
                greatest = whole.T.reshape(_GROUP, width, len(products)).max(axis=0).T
            if width >= k and not np.isfinite(least).all():
                bound = np.partition(greatest, width - k, axis=1)[:, width - k]
                np.maximum(least, bound, out=least)
            line, group = np.nonzero(greatest >= least[:, None])
            place = group[:, None] + width * np.arange(_GROUP)
            group_values = products[line[:, None], place]
            keep = group_values >= least[line][:, None]
            self._merge(
                value, index, np.broadcast_to(line[:, None], keep.shape)[keep], group_values[keep],
                place[keep] + first_index,
            )  # fmt: skip
        if width * _GROUP < products.shape[1]:
            rest = products[:, width * _GROUP :]
            line, place = np.nonzero(rest >= value[:, -1:])
            self._merge(value, index, line, rest[line, place], place + width * _GROUP + first_index)

    def _merge(
        self, value: np.ndarray, index: np.ndarray, line: np.ndarray, new_values: np.ndarray, at: np.ndarray
    ) -> None:
        """Put new values (each of a line, at an index) among the best of their lines, in place."""
        if not len(line):
            return
        k = value.shape[1]
        touched, local = np.unique(line, return_inverse=True)
        owner = np.concatenate([np.repeat(np.arange(len(touched)), k), local])
        values = np.concatenate([value[touched].ravel(), new_values])
        places = np.concatenate([index[touched].ravel(), at])
        order = np.lexsort((places, -values, owner))
        starts = np.searchsorted(owner[order], np.arange(len(touched)))
        chosen = order[starts[:, None] + np.arange(k)]
        value[touched], index[touched] = values[chosen], places[chosen]

    def sorted(self) -> Neighbours:
        return Neighbours(self.value, self.index)


def _multiple(size: int) -> int:
    """Return the size raised to whole groups, so that only the last block has a rest."""
    return max(1, -(-size // _GROUP)) * _GROUP


def _scale(vectors: np.ndarray, block: int = 65536) -> np.ndarray:
    """Return 1 / length of each vector, float32; 0 for a zero vector."""
    inverse_lengths = np.zeros(len(vectors), np.float32)
    for begin in range(0, len(vectors), block):
        part = np.asarray(vectors[begin : begin + block], np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))
        np.divide(
            1.0, lengths, out=inverse_lengths[begin : begin + block], where=lengths > 0, casting="same_kind"
        )
    return inverse_lengths
