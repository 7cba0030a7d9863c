"""Weights as signed 8-bit codes with a scale for each output channel."""

from __future__ import annotations

import numpy as np


def quantize_channels(
    weight: np.ndarray, axis: int | None, bits: int = 8, least: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return (int8 codes, float32 scales): weight ~ codes * scale, symmetric, rounded to nearest.

    `axis` is that of the output channels, which get one scale each; None: one for the whole matrix.
    No scale is below `least`, one for each channel or for all.

    >>> quantize_channels(np.array([[1.27, -2.54]], np.float32), 1)[0].tolist()
    [[127, -127]]
    """
    top = 2 ** (bits - 1) - 1
    other = tuple(index for index in range(weight.ndim) if index != axis) if axis is not None else None
    scale = np.maximum(
        np.abs(weight).max(axis=other) / np.float32(top), np.max(least) if axis is None else least
    )
    scale = np.where(scale < np.finfo(np.float32).tiny, np.float32(1), scale).astype(np.float32)
    spread = scale if axis is None else np.expand_dims(scale, other or ())
    return np.clip(np.rint(weight / spread), -top, top).astype(np.int8), scale
