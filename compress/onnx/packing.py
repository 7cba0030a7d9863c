"""A model that reads packed rows: the attention mask numbers the sequences of a row, 0 is padding.

What a mask of zeros and ones gives stays as it is. The arithmetic on the mask becomes part of an exported
graph, whose inputs keep their names and shapes; see eval.encoding.packing for what such rows look like.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def reading_packed_rows(model: Any) -> Iterator[None]:
    """Let a transformers XLM-R take numbered masks while the context is open.

    A classification head then answers once for every sequence, (sequences, labels): row by row, from left to
    right. With one sequence in each row these are the rows.
    """
    body, held = model.base_model, {}
    pad_id = model.config.pad_token_id

    def before_body(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        ids = args[0] if args else given["input_ids"]
        numbers = given["attention_mask"]
        held["numbers"] = numbers
        dtype = module.embeddings.LayerNorm.weight.dtype
        changed = {
            "attention_mask": additive_mask(numbers, dtype),
            "position_ids": positions(ids, numbers, pad_id),
        }
        return args, {**given, **changed}

    def before_head(module: Any, args: tuple[Any, ...]) -> Any:
        # The head reads the first token of each row: give it one row per sequence.
        return (args[0][first_tokens(held["numbers"])].unsqueeze(1), *args[1:])

    handles = [body.register_forward_pre_hook(before_body, with_kwargs=True)]
    head = getattr(model, "classifier", None)
    if head is not None and hasattr(head, "out_proj"):  # of whole sequences
        handles.append(head.register_forward_pre_hook(before_head))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def additive_mask(numbers: Tensor, dtype: Any) -> Tensor:
    """Return (batch, 1, length, length): 0 within a sequence, the least number of `dtype` elsewhere.

    A padded place sees nothing; with a finite number its softmax is even and not NaN.
    """
    import torch

    same = (numbers.unsqueeze(1) == numbers.unsqueeze(2)) & (numbers != 0).unsqueeze(1)
    nothing = torch.zeros((), dtype=dtype)
    return torch.where(same.unsqueeze(1), nothing, torch.full((), torch.finfo(dtype).min, dtype=dtype))


def positions(input_ids: Tensor, numbers: Tensor, pad_id: int) -> Tensor:
    """Return position ids: tokens other than padding counted from pad_id + 1 within each sequence."""
    import torch

    real = input_ids != pad_id
    at = torch.arange(input_ids.shape[1])
    before = (at.unsqueeze(0) <= at.unsqueeze(1)).unsqueeze(0)
    same = (numbers.unsqueeze(1) == numbers.unsqueeze(2)) & before & real.unsqueeze(1)
    return same.long().sum(dim=2) * real.long() + pad_id


def first_tokens(numbers: Tensor) -> Tensor:
    """Return which tokens begin a sequence, bool (batch, length)."""
    import torch

    # Padded, then cut: cut first, a length of 0 would be special.
    before = torch.nn.functional.pad(numbers, (1, 0))[:, :-1]
    return (numbers != 0) & (numbers != before)
