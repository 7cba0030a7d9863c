"""The product is the best of its rank: by Eckart and Young, and, weighted, against slow descent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.quantization.graph.embeddings import quantize_rows
from xpareto.compress.vocabulary.low_rank import factorize


def table_of(rows: int, width: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(size=(rows, width)) * 0.8 ** np.arange(width)).astype(np.float32)


@given(st.integers(1, 12), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_the_error_is_that_of_the_singular_values_left_out(rank: int, seed: int) -> None:
    table = table_of(40, 12, seed)
    found = factorize(table, rank=rank)
    values = np.linalg.svd(table.astype(np.float64), compute_uv=False)
    error = np.square(table - found.lookup @ found.projection).sum()
    assert error == pytest.approx(np.square(values[rank:]).sum(), rel=1e-4, abs=1e-7)
    assert found.energy == pytest.approx(np.square(values[:rank]).sum() / np.square(values).sum(), rel=1e-9)
    assert (found.lookup.shape, found.projection.shape) == ((40, rank), (rank, 12))


def test_the_full_rank_is_the_table() -> None:
    table = table_of(300, 16)
    found = factorize(table, rank=16, weights=np.random.default_rng(1).random(300) + 0.01)
    np.testing.assert_allclose(found.lookup @ found.projection, table, atol=1e-5)
    assert found.energy == pytest.approx(1.0)


def weighted_error(table: np.ndarray, product: np.ndarray, weights: np.ndarray) -> float:
    return float((weights[:, None] * np.square(table - product)).sum())


def by_alternation(table: np.ndarray, weights: np.ndarray, rank: int) -> float:
    """Return the least weighted error by alternating weighted least squares from many starts (slow oracle)."""
    best = np.inf
    for seed in range(6):
        right = np.random.default_rng(seed).normal(size=(rank, table.shape[1]))
        for _ in range(300):
            left = np.linalg.lstsq(right.T, table.T, rcond=None)[0].T
            root = np.sqrt(weights)[:, None]
            right = np.linalg.lstsq(root * left, root * table, rcond=None)[0]
        best = min(best, weighted_error(table, left @ right, weights))
    return best


@pytest.mark.parametrize("rank", [1, 3])
def test_with_weights_no_other_product_errs_less_where_it_counts(rank: int) -> None:
    table = table_of(30, 6).astype(np.float64)
    weights = np.random.default_rng(2).pareto(1.0, 30) + 0.01
    found = factorize(table, rank=rank, weights=weights)
    error = weighted_error(table, found.lookup @ found.projection, weights)
    assert error == pytest.approx(by_alternation(table, weights, rank), rel=1e-4)
    plain = factorize(table, rank=rank)
    assert error < weighted_error(table, plain.lookup @ plain.projection, weights)


def test_a_row_without_weight_still_has_its_best_place() -> None:
    table = table_of(20, 8)
    weights = np.ones(20)
    weights[7] = 0.0
    found = factorize(table, rank=3, weights=weights)
    best = table[7] @ found.projection.T @ found.projection
    np.testing.assert_allclose(found.lookup[7] @ found.projection, best, atol=1e-6)


@pytest.mark.parametrize("energy", [0.3, 0.7, 0.95, 1.0])
def test_an_energy_asks_for_the_least_rank_that_holds_it(energy: float) -> None:
    table = table_of(50, 10)
    found = factorize(table, energy=energy)
    assert found.energy >= energy - 1e-9
    assert found.rank == 1 or factorize(table, rank=found.rank - 1).energy < energy


def test_even_axes_make_int8_rows_exacter_than_singular_axes() -> None:
    table = table_of(400, 32)
    found = factorize(table, rank=16)
    _, _, singular = np.linalg.svd(table, full_matrices=False)

    def loss(lookup: np.ndarray, projection: np.ndarray) -> float:
        rows, scales = quantize_rows(lookup.astype(np.float32))
        return float(np.linalg.norm((rows * scales - lookup) @ projection))

    assert loss(found.lookup, found.projection) < 0.7 * loss(table @ singular[:16].T, singular[:16])
