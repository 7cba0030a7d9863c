"""Embeddings in which translations lie together, from the lines in which pieces occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_SMOOTHING = 0.75  # of the context distribution (Levy, Goldberg & Dagan 2015, section 3.1)


def ppmi(counts: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return max(0, log p(row, column) / (p(row) p(column)^0.75)) of each counted pair, in nats.

    The three arrays list the cells that are not zero, each once (Levy & Goldberg 2014).
    """
    total = counts.sum()
    of_row = np.bincount(rows, counts) / total
    of_column = np.bincount(columns, counts) ** _SMOOTHING
    of_column /= of_column.sum()
    ratio = np.log(counts / total) - np.log(of_row[rows]) - np.log(of_column[columns])
    return np.maximum(ratio, 0.0)


def aligned_embeddings(
    lines: Mapping[str, Sequence[Sequence[int]]], vocab_size: int, width: int, seed: int
) -> np.ndarray:
    """Return float32 vectors (vocab_size, width), mean 0 and variance 1 over all; 0 for unseen pieces.

    A piece is described by the lines it occurs in, where line i of every language is one and the same
    context: the truncated SVD, with the root of the singular values, of the pieces x lines PPMI matrix
    (Levy, Søgaard & Goldberg 2017, "A strong baseline for learning cross-lingual word embeddings from
    sentence alignments"), found by randomised subspace iteration (Halko et al. 2011, algorithm 4.4).
    """
    import torch

    pieces = np.concatenate([np.asarray(row, dtype=np.int64) for rows in lines.values() for row in rows])
    where = np.concatenate(
        [np.full(len(row), at, dtype=np.int64) for rows in lines.values() for at, row in enumerate(rows)]
    )
    columns = max(len(rows) for rows in lines.values())
    cells, counts = np.unique(pieces * columns + where, return_counts=True)
    row, column = cells // columns, cells % columns
    values = ppmi(counts.astype(np.float64), row, column).astype(np.float32)
    matrix = torch.sparse_coo_tensor(
        torch.from_numpy(np.stack([row, column])),
        torch.from_numpy(values),
        (vocab_size, columns),
        check_invariants=True,
    ).coalesce()
    turned = matrix.t().coalesce()
    rank = min(width, columns, vocab_size)
    probes = min(rank + 10, columns, vocab_size)
    start = np.random.default_rng(seed).standard_normal((columns, probes), dtype=np.float32)
    basis = torch.linalg.qr(torch.sparse.mm(matrix, torch.from_numpy(start)))[0]
    for _ in range(4):
        basis = torch.linalg.qr(torch.sparse.mm(turned, basis))[0]
        basis = torch.linalg.qr(torch.sparse.mm(matrix, basis))[0]
    inner = torch.sparse.mm(turned, basis).T  # basis^T matrix
    left, sizes, _ = torch.linalg.svd(inner, full_matrices=False)
    vectors = np.zeros((vocab_size, width), dtype=np.float32)
    vectors[:, :rank] = ((basis @ left)[:, :rank] * sizes[:rank].sqrt()).numpy()
    # A random rotation spreads the strong first directions over all heads' slices of the width.
    spin = np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((width, width)))[0]
    vectors = (vectors @ spin).astype(np.float32)
    seen = np.bincount(row, minlength=vocab_size) > 0
    vectors[~seen] = 0.0  # rounding leaves traces there
    vectors[seen] -= vectors[seen].mean(axis=0)
    vectors[seen] /= vectors[seen].std()
    return vectors
