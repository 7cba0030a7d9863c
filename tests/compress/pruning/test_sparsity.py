"""Wanda and SparseGPT on one small matrix, against slow direct twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpareto.compress.pruning.sparsity import kept, magnitude, output_error, sparsegpt, wanda

QUIET = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a loaded machine draws slowly

OUT, IN, TOKENS, DAMP = 5, 16, 40, 0.01


def example(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a weight (OUT, IN) and inputs (TOKENS, IN) of very different sizes, correlated."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(TOKENS, IN)) @ random.normal(size=(IN, IN)) * np.exp(random.normal(size=IN))
    return torch.from_numpy(random.normal(size=(OUT, IN))), torch.from_numpy(inputs)


def test_the_score_of_wanda_is_the_weight_times_the_norm_of_its_input() -> None:
    weight, inputs = example()
    norms = (inputs.T @ inputs).diagonal().sqrt()
    found = wanda(weight, norms)
    for row in range(OUT):
        for column in range(IN):
            norm = sum(float(token[column]) ** 2 for token in inputs) ** 0.5
            assert float(found[row, column]) == pytest.approx(abs(float(weight[row, column])) * norm)


@QUIET
@given(st.integers(1, 20), st.floats(0.01, 0.99), st.integers(0, 5))
def test_unstructured_each_output_keeps_its_greatest_scores(columns: int, sparsity: float, seed: int) -> None:
    scores = torch.from_numpy(np.random.default_rng(seed).normal(size=(4, columns))).abs()
    mask = kept(scores, sparsity, "unstructured")
    for row, stay in zip(scores, mask, strict=True):
        assert int((~stay).sum()) == round(sparsity * columns)
        if stay.any() and not stay.all():
            assert row[stay].min() >= row[~stay].max()


@QUIET
@given(st.integers(1, 23), st.integers(0, 5))
def test_two_of_four_keeps_the_two_greatest_of_every_four(columns: int, seed: int) -> None:
    scores = torch.from_numpy(np.random.default_rng(seed).normal(size=(3, columns))).abs()
    mask = kept(scores, 0.5, "2:4")
    whole = columns // 4 * 4
    for row, stay in zip(scores, mask, strict=True):
        for start in range(0, whole, 4):
            four, there = row[start : start + 4], stay[start : start + 4]
            assert int(there.sum()) == 2 and four[there].min() >= four[~there].max()
        assert bool(stay[whole:].all())


def test_magnitude_takes_no_notice_of_inputs() -> None:
    weight, _ = example()
    assert torch.equal(magnitude(weight), weight.abs())


def surgeon(weight: np.ndarray, hessian: np.ndarray, sparsity: float, pattern: str, block: int) -> np.ndarray:
    """Return what SparseGPT gives, by the optimal brain surgeon's formulas with a fresh inverse at each column.

    A removed w_j changes the columns F from j on by -w_j / [H_F^-1]_jj * H_F^-1[:, j] (Frantar & Alistarh
    2023, equation 3).
    """
    found, hessian = weight.copy(), hessian.copy()
    hessian[np.diag_indices(IN)] += DAMP * hessian.diagonal().mean()

    def inverse(column: int) -> np.ndarray:
        return np.linalg.inv(hessian[column:, column:])

    keep = np.ones_like(found, dtype=bool)
    for column in range(IN):
        if pattern == "unstructured" and column % block == 0:
            end = min(column + block, IN)
            scores = np.stack([found[:, at] ** 2 / inverse(at)[0, 0] for at in range(column, end)], 1)
            count = round(sparsity * scores.size)
            for place in np.argsort(scores.reshape(-1), kind="stable")[:count]:
                keep[place // (end - column), column + place % (end - column)] = False
        if pattern == "2:4" and column % 4 == 0:
            scores = np.stack([found[:, at] ** 2 / inverse(at)[0, 0] for at in range(column, column + 4)], 1)
            for row in range(OUT):
                for place in np.argsort(scores[row], kind="stable")[:2]:
                    keep[row, column + place] = False
        later = inverse(column)
        for row in range(OUT):
            if not keep[row, column]:
                found[row, column:] -= found[row, column] / later[0, 0] * later[:, 0]
    return found * keep


@pytest.mark.parametrize("block", [16, 8, 4])
@pytest.mark.parametrize(
    ("pattern", "sparsity"), [("unstructured", 0.5), ("unstructured", 0.8), ("2:4", 0.5)]
)
@pytest.mark.parametrize("seed", range(3))
def test_sparsegpt_is_the_optimal_brain_surgeon(pattern: str, sparsity: float, block: int, seed: int) -> None:
    weight, inputs = example(seed)
    hessian = inputs.T @ inputs
    found = sparsegpt(weight, hessian, sparsity, pattern, DAMP, block)  # type: ignore[arg-type]
    expected = surgeon(weight.numpy(), hessian.numpy(), sparsity, pattern, block)
    np.testing.assert_array_equal(found.numpy() == 0, expected == 0)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("pattern", ["unstructured", "2:4"])
def test_what_it_repairs_is_on_the_whole_closer_than_what_only_loses_weights(pattern: str) -> None:
    # Not for every matrix: columns are gone through once, and those already passed are not repaired again.
    ratios = []
    for seed in range(20):
        weight, inputs = example(seed)
        hessian = inputs.T @ inputs
        repaired = sparsegpt(weight, hessian, 0.5, pattern, DAMP)  # type: ignore[arg-type]
        masked = weight * (repaired != 0)
        ratios.append(output_error(weight, repaired, hessian) / output_error(weight, masked, hessian))
    assert np.median(ratios) < 0.8
    assert np.mean(np.less(ratios, 1)) >= 0.9


def test_an_input_that_is_always_zero_loses_its_weights_and_harms_nothing() -> None:
    weight, inputs = example()
    inputs[:, 3] = 0
    found = sparsegpt(weight, inputs.T @ inputs, 0.5, "unstructured", DAMP)
    assert bool((found[:, 3] == 0).all()) and bool(torch.isfinite(found).all())


def test_the_error_is_that_of_the_outputs() -> None:
    weight, inputs = example()
    other = weight * kept(magnitude(weight), 0.5, "2:4")
    direct = ((inputs @ (weight - other).T) ** 2).sum() / ((inputs @ weight.T) ** 2).sum()
    assert output_error(weight, other, inputs.T @ inputs) == pytest.approx(float(direct))
    assert output_error(weight * 0, other * 0, inputs.T @ inputs) == 0.0
