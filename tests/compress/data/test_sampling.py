from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.data.batching import Epochs, Rows
from xpareto.compress.data.sampling import CAP, TASK, Draws, Mixture, Sampling, capped_total, rates

SIZES = [1_104_000, 392_702, 363_846, 87_599, 130_319, 39_905, 38_015, 25_262, 9_741]  # Phang et al.'s nine


def slow_rates(sizes: list[int], sampling: str, cap: int | None, temperature: float) -> list[float]:
    """Raffel et al. 2020, section 3.5.2, in plain floats."""
    if sampling == "uniform":
        return [1 / len(sizes) for _ in sizes]
    limited = [min(size, cap) if cap is not None else size for size in sizes]
    mixing = [size / sum(limited) for size in limited]
    if sampling == "proportional":
        return mixing
    raised = [rate ** (1 / temperature) for rate in mixing]
    return [rate / sum(raised) for rate in raised]


@given(
    st.lists(st.integers(1, 2_000_000), min_size=1, max_size=10),
    st.sampled_from(["proportional", "temperature", "uniform"]),
    st.none() | st.integers(1, 2**18),
    st.floats(0.5, 20),
)
def test_rates_equal_the_formulae(
    sizes: list[int], sampling: Sampling, cap: int | None, temperature: float
) -> None:
    found = rates(sizes, sampling, cap, temperature)
    assert found == pytest.approx(slow_rates(sizes, sampling, cap, temperature), rel=1e-9)
    assert math.isclose(found.sum(), 1.0)


def test_the_cap_makes_all_large_sets_equal_and_leaves_small_ones() -> None:
    found = rates(SIZES, "proportional", CAP, 1.0)
    assert CAP == 131_072
    assert found[0] == found[1] == found[2] > found[4]  # squad_v2 with 130,319 is just below the cap
    assert found[3] / found[8] == pytest.approx(87_599 / 9_741)
    assert capped_total(SIZES, CAP) == 3 * CAP + sum(SIZES[3:])


def test_temperature_one_is_proportional_and_a_large_one_near_uniform() -> None:
    assert rates(SIZES, "temperature", CAP, 1.0) == pytest.approx(rates(SIZES, "proportional", CAP, 9.0))
    assert rates(SIZES, "temperature", CAP, 1e6) == pytest.approx(np.full(9, 1 / 9), abs=1e-5)


@pytest.mark.parametrize("sampling", ["proportional", "temperature", "uniform"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_frequencies_of_the_draws_match_the_formulae(sampling: Sampling, seed: int) -> None:
    expected = np.asarray(slow_rates(SIZES, sampling, CAP, 2.0))
    batches = 20_000
    counts = np.asarray(Draws(rates(SIZES, sampling, CAP, 2.0), seed).counts(batches))
    chi_square = float((((counts - expected * batches) ** 2) / (expected * batches)).sum())
    assert counts.sum() == batches
    assert chi_square < 26.12  # the 99.9 % point of 8 degrees of freedom


def test_the_bound_refuses_draws_of_another_formula() -> None:
    wrong = np.asarray(Draws(rates(SIZES, "uniform", CAP, 2.0), 0).counts(20_000))
    expected = 20_000 * np.asarray(slow_rates(SIZES, "proportional", CAP, 2.0))
    assert (((wrong - expected) ** 2) / expected).sum() > 1_000


@given(st.integers(0, 99), st.integers(1, 9000), st.integers(1, 9000))
def test_a_draw_depends_on_its_number_and_the_seed_alone(seed: int, first: int, second: int) -> None:
    asked, fresh = Draws([0.5, 0.2, 0.3], seed), Draws([0.5, 0.2, 0.3], seed)
    asked(first)
    assert asked(second) == fresh(second)
    before = [fresh(number)[0] for number in range(min(second, 300))]
    if second <= 300:
        assert fresh(second)[1] == before.count(fresh(second)[0])


def test_other_seeds_give_other_draws() -> None:
    found = [[Draws([0.5, 0.5], seed)(number)[0] for number in range(50)] for seed in (0, 1)]
    assert found[0] != found[1]


def sources() -> list[Epochs]:
    return [
        Epochs(
            Rows([[0, 10 * data_source + row, 2] for row in range(size)], list(range(size))),
            2,
            data_source,
            1,
        )
        for data_source, size in ((1, 6), (2, 8), (3, 4))
    ]


def test_each_batch_is_the_next_one_of_the_member_drawn_and_names_its_task() -> None:
    draws = Draws([0.5, 0.3, 0.2], 7)
    mixture, alone = Mixture(sources(), draws, [0, 1, 0]), sources()
    seen = [0, 0, 0]
    for number in range(60):
        data_source, _ = draws(number)
        found, expected = mixture.batch(number), alone[data_source].batch(seen[data_source])
        seen[data_source] += 1
        assert found["input_ids"].tolist() == expected["input_ids"].tolist()
        assert found[TASK].tolist() == [[0, 1, 0][data_source]] * len(found["labels"])
    assert seen == draws.counts(60)


def test_a_mixture_gives_the_same_batch_wherever_training_goes_on() -> None:
    straight = Mixture(sources(), Draws([0.5, 0.3, 0.2], 7), None)
    batches = [straight.batch(number) for number in range(40)]
    resumed = Mixture(sources(), Draws([0.5, 0.3, 0.2], 7), None)
    for number in (25, 26, 39):
        found = resumed.batch(number)
        assert {name: array.tolist() for name, array in found.items()} == {
            name: array.tolist() for name, array in batches[number].items()
        }
        assert TASK not in found
