"""Drift is measured on attended places only, and NaN never passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.onnx import parity


@given(st.integers(2, 12), st.integers(4, 600), st.integers(0, 2**32 - 1))
def test_random_batches_are_right_padded_seeded_and_cover_the_extremes(
    count: int, max_tokens: int, seed: int
) -> None:
    batches = parity.random_batches(50, 1, max_tokens, count, seed)
    again = parity.random_batches(50, 1, max_tokens, count, seed)
    assert len(batches) == count
    assert batches[0].shape == (1, max_tokens)
    for batch, twin in zip(batches, again, strict=True):
        assert np.array_equal(batch.input_ids, twin.input_ids)
        assert batch.shape[1] <= max_tokens
        assert ((batch.input_ids == 1) == (batch.attention_mask == 0)).all()
        assert (np.diff(batch.attention_mask, axis=1) <= 0).all() and (batch.attention_mask[:, 0] == 1).all()
        assert batch.input_ids.min() >= 0 and batch.input_ids.max() < 50


def test_padded_places_do_not_count_and_attended_ones_do() -> None:
    batch = parity.Batch(np.array([[5, 6, 1]]), np.array([[1, 1, 0]]))
    value = np.zeros((1, 3, 2), np.float32)
    padded, attended = value.copy(), value.copy()
    padded[0, 2] = 100
    attended[0, 1, 1] = 0.25
    for other, expected in ((padded, 0.0), (attended, 0.25)):
        found = parity.compare(lambda *_: {"x": value}, lambda *_, o=other: {"x": o}, [batch])["x"]
        assert found.max_abs_diff == expected
        assert found.places == 2


def test_drift_equals_a_loop_over_all_entries() -> None:
    random = np.random.default_rng(0)
    pairs = [(random.normal(size=(rows, 4)), random.normal(size=(rows, 4))) for rows in (2, 5)]
    differences, same = [], []
    for first, second in pairs:
        for row, other in zip(first.tolist(), second.tolist(), strict=True):
            differences += [abs(a - b) for a, b in zip(row, other, strict=True)]
            same.append(row.index(max(row)) == other.index(max(other)))
    found = parity.drift(pairs)
    assert found.max_abs_diff == pytest.approx(max(differences))
    assert found.mean_abs_diff == pytest.approx(sum(differences) / len(differences))
    assert found.argmax_agreement == pytest.approx(sum(same) / len(same))


def test_nan_and_wrong_shapes_never_pass() -> None:
    found = parity.drift([(np.ones((1, 2)), np.array([[np.nan, 1.0]]))])
    with pytest.raises(parity.ParityError, match="differs from its source by inf"):
        parity.require({"logits": found}, 1.0, [(1, 2)])
    batch = parity.Batch(np.array([[5]]), np.array([[1]]))
    with pytest.raises(parity.ParityError, match="expected shape"):
        parity.compare(lambda *_: {"x": np.ones((1, 2))}, lambda *_: {"x": np.ones((2, 1))}, [batch])


@pytest.mark.parametrize(
    ("own", "other", "alike"),
    [
        (1e-4, 3e-4, True),
        (1e-4, 5e-4, False),  # farther from exact arithmetic than sums in another order
        (0.5, 0.5, False),  # too far for float32 to tell anything
        (np.nan, np.nan, False),
        (1e-4, np.nan, False),
    ],
)
def test_rounding_is_told_from_another_result(own: float, other: float, alike: bool) -> None:
    exact = np.ones((1, 2))
    drifts = [{"x": parity.drift([(exact, exact + off)])} for off in (own, other)]
    assert parity.rounds_alike(*drifts) == alike
