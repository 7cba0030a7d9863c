"""Moderated variances against the distributions they come from, and intervals that rest on three seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xpareto.eval.comparison.language_fairness import fairness
from xpareto.eval.statistics.block_noise import cost_noise
from xpareto.eval.statistics.estimates import Uncertain, repeated
from xpareto.eval.statistics.intervals import Spread
from xpareto.eval.statistics.variance_shrinkage import shrunken_pairs, shrunken_spread, shrunken_variances


@pytest.mark.parametrize("prior_df", [3.0, 8.0])
def test_the_prior_is_found_again(prior_df: float) -> None:
    rng = np.random.default_rng(0)
    truth = 4.0 * prior_df / rng.chisquare(prior_df, 20_000)
    variances = truth * rng.chisquare(2, truth.size) / 2
    shrunk, df = shrunken_variances(variances, 2.0)
    assert df == pytest.approx(np.full(truth.size, 2.0 + prior_df), rel=0.15)
    assert shrunk.min() == pytest.approx(4.0 * prior_df / (2 + prior_df), rel=0.15)  # of a variance near 0


def test_what_is_moderated_is_nearer_the_truth() -> None:
    rng = np.random.default_rng(1)
    truth = 6 / rng.chisquare(6, (200, 27))
    found = truth * rng.chisquare(2, truth.shape) / 2
    shrunk = shrunken_spread(Spread(np.zeros(truth.shape), np.sqrt(found), 2), axis=1).seeds ** 2
    before, after = (np.abs(np.log(own / truth)).mean() for own in (found, shrunk))
    assert after < 0.6 * before


def test_a_variance_without_repetitions_takes_the_prior_and_too_few_tell_nothing() -> None:
    shrunk, df = shrunken_variances(np.array([1.0, 0.0, 4.0, 2.0, 0.5]), np.array([4.0, 0.0, 4.0, 4.0, 4.0]))
    assert shrunk[1] > 0 and df[1] > 0
    lone, same = shrunken_variances(np.array([1.0, 0.0, 4.0]), 2.0)
    assert lone.tolist() == [1.0, 0.0, 4.0] and same.tolist() == [2.0, 2.0, 2.0]
    one_seed = Spread(np.ones((2, 3)), np.zeros((2, 3)), None)
    assert shrunken_spread(one_seed, axis=1) is one_seed


def test_families_run_along_the_axis_that_is_named() -> None:
    seeds = np.random.default_rng(2).chisquare(2, (5, 8))
    along = shrunken_spread(Spread(np.zeros((5, 8)), seeds, 2), axis=0)
    turned = shrunken_spread(Spread(np.zeros((8, 5)), seeds.T, 2), axis=1)
    np.testing.assert_allclose(along.seeds, turned.seeds.T)
    np.testing.assert_allclose(along.half_width(0.99), turned.half_width(0.99).T)


def test_pairs_that_share_a_training_are_a_family_of_their_own() -> None:
    rng = np.random.default_rng(5)
    trained = np.repeat(rng.standard_normal((6, 3)), 2, axis=0)
    values = trained + 0.01 * rng.standard_normal((12, 3))
    _, repeats, df = repeated(values[:, None])
    assert df is not None
    variances, degrees = shrunken_pairs(repeats[:, 0], df, [at // 2 for at in range(12)])
    within = variances[range(0, 12, 2), range(1, 12, 2)]
    assert within.max() < 1e-3 and variances[0, 2] > 0.05
    assert (degrees[0, 1], degrees[0, 2]) != (2.0, 2.0) and np.isclose(variances, variances.T).all()


def seeded(rng: np.random.Generator, drops: np.ndarray, errors: np.ndarray, seeds: int = 3) -> Uncertain:
    """Return a baseline and one system that loses `drops`, with noise of training in each language."""
    values = np.stack([np.zeros((drops.size, seeds)), -drops[:, None] + errors[:, None]
                       * rng.standard_normal((drops.size, seeds))]) + 50.0  # fmt: skip
    means, repeats, df = repeated(values)
    return Uncertain(means, np.zeros((*means.shape, 1000), np.float32), repeats, df)


@pytest.mark.parametrize("alike", [False, True])
def test_intervals_of_all_languages_hold_together_on_three_seeds_and_say_something(alike: bool) -> None:
    rng, codes = np.random.default_rng(3), [f"x{k}" for k in range(27)]
    covered, widths = 0, []
    for _ in range(300):
        drops = rng.normal(1.0, 1.0, 27)
        errors = np.ones(27) if alike else np.sqrt(6 / rng.chisquare(6, 27))
        own = fairness(seeded(rng, drops, errors), codes, 0, rng, 1000)[1].drops
        covered += all(
            own[code].low <= drop <= own[code].high for code, drop in zip(codes, drops, strict=True)
        )
        widths.append(np.mean([own[code].high - own[code].low for code in codes]))
    assert covered >= 0.9 * 300
    # Each by itself would have t at 2 degrees of freedom: 22.8 standard errors of 0.82 at this level, 0.998.
    assert np.mean(widths) < 2 * 22.8 * 0.82 / 4


def test_no_drop_is_larger_than_what_there_is_to_lose() -> None:
    rng, codes = np.random.default_rng(4), [f"x{k}" for k in range(27)]
    found = fairness(seeded(rng, np.full(27, 10.0), np.full(27, 40.0)), codes, 0, rng, 1000)[1]
    assert all(own.high <= 50.0 and own.low >= -50.0 for own in found.drops.values())


@pytest.mark.parametrize("blocks", [2, 4])
def test_copies_stay_within_their_intervals_though_runtimes_differ_in_noise(blocks: int) -> None:
    """Half of the candidates are measured with 1 % of noise, half with 6 %; two copies of each kind."""
    rng = np.random.default_rng(blocks)
    sd = np.repeat([0.01, 0.06], 10)
    inside = np.zeros(2)
    floors = []
    for _ in range(300):
        found, noise = cost_noise(np.exp(sd[:, None] * rng.standard_normal((20, blocks))))
        half = found.less(0).spread().half_width(0.95)[1, 0], found.less(10).spread().half_width(0.95)[11, 0]
        gaps = found.points[1, 0] - found.points[0, 0], found.points[11, 0] - found.points[10, 0]
        inside += [abs(gap) <= own for gap, own in zip(gaps, half, strict=True)]
        floors.append(noise.floor)
    assert inside[0] / 300 > 0.95  # the quiet kind: wider than needed, where two blocks tell little
    assert inside[1] / 300 > 0.88  # the noisy kind: less than its 95 %, since its noise is shrunk
    # Over all of them about one copy in twenty lies beyond the floor.
    apart = np.abs(sd[:, None] * math.sqrt(2 / blocks) * rng.standard_normal((20, 4000)))
    assert 0.005 < (apart > np.median(floors)).mean() < 0.07
