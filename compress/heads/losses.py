"""Cross-entropies of logits, and what is drawn where there is no label: pure functions of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpareto.compress.data import IGNORED

if TYPE_CHECKING:
    from torch import Generator, Tensor


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of -log softmax(logits)[label] in nats over the rows that have a label.

    logits (..., classes), labels (...) with -100 where no loss is wanted. No label at all gives 0,
    which still has a gradient (of zero), where torch's own mean would be NaN.
    """
    import torch

    wanted = labels != IGNORED
    picked = logits[wanted].float()  # softmax in bf16 would lose the small differences
    if not len(picked):
        return logits.float().sum() * 0.0
    return torch.nn.functional.cross_entropy(picked, labels[wanted])


def cross_entropy_each(logits: Tensor, labels: Tensor) -> Tensor:
    """Return -log softmax(logits)[label] in nats of each row, 0 where the label is IGNORED.

    logits (rows, classes) and labels (rows,), or logits (rows, classes, length) and labels (rows, length).
    """
    import torch

    return torch.nn.functional.cross_entropy(logits, labels, reduction="none", ignore_index=IGNORED)


def drawn_labels(logits: Tensor, generator: Generator) -> Tensor:
    """Return one class for each row of logits (..., classes), drawn from their softmax."""
    import torch

    chances = logits.detach().float().softmax(-1)
    flat = torch.multinomial(chances.reshape(-1, chances.shape[-1]), 1, generator=generator)
    return flat.reshape(logits.shape[:-1])


def random_signs(shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Return -1 or 1 for each place, drawn evenly, float32."""
    import torch

    return torch.randint(0, 2, shape, generator=generator).float() * 2 - 1
