"""What separates a student from its teacher, one number per sequence: pure functions of tensors.

R rows (sequences), L tokens, H heads. `mask` (R, L) is true at the tokens that are no padding. The loss
of a sequence is a mean over its own tokens, so it does not depend on what the sequence is batched with.
Everything is worked out in float32: call them outside autocast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpareto.compress.data import IGNORED

if TYPE_CHECKING:
    from torch import Tensor

_ABSENT = -1e9  # a score whose share is zero, and which is finite, so that zero times it is zero


def soft_cross_divergence(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """Return T^2 KL(softmax(teacher / T) || softmax(student / T)) in nats per row of logits, (N,).

    Both (N, classes); -inf in both marks a class that a row has not. T^2 keeps the size of the gradient
    whatever the temperature: Hinton et al. 2015, section 2.
    """
    given = ((side.float() / temperature).clamp(min=_ABSENT) for side in (teacher, student))
    return temperature**2 * _divergence(*given)


def cross_entropy_rows(logits: Tensor, labels: Tensor) -> Tensor:
    """Return -log softmax(logits)[label] in nats per row, (N,); 0 where the label is IGNORED."""
    import torch

    return torch.nn.functional.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="none")


def mean_by_row(values: Tensor, row: Tensor, wanted: Tensor, rows: int) -> Tensor:
    """Return the mean of the wanted values of each row, (rows,); 0 for a row that has none.

    values, row, wanted (N,): value i belongs to row `row[i]`. A product and no scattered sum, which on a
    GPU would add in another order each time.
    """
    import torch

    data_source = (row[None, :] == torch.arange(rows, device=row.device)[:, None]) & wanted[None, :]
    return (data_source.float() @ values.float()) / data_source.sum(1).clamp(min=1)


def hidden_mse(teacher: Tensor, student: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared difference of hidden states over tokens and width, (R,).

    Both (R, L, width). TinyBERT (Jiao et al. 2020), eq. 8 for layers and eq. 9 for embeddings; the
    student's states come projected where its width is another.
    """
    squared = (teacher.float() - student.float()).square().mean(-1)
    return _mean_over_tokens(squared, mask)


def hidden_cosine(teacher: Tensor, student: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of 1 - cosine of hidden states over the tokens, (R,).

    Both (R, L, width). DistilBERT (Sanh et al. 2019), section 3: L_cos.
    """
    import torch

    cosine = torch.nn.functional.cosine_similarity(teacher.float(), student.float(), dim=-1)
    return _mean_over_tokens(1 - cosine, mask)


def scores(left: Tensor, right: Tensor, heads: int) -> Tensor:
    """Return left right^T / sqrt(width of a head) for each head, (R, H, L, L).

    Both (R, L, heads x width of a head): a layer's queries and keys give its attention before the
    softmax; a matrix with itself gives a relation.
    """
    left, right = (
        side.float().unflatten(-1, (heads, side.shape[-1] // heads)).transpose(1, 2) for side in (left, right)
    )
    return (left @ right.transpose(2, 3)) * left.shape[-1] ** -0.5


def attention_mse(teacher: Tensor, student: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared difference of attention scores over heads and pairs of tokens, (R,).

    Both (R, H, L, L), before the softmax: TinyBERT (Jiao et al. 2020), eq. 7.
    """
    pairs = mask[:, :, None] & mask[:, None, :]
    squared = (teacher.float() - student.float()).square().mean(1).masked_fill(~pairs, 0.0)
    return squared.sum((1, 2)) / mask.sum(1).clamp(min=1).square()


def distribution_kl(teacher: Tensor, student: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over heads and tokens of KL(softmax(teacher) || softmax(student)) in nats, (R,).

    Both (R, H, L, L); each token's distribution is over the tokens of its sequence. MiniLM (Wang et al.
    2020), section 3.1 for attention and 3.2 for the value relation; MiniLMv2 (Wang et al. 2021), section 3.1.
    """
    hidden = _hidden(mask)[:, None, None, :]
    divergence = _divergence(teacher.float() + hidden, student.float() + hidden)
    return _mean_over_tokens(divergence.mean(1), mask)


def relation_kl(teacher: Tensor, student: Tensor, heads: int, mask: Tensor) -> Tensor:
    """Return the divergence of the relations that two matrices have with themselves, (R,).

    teacher (R, L, D), student (R, L, D'), each split into the same number of relation heads, so that the
    widths may differ. One of Q-Q, K-K, V-V of MiniLMv2 (Wang et al. 2021), section 3.1.
    """
    hidden = _hidden(mask).repeat_interleave(heads, 0)[:, None, :]
    divergence = _divergence(*(_relations(side.float(), heads, hidden) for side in (teacher, student)))
    return _mean_over_tokens(divergence.unflatten(0, (len(mask), heads)).mean(1), mask)


def _relations(side: Tensor, heads: int, hidden: Tensor) -> Tensor:
    """Return what `scores` gives of a matrix with itself plus `hidden`, (R H, L, L), in one pass over the result.

    The heads of long sequences are most of what a relation costs, and each pass over them counts.
    """
    import torch

    rows = side.unflatten(-1, (heads, -1)).transpose(1, 2).flatten(0, 1)
    return torch.baddbmm(hidden, rows, rows.transpose(1, 2), alpha=rows.shape[-1] ** -0.5)


def _hidden(mask: Tensor) -> Tensor:
    """Return what added to scores takes the tokens that are padding out of a softmax, (R, L)."""
    return (~mask) * _ABSENT


def _divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """Return KL(softmax(teacher) || softmax(student)) over the last axis; _ABSENT in both adds nothing."""
    import torch

    log_teacher, log_student = (torch.log_softmax(side, dim=-1) for side in (teacher, student))
    return (log_teacher.exp() * (log_teacher - log_student)).sum(-1)


def _mean_over_tokens(values: Tensor, mask: Tensor) -> Tensor:
    return values.masked_fill(~mask, 0.0).sum(1) / mask.sum(1).clamp(min=1)
