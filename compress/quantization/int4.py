"""4-bit codes of a matrix, one scale per block of a row."""

from __future__ import annotations

import numpy as np

MIDDLE = 8  # the code of zero
_ROWS_PER_CHUNK = 1 << 14


def quantize_blocks(matrix: np.ndarray, block_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (codes, scales): matrix ~ (codes - 8) * scale, codes from 0 to 15, (rows, width) uint8.

    Scales are (rows, ceil(width / block_size)) float32. The entry of greatest magnitude is given the
    code 0, which is -8 steps, whatever its sign (the scale takes it): symmetric codes that leave none of
    the sixteen unused, as onnxruntime's block-wise quantizer has them. No other entry is off by more
    than half a step, but one of almost the greatest magnitude and of the other sign, by one.

    >>> codes, scales = quantize_blocks(np.array([[-0.8, 0.1, 0.4, 0.0]], np.float32), 4)
    >>> codes.tolist(), scales.tolist()
    ([[0, 9, 12, 8]], [[0.10000000149011612]])
    """
    rows, width = matrix.shape
    blocks = -(-width // block_size)
    codes = np.empty((rows, width), np.uint8)
    scales = np.empty((rows, blocks), np.float32)
    for start in range(0, rows, _ROWS_PER_CHUNK):
        part = matrix[start : start + _ROWS_PER_CHUNK]
        padded = np.zeros((len(part), blocks * block_size), np.float32)
        padded[:, :width] = part
        grouped = padded.reshape(len(part), blocks, block_size)
        low, high = grouped.min(axis=2), grouped.max(axis=2)
        scale = np.where(-low >= high, low, high) / np.float32(-MIDDLE)
        scale = np.where(np.abs(scale) < np.finfo(np.float32).tiny, np.float32(1), scale)
        chunk_codes = np.clip(np.rint(grouped / scale[..., None]) + MIDDLE, 0, 2 * MIDDLE - 1).astype(
            np.uint8
        )
        codes[start : start + _ROWS_PER_CHUNK] = chunk_codes.reshape(len(part), -1)[:, :width]
        scales[start : start + _ROWS_PER_CHUNK] = scale
    return codes, scales


def packed(codes: np.ndarray) -> np.ndarray:
    """Return two 4-bit codes per byte along the last axis, the first in the low half.

    >>> packed(np.array([[1, 2, 15, 0]], np.uint8)).tolist()
    [[33, 15]]
    """
    packed_pairs: np.ndarray = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return packed_pairs
