"""The score by which training chooses its weights: cheap, in percent, one per head."""

from __future__ import annotations

from typing import Any

from xpareto.compress.core import Examples, Head
from xpareto.compress.data import collated, example_lengths, sorted_order
from xpareto.compress.heads import HEADS


def dev_score(model: Any, head: Head, examples: Examples) -> float:
    """Return the percentage of examples that the model answers rightly.

    classification, tagging: of the labels that bear a loss, one per example or token. choice: of the
    questions whose best option is the right one. qa: of the windows whose best start and best end are
    both right, (0, 0) where a window holds no answer. A cheap stand-in for the official F1 of answers.
    """
    import torch

    spec = HEADS[head]
    right = total = 0
    for indices in sorted_order(example_lengths(examples), spec.dev_batch):
        rows = collated(examples, indices, model.config.pad_token_id)
        batch = {name: torch.from_numpy(array).to(model.device) for name, array in rows.items()}
        answers = spec.right(model, batch)
        right += int(answers.sum())
        total += len(answers)
    return 100.0 * right / max(1, total)
