"""Macro F1 and Matthews' correlation of labels, from counts by class: how often it is hit, predicted, and gold."""

from __future__ import annotations

import numpy as np


def macro_f1(hits: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return in percent the mean F1 of the classes that are gold or predicted at all, as scikit-learn's f1_score does.

    Each (..., classes), shape (...); 0 where there is no example.

    >>> float(macro_f1(np.array([1, 2]), np.array([1, 3]), np.array([2, 2])).round(2))
    73.33
    """
    sums = np.asarray(predicted, np.float64) + gold
    there = sums > 0
    scores = np.divide(2.0 * np.asarray(hits, np.float64), sums, out=np.zeros_like(sums), where=there)
    counts = there.sum(axis=-1)
    mean: np.ndarray = 100.0 * scores.sum(axis=-1) / np.maximum(counts, 1)
    return mean


def mcc(hits: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return in percent the correlation of two labellings (Gorodkin 2004; of two classes Matthews 1975).

    From -100 over 0, what answers without a look give, to 100; 0 where either has one class alone, as scikit-learn's
    matthews_corrcoef has it. Each (..., classes), shape (...).

    >>> float(mcc(np.array([1, 2]), np.array([1, 3]), np.array([2, 2])).round(2))
    57.74
    """
    columns, rows = np.asarray(predicted, np.float64), np.asarray(gold, np.float64)
    total, right = rows.sum(axis=-1), np.asarray(hits, np.float64).sum(axis=-1)
    covariance = right * total - (columns * rows).sum(axis=-1)
    spread = (total**2 - (columns**2).sum(axis=-1)) * (total**2 - (rows**2).sum(axis=-1))
    known = spread > 0
    found: np.ndarray = np.divide(
        100.0 * covariance, np.sqrt(np.where(known, spread, 1.0)), out=np.zeros_like(total), where=known
    )
    return found
