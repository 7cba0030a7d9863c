"""How much of an activation's outliers goes over into the weights that multiply it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xpareto.compress.quantization.int8 import quantize_channels
from xpareto.compress.quantization.ranges import Affine

ALPHAS = tuple(round(0.1 * step, 1) for step in range(1, 10))


def smoothing_scales(activation_peaks: np.ndarray, weight_peaks: np.ndarray, alpha: float) -> np.ndarray:
    """Return s (channels,) float32: dividing the activation and multiplying the weight by it evens both.

    s_j = max|X_j|^alpha / max|W_j|^(1 - alpha) (Xiao et al. 2023, arXiv 2211.10438, equation 4), where j
    counts the channels that the product sums over. A channel that is zero on one side keeps s = 1.

    >>> smoothing_scales(np.array([64.0, 1.0, 0.0]), np.array([0.25, 1.0, 2.0]), 0.5).tolist()
    [16.0, 1.0, 1.0]
    """
    alive = (activation_peaks > 0) & (weight_peaks > 0)
    x = np.where(alive, activation_peaks, 1.0).astype(np.float64)
    w = np.where(alive, weight_peaks, 1.0).astype(np.float64)
    return (x**alpha / w ** (1 - alpha)).astype(np.float32)


def coded_error(inputs: np.ndarray, weights: Sequence[np.ndarray], scales: np.ndarray) -> float:
    """Return |X W - Q(X / s) Q(s W)|_F / |X W|_F over all products of the inputs (rows, channels).

    Q is the coding of quantize_static with minmax ranges: one range for the activation, one scale for
    each output channel of the weights (channels, outputs).
    """
    smooth = inputs / scales
    coded = Affine.over(float(smooth.min()), float(smooth.max())).quantized(smooth).astype(np.float64)
    error = size = 0.0
    for weight in weights:
        codes, steps = quantize_channels(weight * scales[:, None], 1)
        exact = inputs.astype(np.float64) @ weight
        error += float(((coded @ (codes * steps) - exact) ** 2).sum())
        size += float((exact**2).sum())
    return (error / size) ** 0.5 if size else 0.0


def best_alpha(
    activation_peaks: np.ndarray, inputs: np.ndarray, weights: Sequence[np.ndarray]
) -> tuple[float | None, dict[str, float]]:
    """Return the alpha of least coded error on the inputs, None where no smoothing is best, and all errors.

    The paper searches one alpha per model; here each product has its own, as later tools do.
    """
    peaks = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
    errors: dict[float | None, float] = {None: coded_error(inputs, weights, np.ones_like(activation_peaks))}
    for alpha in ALPHAS:
        errors[alpha] = coded_error(inputs, weights, smoothing_scales(activation_peaks, peaks, alpha))
    best = min(errors, key=lambda alpha: errors[alpha])
    return best, {"none" if alpha is None else f"{alpha:g}": error for alpha, error in errors.items()}
