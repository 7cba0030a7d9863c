"""Moderated variances against the distributions they come from, and intervals that rest on three seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xpareto.eval.comparison.language_fairness import fairness
from xpareto.eval.statistics.block_noise import cost_noise
from xpareto.eval.statistics.estimates import Uncertain, repeated
from xpareto.eval.statistics.intervals import Spread
from xpareto.eval.statistics.pairwise_spread import pairs_of, spread_over_pairs
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
    shrunk = np.stack([shrunken_variances(family, 2.0)[0] for family in found])
    before, after = (np.abs(np.log(own / truth)).mean() for own in (found, shrunk))
    assert after < 0.6 * before


def test_a_variance_without_repetitions_takes_the_prior_and_too_few_tell_nothing() -> None:
    shrunk, df = shrunken_variances(np.array([1.0, 0.0, 4.0, 2.0, 0.5]), np.array([4.0, 0.0, 4.0, 4.0, 4.0]))
    assert shrunk[1] > 0 and df[1] > 0
    lone, same = shrunken_variances(np.array([1.0, 0.0, 4.0]), 2.0)
    assert lone.tolist() == [1.0, 0.0, 4.0] and same.tolist() == [2.0, 2.0, 2.0]
    one_seed = Spread(np.ones((2, 3)), np.zeros((2, 3)), None)
    assert shrunken_spread(one_seed, np.zeros((2, 3, 0))) is one_seed
    two_languages = Spread(np.ones((1, 2)), np.ones((1, 2)), 2)
    assert shrunken_spread(two_languages, np.ones((1, 2, 3))) is two_languages


def test_what_moves_all_languages_alike_has_the_seeds_degrees_of_freedom() -> None:
    repeats = np.tile([1.0, 0.0, -1.0], (1, 9, 1))
    spread = Spread(np.zeros((1, 9)), np.sqrt(np.square(repeats).sum(axis=-1)), 2)
    found = shrunken_spread(spread, repeats)
    assert found.half_width(0.95)[0] == pytest.approx(4.303 * np.sqrt(2) * np.ones(9), rel=1e-3)
    # All nine are one error: at once they need no more than half of the 5 % does.
    assert found.joint_half_width(0.9999)[0] == pytest.approx(6.205 * np.sqrt(2) * np.ones(9), rel=1e-3)
    assert found.of(0).half_width(0.95) == pytest.approx(found.half_width(0.95)[0])


@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("common", [0.0, 0.5, 0.9, 1.0])
def test_each_interval_covers_what_it_says_whether_a_seed_moves_languages_together_or_not(
    common: float, seeds: int
) -> None:
    rng, misses = np.random.default_rng(11), 0.0
    for _ in range(400):
        together, own = rng.standard_normal((1, 1, seeds)), rng.standard_normal((1, 12, seeds))
        means, repeats, df = repeated(np.sqrt(common) * together + np.sqrt(1 - common) * own)
        spread = shrunken_spread(Uncertain(means, np.zeros((1, 12, 0)), repeats, df).spread(), repeats)
        misses += float((np.abs(means) > spread.half_width(0.95)).mean())
    assert misses / 400 < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("arms", [1, 2, 4])
def test_pairs_of_systems_miss_no_more_than_they_say_where_variants_share_a_training(arms: int) -> None:
    rng, groups = np.random.default_rng(arms), [at // 4 for at in range(4 * arms)]
    misses, pairs = 0.0, np.triu_indices(4 * arms, k=1)
    for _ in range(300):
        trained = np.repeat(rng.standard_normal((arms, 3)), 4, axis=0)
        means, repeats, df = repeated((trained + 0.2 * rng.standard_normal(trained.shape))[:, None])
        scores = Uncertain(means, np.zeros((4 * arms, 1, 0)), repeats, df)
        wide = np.stack([spread.half_width(0.95)[:, 0] for _, spread in pairs_of(scores, groups)])
        misses += float((np.abs(means - means.T) > wide)[pairs].mean())
    assert misses / 300 < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


def test_two_systems_that_are_equal_in_every_seed_differ_by_exactly_nothing() -> None:
    scores = np.random.default_rng(0).standard_normal((4, 3))
    scores[1] = scores[0]
    means, repeats, df = repeated(scores[:, None])
    found = Uncertain(means, np.zeros((4, 1, 0)), repeats, df)
    for groups in (["a"] * 4, list("abcd")):
        half = spread_over_pairs(found, 0, groups).half_width(0.95)[:, 0]
        assert half[0] == half[1] == 0.0 and (half[2:] > 0).all()


def test_pairs_that_share_a_training_are_a_family_of_their_own() -> None:
    rng = np.random.default_rng(5)
    trained = np.repeat(rng.standard_normal((6, 3)), 2, axis=0)
    values = trained + 0.01 * rng.standard_normal((12, 3))
    _, repeats, df = repeated(values[:, None])
    assert df is not None
    errors = shrunken_pairs(repeats[:, 0], df, [at // 2 for at in range(12)])
    assert errors.own[range(0, 12, 2), range(1, 12, 2)].max() < 1e-3 and (errors.common[0, ::2] > 0.05).any()
    assert errors.common[0, 1] == 0.0 and np.isclose(errors.common, errors.common.T).all()
    assert errors.df.max() <= 6 * df and 2 < errors.common_df <= 5 * df


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
    assert np.mean(widths) < 2 * 22.8 * 0.82 / 3


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
