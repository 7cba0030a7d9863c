"""A head's answers in one shape, whatever the head: rows of logits, and the example each belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compress.artifact import Head

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Answers:
    """logits (N, classes), float32, -inf for a class that a row has not; row (N,): the example of each."""

    logits: Tensor
    row: Tensor


def answers(model: Any, head: Head, batch: Mapping[str, Tensor]) -> Answers:
    """Return a model's answers to a batch of lessons (see `lessons`).

    classification: one row per sequence. tagging, mlm: one per wanted token; only these go through a
    masked LM's head. qa: two per sequence, its start and its end, over its tokens. choice: one per
    question, over its options.
    """
    import torch

    from compress.losses import choice_logits, span_logits

    ids, mask = batch["input_ids"], batch["attention_mask"]
    rows = torch.arange(len(ids), device=ids.device)
    if head == "classification":
        return Answers(model(input_ids=ids, attention_mask=mask).logits.float(), rows)
    if head == "choice":
        return Answers(choice_logits(model, batch), rows)
    if head == "qa":
        return Answers(torch.cat(span_logits(model, batch)), torch.cat([rows, rows]))
    wanted = batch["wanted"]
    row = rows[:, None].expand_as(wanted)[wanted]
    if head == "mlm":
        states = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        return Answers(model.lm_head(states[wanted]).float(), row)
    return Answers(model(input_ids=ids, attention_mask=mask).logits[wanted].float(), row)


def gold_labels(head: Head, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the label of each row of answers, (N,); IGNORED where there is none."""
    import torch

    gold = batch["gold"]
    if head == "qa":
        return torch.cat([gold[:, 0], gold[:, 1]])
    return gold[batch["wanted"]] if head in ("tagging", "mlm") else gold
