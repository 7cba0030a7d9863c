"""Give a model the embedding rows of some tokens only, and its masked LM head the same ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from xpareto.compress.architectures import architecture_of, part_of
from xpareto.compress.models import rank_of, reshape, shape_of


def keep_rows(model: Any, kept: np.ndarray) -> None:
    """Make new token i of the model what its old token `kept[i]` was; the other rows are gone.

    Word embeddings, and for a masked LM the output rows and biases; one tensor stays one where input
    and output are tied. No arithmetic is done on a weight.
    """
    import torch

    rows = torch.from_numpy(kept)
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    low_rank = rank_of(table) is not None
    whole = table.lookup if low_rank else table
    small = torch.nn.Embedding(len(kept), whole.embedding_dim, padding_idx=whole.padding_idx)
    with torch.no_grad():
        small.weight.copy_(whole.weight[rows])
    made = {id(whole.weight): small.weight}  # what was one tensor stays one

    def part(weight: Any) -> Any:
        if id(weight) not in made:
            made[id(weight)] = torch.nn.Parameter(weight.detach()[rows].clone())
        return made[id(weight)]

    if output is not None:
        output.bias = part(output.bias)
        beside, _, name = architecture_of(model).decoder_bias.rpartition(".")
        if beside:
            setattr(part_of(model, beside), name, part(getattr(part_of(model, beside), name)))
        if not low_rank:  # the masked LM of low-rank embeddings reads the table itself
            output.weight, output.out_features = part(output.weight), len(kept)
    if low_rank:
        table.lookup = small
    else:
        model.set_input_embeddings(small)
    model.config.vocab_size = len(kept)


def put_low_rank(model: Any, lookup: np.ndarray, projection: np.ndarray) -> None:
    """Make a model's word embeddings the product lookup @ projection, and predict through it where it does.

    (vocabulary, rank) and (rank, hidden), float32.
    """
    import torch

    shape = replace(shape_of(model), embedding_rank=lookup.shape[1])
    reshape(model, shape)
    table = model.get_input_embeddings()
    with torch.no_grad():
        table.lookup.weight.copy_(torch.from_numpy(lookup))
        table.projection.weight.copy_(torch.from_numpy(projection).T)


def parameter_bytes(model: Any) -> dict[str, int]:
    """Return the bytes of the weights by component: embeddings, encoder, head.

    A tensor that input and output share counts once, with the embeddings.
    """
    sizes = {"embeddings": 0, "encoder": 0, "head": 0}
    counted: set[int] = set()
    for part in (model.base_model, model):
        for name, weight in part.named_parameters():
            if id(weight) not in counted:
                counted.add(id(weight))
                inner = "embeddings" if name.startswith("embeddings.") else "encoder"
                sizes[inner if part is model.base_model else "head"] += weight.numel() * weight.element_size()
    return sizes
