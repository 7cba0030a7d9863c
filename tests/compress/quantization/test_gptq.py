"""What rounding loses at one input is made up for at those that follow, as the equations say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.quantization import gptq_codes, quantize_channels

DAMP = 0.01


def one_by_one(weight: np.ndarray, moments: np.ndarray, top: int, scales: np.ndarray) -> np.ndarray:
    """Return the codes by the paper's equations 2 and 3 as they stand, the inverse found anew for each input."""
    hessian = moments + np.eye(len(moments)) * DAMP * moments.diagonal().mean()
    left, codes = weight.astype(np.float64), np.zeros(weight.shape, int)
    rest = [int(row) for row in np.argsort(-hessian.diagonal(), kind="stable")]
    while rest:
        inverse = np.linalg.inv(hessian[np.ix_(rest, rest)])
        row = rest.pop(0)
        codes[row] = np.clip(np.rint(left[row] / scales), -top, top)
        lost = (left[row] - codes[row] * scales) / inverse[0, 0]
        for place, other in enumerate(rest, start=1):
            left[other] -= lost * inverse[0, place]
    return codes


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 9), st.booleans(), st.sampled_from([7, 8]), st.integers(1, 4)
)
def test_codes_are_those_of_the_equations(
    seed: int, inputs: int, per_channel: bool, bits: int, block: int
) -> None:
    random = np.random.default_rng(seed)
    weight = random.normal(size=(inputs, 3)).astype(np.float32)
    seen = random.normal(size=(40, inputs)) @ random.normal(size=(inputs, inputs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xpareto.compress.quantization.gptq._BLOCK", block)
        codes, scales = gptq_codes(weight, seen.T @ seen, per_channel=per_channel, bits=bits, damp=DAMP)
    expected = quantize_channels(weight, 1 if per_channel else None, bits)[1]
    np.testing.assert_array_equal(scales, expected)
    assert codes.dtype == np.int8
    np.testing.assert_array_equal(codes, one_by_one(weight, seen.T @ seen, 2 ** (bits - 1) - 1, expected))


@given(st.integers(0, 2**32 - 1))
def test_inputs_that_never_go_together_are_rounded_to_nearest(seed: int) -> None:
    random = np.random.default_rng(seed)
    weight = random.normal(size=(6, 4)).astype(np.float32)
    moments = np.diag(random.choice([0.0, 0.5, 30.0], 6))
    np.testing.assert_array_equal(gptq_codes(weight, moments)[0], quantize_channels(weight, 1)[0])


def test_outputs_come_nearer_where_inputs_go_together() -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(500, 8)) @ random.normal(size=(8, 48)) + 0.1 * random.normal(size=(500, 48))
    weight = random.normal(size=(48, 16)).astype(np.float32)

    def error(coded: tuple[np.ndarray, np.ndarray]) -> float:
        return float(np.linalg.norm(inputs @ (weight - coded[0] * coded[1])))

    assert error(gptq_codes(weight, inputs.T @ inputs)) < 0.5 * error(quantize_channels(weight, 1))
