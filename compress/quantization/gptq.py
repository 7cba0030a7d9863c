"""Round a weight's entries so that what is lost at one is made up for by those that follow."""

from __future__ import annotations

import numpy as np

from xpareto.compress.quantization.int8 import quantize_channels

_BLOCK = 128  # inputs whose errors are handed on together


def gptq_codes(
    weight: np.ndarray,
    second_moments: np.ndarray,
    *,
    per_channel: bool = True,
    bits: int = 8,
    damp: float = 0.01,
) -> tuple[np.ndarray, np.ndarray]:
    """Return (int8 codes (inputs, outputs), float32 scales) of a weight (inputs, outputs).

    Codes are chosen for a small |X W - X W'|_F over the inputs X whose X'X is `second_moments` (inputs, inputs), input
    by input, those of the greatest X'X first: the error of each is taken off the inputs that follow by the inverse of
    the Hessian X'X, to whose diagonal `damp` times its mean is added (Frantar et al. 2023, arXiv 2210.17323, equations
    2 and 3, in the order that their code calls act_order). Scales are those of rounding to nearest, and where no two
    inputs go together so are the codes. Computed in float64.

    >>> weight, together = np.array([[1.27], [0.004], [0.004]]), np.array([[1.0, 0, 0], [0, 1, 0.9], [0, 0.9, 1]])
    >>> quantize_channels(weight, 1)[0].ravel().tolist(), gptq_codes(weight, together)[0].ravel().tolist()
    ([127, 0, 0], [127, 0, 1])
    """
    top = 2 ** (bits - 1) - 1
    scales = quantize_channels(weight, 1 if per_channel else None, bits)[1]
    spread = scales.astype(np.float64)
    hessian = second_moments.astype(np.float64)
    mean = float(hessian.diagonal().mean())
    np.fill_diagonal(hessian, hessian.diagonal() + (damp * mean or 1.0))
    order = np.argsort(-hessian.diagonal(), kind="stable")
    # Row j, over its diagonal, is row j of the inverse Hessian of inputs j and later.
    factor = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    left = weight[order].astype(np.float64)
    codes = np.empty(weight.shape, np.int8)
    for start in range(0, len(left), _BLOCK):
        end = min(start + _BLOCK, len(left))
        errors = np.empty((end - start, left.shape[1]))
        for row in range(start, end):
            whole = np.clip(np.rint(left[row] / spread), -top, top)
            codes[order[row]] = whole
            errors[row - start] = (left[row] - whole * spread) / factor[row, row]
            left[row + 1 : end] -= np.outer(factor[row, row + 1 : end], errors[row - start])
        left[end:] -= factor[start:end, end:].T @ errors
    return codes, scales
