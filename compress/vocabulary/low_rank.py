"""A table of vectors as a product of two thin matrices, with the least error where it counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ROWS_PER_CHUNK = 1 << 14


@dataclass(frozen=True)
class Factors:
    """table ~ lookup @ projection: (rows, rank) and (rank, width), float32.

    `energy` is the share of the table's weighted sum of squares that the product holds.
    """

    lookup: np.ndarray
    projection: np.ndarray
    energy: float

    @property
    def rank(self) -> int:
        return int(self.projection.shape[0])


def factorize(
    table: np.ndarray,
    *,
    rank: int | None = None,
    energy: float | None = None,
    weights: np.ndarray | None = None,
) -> Factors:
    """Return the product of rank `rank` with the least sum over rows of weight x squared error.

    `energy` asks for the least rank that holds this share instead. Without weights this is the truncated
    singular value decomposition (Eckart & Young 1936). With one positive weight per row, the best rows
    space is that of the weighted table (Chen et al. 2018, arXiv 1806.06950, section 3), and every row
    then has its best place in it, whatever its weight.

    The right singular vectors are the eigenvectors of the weighted Gram matrix (width x width), so the
    cost is one pass over the table; float64 throughout. The axes of the rank are rotated so that each
    carries about the same energy: a row of the lookup then has no few large entries, which would leave
    an int8 row little resolution for the others. The product does not change by that.

    >>> table = np.outer([1.0, 2.0, 3.0], [1.0, 0.0, -1.0])
    >>> factors = factorize(table, rank=1)
    >>> bool(np.allclose(factors.lookup @ factors.projection, table, atol=1e-6)), round(factors.energy, 6)
    (True, 1.0)
    """
    rows, width = table.shape
    gram = np.zeros((width, width))
    for start in range(0, rows, _ROWS_PER_CHUNK):
        part = table[start : start + _ROWS_PER_CHUNK].astype(np.float64)
        row_weights = 1.0 if weights is None else weights[start : start + _ROWS_PER_CHUNK, None]
        gram += part.T @ (row_weights * part)
    values, vectors = np.linalg.eigh(gram)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]  # the greatest first
    held = np.cumsum(values) / max(values.sum(), np.finfo(np.float64).tiny)
    if rank is None:
        assert energy is not None, "give a rank or an energy"
        rank = min(int(np.searchsorted(held, energy - 1e-12)) + 1, width)
    chosen = vectors[:, :rank] @ _even(rank)
    lookup = np.empty((rows, rank), np.float32)
    for start in range(0, rows, _ROWS_PER_CHUNK):
        lookup[start : start + _ROWS_PER_CHUNK] = table[start : start + _ROWS_PER_CHUNK] @ chosen
    return Factors(lookup, np.ascontiguousarray(chosen.T, dtype=np.float32), float(held[rank - 1]))


def _even(size: int) -> np.ndarray:
    """Return the orthogonal DCT-II matrix, (size, size): it spreads what lies in few axes over all.

    >>> matrix = _even(5)
    >>> bool(np.allclose(matrix @ matrix.T, np.eye(5)))
    True
    """
    at = np.arange(size)
    matrix = np.sqrt(2.0 / size) * np.cos(np.pi * np.outer(at, 2 * at + 1) / (2 * size))
    matrix[0] /= np.sqrt(2.0)
    return matrix
