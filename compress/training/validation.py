"""The score by which training chooses its weights, in percent: the training set's own metric, or a share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xpareto.compress.core import Examples, Head
from xpareto.compress.data import collated, example_lengths, pad, sorted_order
from xpareto.compress.heads import HEADS


def dev_score(model: Any, head: Head, examples: Examples) -> float:
    """Return the score of dev examples in percent: their own metric, or else how many are answered rightly.

    classification (of several labels, too), tagging: of the labels that bear a loss, of examples or tokens. choice: of
    the questions whose best option is the right one. qa: of the windows whose best start and best end are
    both right, (0, 0) where a window holds no answer.
    """
    import torch

    # Not left to callers: a training that goes on scores its model again at the end.
    with torch.inference_mode():
        if examples.metric is not None:
            return examples.metric(_outputs(model, head, examples.input_ids))
        spec = HEADS[head]
        right = total = 0
        for indices in sorted_order(example_lengths(examples), spec.dev_batch):
            rows = collated(examples, indices, model.config.pad_token_id)
            batch = {name: torch.from_numpy(array).to(model.device) for name, array in rows.items()}
            answers = spec.right(model, batch)
            right += int(answers.sum())
            total += len(answers)
        return 100.0 * right / max(1, total)


def _outputs(model: Any, head: Head, sequences: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Return the model's output for each sequence, (length, ...) or (labels,), float32, made finite."""
    import torch

    spec = HEADS[head]
    outputs: list[np.ndarray] = [np.zeros(0)] * len(sequences)
    padding = model.config.pad_token_id
    for indices in sorted_order([len(row) for row in sequences], spec.dev_batch):
        ids = torch.from_numpy(pad([sequences[index] for index in indices], padding)).to(model.device)
        rows = spec.output(model, None, input_ids=ids, attention_mask=(ids != padding).long())
        for index, row in zip(indices, rows.float().cpu().numpy(), strict=True):
            outputs[index] = np.nan_to_num(row[: len(sequences[index]) if spec.per_token else None])
    return outputs
