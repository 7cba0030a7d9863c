"""What coding costs a product: the error of its output, and of that the mean per channel."""

from __future__ import annotations

import numpy as np


def relative_error(
    inputs: np.ndarray, coded_inputs: np.ndarray, weight: np.ndarray, coded_weight: np.ndarray
) -> float:
    """Return |X W - X' W'|_F / |X W|_F for inputs (rows, width) and weights (width, outputs)."""
    exact = inputs.astype(np.float64) @ weight
    size = float(np.linalg.norm(exact))
    return (
        float(np.linalg.norm(coded_inputs.astype(np.float64) @ coded_weight - exact)) / size if size else 0.0
    )


def mean_correction(
    mean: np.ndarray, coded_mean: np.ndarray, weight: np.ndarray, coded_weight: np.ndarray
) -> np.ndarray:
    """Return what to add to the bias, so that the mean of every output channel is what it was.

    A product is linear, so the mean error of its output, E[x' W'] - E[x W], needs the mean input only,
    before (`mean`) and after coding (`coded_mean`). Nagel et al. 2019 (arXiv 1906.04721), section 4.2,
    with the means taken over calibration data (their empirical variant, appendix D).
    """
    correction: np.ndarray = mean @ weight.astype(np.float64) - coded_mean @ coded_weight.astype(np.float64)
    return correction
