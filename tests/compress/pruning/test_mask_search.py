"""The search keeps the best that the budget allows; rearranging never makes it worse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.compress.models.heterogeneous_config import Shape
from xpareto.compress.models.layer_costs import encoder_cost, width_costs
from xpareto.compress.pruning.mask_search import allowed, best, rearrange, search, uniform

GROUPS = st.lists(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), min_size=1, max_size=3), min_size=1, max_size=4
)


def brute_force(scores: list[np.ndarray], costs: list[np.ndarray], budget: float) -> float:
    """Return the least importance lost over all numbers per group, the best units staying."""
    found = np.inf
    for kept in itertools.product(*(range(len(cost)) for cost in costs)):
        if sum(cost[number] for cost, number in zip(costs, kept, strict=True)) <= budget:
            lost = sum(
                np.sort(one)[: len(one) - number].sum() for one, number in zip(scores, kept, strict=True)
            )
            found = min(found, lost)
    return found


@settings(max_examples=60)
@given(GROUPS, st.floats(0.0, 1.0), st.integers(0, 5))
def test_the_search_loses_as_little_as_brute_force(
    groups: list[list[tuple[int, int]]], share: float, base: int
) -> None:
    scores = [np.array([float(score) for score, _ in group]) for group in groups]
    # Any rising table, as a measured latency is one: not linear in the number of units.
    costs = [np.cumsum([base, *(price for _, price in group)]).astype(float) for group in groups]
    budget = sum(cost[0] for cost in costs) + round(share * sum(cost[-1] - cost[0] for cost in costs))
    kept = search(scores, costs, budget)
    assert sum(cost[number] for cost, number in zip(costs, kept, strict=True)) <= budget
    lost = sum(np.sort(one)[: len(one) - number].sum() for one, number in zip(scores, kept, strict=True))
    assert lost == pytest.approx(brute_force(scores, costs, budget), abs=1e-9)


def kwon(
    heads: list[np.ndarray], neurons: list[np.ndarray], prices: tuple[float, float], budget: float
) -> float:
    """Return the loss of algorithm 1 of Kwon et al. 2022: every number of heads, the rest for neurons."""
    one, other = (np.sort(np.concatenate(scores))[::-1] for scores in (heads, neurons))
    found = np.inf
    for count in range(len(one) + 1):
        left = budget - count * prices[0]
        if left >= 0:
            found = min(found, one[count:].sum() + other[int(left // prices[1]) :].sum())
    return found


@pytest.mark.parametrize("seed", range(5))
def test_with_linear_costs_it_comes_within_a_hair_of_algorithm_1_of_kwon(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape, hidden, length = Shape((4,) * 3, (40,) * 3, 8), 32, 16
    heads = [random.exponential(size=count) for count in shape.heads]
    neurons = [random.exponential(size=count) / 8 for count in shape.ffn]
    head_costs, neuron_costs = width_costs("flops", shape, hidden, length)
    budget = 0.5 * encoder_cost("flops", shape, hidden, length)
    kept = search([*heads, *neurons], [*head_costs, *neuron_costs], budget)
    scores = [*heads, *neurons]
    lost = sum(np.sort(one)[: len(one) - count].sum() for one, count in zip(scores, kept, strict=True))
    expected = kwon(heads, neurons, (head_costs[0][1], neuron_costs[0][1]), budget)
    assert lost <= expected * 1.002
    assert lost >= expected - 1e-9


def test_infinite_costs_forbid_numbers() -> None:
    cost = np.where(allowed(5, 2), np.arange(6.0), np.inf)
    assert search([np.ones(5)], [cost], 3.5) == [2]
    assert search([np.ones(5)], [cost], 9) == [5]


def test_a_budget_below_the_smallest_shape_is_refused() -> None:
    with pytest.raises(InputError, match="budget of 1 lies below 2"):
        search([np.ones(2)], [np.array([2.0, 3.0, 4.0])], 1)


def test_the_size_of_a_real_search_is_no_trouble() -> None:
    random = np.random.default_rng(0)
    shape = Shape((12,) * 12, (3072,) * 12, 64)
    scores = [random.exponential(size=count) for count in (*shape.heads, *shape.ffn)]
    head_costs, neuron_costs = width_costs("flops", shape, 768, 128)
    every = [np.where(allowed(len(cost) - 1, 64), cost, np.inf) for cost in neuron_costs]
    budget = 0.5 * encoder_cost("flops", shape, 768, 128)
    kept = search(scores, [*head_costs, *every], budget)
    spent = sum(float(cost[number]) for cost, number in zip([*head_costs, *neuron_costs], kept, strict=True))
    assert 0.999 * budget - neuron_costs[0][64] <= spent <= budget


def test_uniform_keeps_at_least_one_unit_and_allowed_numbers_only() -> None:
    assert uniform([12, 12], 0.01) == [1, 1]
    assert uniform([24, 20], 0.5, 8) == [8, 8]
    assert uniform([5], 0.0) == [0]
    assert uniform([24], 1.0, 16) == [24]


def test_the_best_units_come_in_their_order() -> None:
    assert best(np.array([1.0, 3.0, 3.0, 2.0]), 2) == [1, 2]
    assert best(np.array([2.0, 2.0, 2.0]), 2) == [0, 1]


def pruned_cost(gradients: np.ndarray, kept: list[int]) -> float:
    pruned = [unit for unit in range(gradients.shape[1]) if unit not in kept]
    return float(np.square(gradients[:, pruned].sum(axis=1)).sum())


def greedy_by_the_book(gradients: np.ndarray, kept: list[int]) -> list[int]:
    """Algorithm 2 of Kwon et al. 2022, written as slowly as it reads."""
    pruned = [unit for unit in range(gradients.shape[1]) if unit not in kept]
    scores = (gradients**2).sum(axis=0)
    for unit in sorted(kept, key=lambda at: (scores[at], at)):
        pruned.append(unit)
        without = [
            np.square(gradients[:, [other for other in pruned if other != one]].sum(axis=1)).sum()
            for one in pruned
        ]
        pruned.remove(pruned[int(np.argmin(without))])
    return [unit for unit in range(gradients.shape[1]) if unit not in pruned]


@pytest.mark.parametrize("seed", range(60))
def test_rearranging_follows_the_algorithm_and_never_makes_it_worse(seed: int) -> None:
    random = np.random.default_rng(seed)
    gradients = random.normal(size=(5, 7)) + random.normal(size=(5, 1))
    kept = best((gradients**2).sum(axis=0), 3)
    found = rearrange(gradients, kept)
    assert len(found) == 3 and sorted(set(found)) == found
    cost = pruned_cost(gradients, found)
    assert cost <= pruned_cost(gradients, kept) + 1e-9
    assert cost == pytest.approx(pruned_cost(gradients, greedy_by_the_book(gradients, kept)))


def test_rearranging_finds_the_optimum_of_most_tiny_cases() -> None:
    hits = starts = 0
    for seed in range(100):
        gradients = np.random.default_rng(seed).normal(size=(8, 6)) + 0.5
        least = min(pruned_cost(gradients, list(kept)) for kept in itertools.combinations(range(6), 3))
        start = best((gradients**2).sum(axis=0), 3)
        hits += pruned_cost(gradients, rearrange(gradients, start)) <= least + 1e-9
        starts += pruned_cost(gradients, start) <= least + 1e-9
    assert hits >= 60 > starts + 20, (hits, starts)


def test_nothing_is_exchanged_where_all_or_nothing_stays() -> None:
    gradients = np.random.default_rng(0).normal(size=(4, 3))
    assert rearrange(gradients, [0, 1, 2]) == [0, 1, 2]
    assert rearrange(gradients, []) == []
