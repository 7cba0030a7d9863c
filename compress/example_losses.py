"""One loss per example, for measures that need each example's own gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compress.artifact import Head
from compress.batching import IGNORED
from compress.losses import choice_logits, span_logits

if TYPE_CHECKING:
    from torch import Generator, Tensor


def example_losses(
    model: Any, head: Head, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
) -> Tensor:
    """Return the loss of each example of a batch, (examples,): with the model's gradient at `batch`.

    With labels (and for a masked LM always) it is the loss that the head is trained by, of a batch of
    that one example: the mean over its labels. Without labels the model's own answer takes their place:

    - classification, tagging, qa: a label drawn from the model's distribution, for every token of a
      tagged sequence. The expected squared gradient is then the true Fisher information, not the
      empirical one (Kunstner et al. 2019, arXiv 1905.12558, section 2).
    - encoder and choice: the answer f (the hidden state that is read; the score) times random signs s,
      summed, over the square root of the number of tokens. Its squared gradient has the expectation
      sum |df/dm|^2 / tokens: the Fisher information of a Gaussian around f, and the Gauss-Newton
      curvature of the reconstruction loss |f(m) - f(1)|^2 / 2.
    """
    if head == "encoder":
        found = model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True
        )
        return _signed(found.hidden_states[-1 if layer is None else layer], batch, generator)
    if head == "mlm":
        return _masked_lm(model, batch)
    if head == "qa":
        start, end = span_logits(model, batch)
        labels = batch.get("labels")
        firsts, lasts = (_drawn(start, generator), _drawn(end, generator)) if labels is None else labels.T
        return (_entropy(start, firsts) + _entropy(end, lasts)) / 2
    if head == "choice":
        if "labels" in batch:
            return _entropy(choice_logits(model, batch), batch["labels"])
        scores = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0]
        return scores * _signs(scores.shape, generator)
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.float()
    labels = batch.get("labels")
    if labels is None:
        labels = _drawn(logits, generator)
        if head == "tagging":
            labels = labels.masked_fill(batch["attention_mask"] == 0, IGNORED)
    return _mean_entropy(logits, labels) if head == "tagging" else _entropy(logits, labels)


def _entropy(logits: Tensor, labels: Tensor) -> Tensor:
    import torch

    return torch.nn.functional.cross_entropy(logits, labels, reduction="none", ignore_index=IGNORED)


def _mean_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over the labels of each row; 0 for a row without any."""
    every = _entropy(logits.transpose(1, 2), labels)
    return every.sum(1) / (labels != IGNORED).sum(1).clamp(min=1)


def _masked_lm(model: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the mean cross-entropy of each row's hidden tokens; only these go through the head."""
    labels = batch["labels"]
    body = model.roberta(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    wanted = labels != IGNORED
    every = _entropy(model.lm_head(body.last_hidden_state[wanted]).float(), labels[wanted])
    rows = wanted.nonzero()[:, 0]
    summed = every.new_zeros(len(labels)).index_add(0, rows, every)
    return summed / wanted.sum(1).clamp(min=1)


def _drawn(logits: Tensor, generator: Generator) -> Tensor:
    """Return one class for each row of logits (..., classes), drawn from their softmax."""
    import torch

    chances = logits.detach().float().softmax(-1)
    flat = torch.multinomial(chances.reshape(-1, chances.shape[-1]), 1, generator=generator)
    return flat.reshape(logits.shape[:-1])


def _signed(states: Tensor, batch: Mapping[str, Tensor], generator: Generator) -> Tensor:
    there = batch["attention_mask"]
    signed = states * _signs(states.shape, generator) * there[..., None]
    return signed.sum((1, 2)) / there.sum(1).sqrt()


def _signs(shape: tuple[int, ...], generator: Generator) -> Tensor:
    import torch

    return torch.randint(0, 2, shape, generator=generator).float() * 2 - 1
