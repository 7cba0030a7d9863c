"""Nearest neighbour by plain cosine: XTREME's Tatoeba (no CSLS, no margin)."""

from __future__ import annotations

import numpy as np

TIE = 1e-9
"""Similarities this close count as equal: sums in another order differ by less, float32 states by more."""


def nearest(queries: np.ndarray, candidates: np.ndarray, block: int = 512) -> np.ndarray:
    """Return the index of each query's most similar candidate by cosine, int64 (queries,).

    `queries` (n, width) and `candidates` (m, width) are real vectors; a zero vector is similar to
    nothing (cosine 0). Of tied candidates the first wins. Products are taken for `block` queries at
    a time. ValueError without candidates.
    """
    if not len(candidates):
        raise ValueError("no candidates to retrieve from")
    among = _unit(candidates).T
    nearest_index = np.empty(len(queries), dtype=np.int64)
    for begin in range(0, len(queries), block):
        similarity = _unit(queries[begin : begin + block]) @ among
        best = similarity.max(axis=1, keepdims=True)
        nearest_index[begin : begin + block] = (similarity >= best - TIE).argmax(axis=1)
    return nearest_index


def _unit(vectors: np.ndarray) -> np.ndarray:
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
