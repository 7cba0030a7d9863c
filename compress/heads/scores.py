"""Scores of an exported model as rows of numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the log-probabilities over the last axis, float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def padded_scores(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return all rows as one array, as wide as the widest part; classes that a row has not are -inf.

    >>> padded_scores([np.zeros((1, 1)), np.zeros((1, 2))]).tolist()
    [[0.0, -inf], [0.0, 0.0]]
    """
    width = max(part.shape[1] for part in parts)
    rows = [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=-np.inf) for part in parts]
    return np.concatenate(rows)
