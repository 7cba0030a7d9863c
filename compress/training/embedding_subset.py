"""Train only the embedding rows that occur in the data: the rest would get a gradient of zero."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from xpareto.compress.models import rank_of


class Remap:
    """A map from the ids of the whole vocabulary to those of the rows that occur, in the same order.

    Rows that are kept in any case are among them: see SpecialTokens.kept.
    """

    def __init__(self, rows: Iterable[Sequence[int]], vocab_size: int) -> None:
        present = np.zeros(vocab_size, dtype=bool)
        for row in rows:
            present[np.asarray(row, dtype=np.int64)] = True
        self.kept = np.flatnonzero(present)
        self._new = np.cumsum(present) - 1

    def __call__(self, rows: Sequence[Sequence[int]]) -> list[list[int]]:
        return [self._new[np.asarray(row, dtype=np.int64)].tolist() for row in rows]


@contextmanager
def compact_rows(model: Any, remap: Remap) -> Iterator[None]:
    """Give the model a table of the kept rows only; on leaving, write them back into the whole one.

    Exact: a row that never occurs has a gradient of zero, so Adam (without weight decay on
    embeddings, see `fit`) would not move it. It saves the optimizer's pass over the whole table,
    69 % of XLM-R base's parameters; of low-rank embeddings the lookup is the table. Not for a masked LM,
    whose output table is the same tensor.
    """
    import torch

    product = model.get_input_embeddings()
    low_rank = rank_of(product) is not None
    whole = product.lookup if low_rank else product

    def put(table: Any) -> None:
        if low_rank:
            product.lookup = table
        else:
            model.set_input_embeddings(table)

    kept = torch.from_numpy(remap.kept)
    small = torch.nn.Embedding(len(kept), whole.embedding_dim, padding_idx=whole.padding_idx)
    with torch.no_grad():
        small.weight.copy_(whole.weight[kept])
    put(small)
    try:
        yield
    finally:
        with torch.no_grad():
            whole.weight[kept] = small.weight.to(whole.weight.device)
        put(whole)
