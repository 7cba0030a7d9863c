"""F1 of texts with any number of labels each, from counts by label: how often it is right, predicted, and gold."""

from __future__ import annotations

import numpy as np


def micro_f1(hits: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return in percent the F1 of all labels of all texts together, as scikit-learn's f1_score(average="micro") does.

    Each (..., labels), shape (...); 0 where nothing is gold or predicted (zero_division=0).

    >>> float(micro_f1(np.array([1, 2]), np.array([1, 3]), np.array([2, 2])))
    75.0
    """
    return _f1(*(np.asarray(counts, np.float64).sum(axis=-1) for counts in (hits, predicted, gold)))


def macro_f1(hits: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return in percent the mean F1 of all labels, as scikit-learn's f1_score(average="macro") of indicators does.

    A label that is neither gold nor predicted has 0 (zero_division=0), and counts. Each (..., labels), shape (...).

    >>> float(macro_f1(np.array([1, 2, 0]), np.array([1, 3, 0]), np.array([2, 2, 0])).round(2))
    48.89
    """
    scores = _f1(*(np.asarray(counts, np.float64) for counts in (hits, predicted, gold)))
    mean: np.ndarray = scores.sum(axis=-1) / max(scores.shape[-1], 1)
    return mean


def _f1(hits: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    sums = predicted + gold
    found: np.ndarray = np.divide(200.0 * hits, sums, out=np.zeros_like(sums), where=sums > 0)
    return found
