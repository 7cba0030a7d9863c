"""The frontier with its uncertainty, on systems whose truth and noise are known."""

from __future__ import annotations

import numpy as np
import pytest

from xpareto.eval.pareto.hypervolume import hypervolume
from xpareto.eval.pareto.uncertainty import (
    Cost,
    UncertainFrontier,
    score_floor,
    single_level,
    uncertain_frontier,
)
from xpareto.eval.statistics.block_noise import cost_noise
from xpareto.eval.statistics.estimates import Uncertain, repeated

ARMS = ("none", "none", "text", "text", "english", "english")


def measured(rng: np.random.Generator, gap: float, training: float, ratio: float = 0.5) -> UncertainFrontier:
    """Return the frontier of three arms, each float and `gap` points worse, quicker int8, on three seeds.

    Arms err by `training` points from seed to seed; int8 shares that with the float it was made of.
    """
    trained = np.repeat(training * rng.standard_normal((3, 3)), 2, axis=0)
    values = 60.0 + trained + 0.05 * rng.standard_normal((6, 3))
    values[1::2] -= gap
    means, repeats, df = repeated(values[:, None])
    examples = np.repeat(0.1 * rng.standard_normal((3, 1, 400)), 2, axis=0).astype(np.float32)
    costs, noise = cost_noise(
        np.resize([1.0, ratio], 6)[:, None] * np.exp(0.02 * rng.standard_normal((6, 4)))
    )
    scores, cost = Uncertain(means, examples, repeats, df), Cost(tuple(range(6)), costs, noise)
    single = single_level(scores, [cost], ARMS, rng, 400)
    found = uncertain_frontier(scores, [cost], 0, ARMS, single, rng, 400)
    assert found is not None
    return found


def test_a_system_that_is_truly_better_by_less_than_the_noise_floor_stays_in_the_confidence_set() -> None:
    """Float is better by half a point, int8 twice as quick: both are on the true frontier."""
    rng = np.random.default_rng(0)
    found = [measured(rng, gap=0.5, training=1.0) for _ in range(60)]
    # All three arms are equally good in truth, so all six systems are on the frontier.
    assert sum(own.confidence.kept.all() for own in found) >= 0.95 * 60
    forgiven = sum(own.within_floors.kept[0::2].any() for own in found)
    assert forgiven < 0.5 * 60  # the floor is about two points, and forgives half of one


def test_what_is_worse_and_slower_beyond_doubt_leaves_both_sets() -> None:
    rng = np.random.default_rng(1)
    found = [measured(rng, gap=-1.5, training=0.3) for _ in range(20)]  # int8 is better here
    for own in found:
        assert not own.confidence.kept[0::2].any() and not own.within_floors.kept[0::2].any()
        assert own.confidence.kept[1::2].any()


@pytest.mark.parametrize("shared", [0.0, 5.0])
def test_the_floor_of_scores_is_what_two_trainings_differ_by_and_not_what_seeds_do_to_all(
    shared: float,
) -> None:
    rng = np.random.default_rng(2)
    floors = []
    for _ in range(300):
        seeds = shared * rng.standard_normal(3)
        values = np.repeat(seeds + rng.standard_normal((5, 3)), 2, axis=0)
        means, repeats, df = repeated(values[:, None])
        arms = [f"arm{at // 2}" for at in range(10)]
        floors.append(score_floor(Uncertain(means, np.zeros((10, 1, 0), np.float32), repeats, df), arms))
    # Two means over three seeds: t at 8 degrees of freedom x sqrt(2 / 3), on average a little less.
    assert np.mean(floors) == pytest.approx(2.306 * np.sqrt(2 / 3), rel=0.08)


def test_one_arm_has_the_spread_of_its_own_seeds_for_a_floor() -> None:
    means, repeats, df = repeated(np.array([[[1.0, 3.0]], [[1.0, 3.0]]]))
    one = Uncertain(means, np.zeros((2, 1, 0), np.float32), repeats, df)
    assert score_floor(one, ["only", "only"]) == pytest.approx(12.7062 * np.sqrt(2.0), rel=1e-4)
    assert score_floor(Uncertain(means, one.examples, np.zeros((2, 1, 0)), None), ["only", "only"]) == 0.0


def test_the_level_of_intervals_holds_for_the_systems_and_costs_of_all_frontiers_at_once() -> None:
    rng = np.random.default_rng(3)
    scores = Uncertain(
        np.zeros((4, 1)), rng.standard_normal((4, 1, 4000)).astype(np.float32), np.zeros((4, 1, 0)), None
    )
    costs = [
        Cost(own, *cost_noise(np.exp(0.02 * rng.standard_normal((len(own), 4)))))
        for own in ((0, 1, 2, 3), (1, 3))  # the second cost is known of two systems
    ]
    none = single_level(scores, [], ["none"] * 4, rng, 4000)
    one, other, both = (
        single_level(scores, own, ["none"] * 4, rng, 4000) for own in (costs[:1], costs[1:], costs)
    )
    assert none < other < one < both
    # Six differences of four systems in two quantities and one in the third: not more than if independent.
    assert 0.95 < both <= 0.95 ** (1 / 13) + 1e-3


@pytest.mark.parametrize("gap", [0.0, 0.3, 3.0])
def test_the_interval_of_a_hypervolume_holds_though_candidates_tie(gap: float) -> None:
    """Eight candidates, each dearer by a seventh of two octaves and better by `gap` points."""
    rng, octaves = np.random.default_rng(7), np.linspace(-2, 0, 8)
    truth = 60 + gap * np.arange(8)
    draws = rng.standard_normal((8, 1, 400)).astype(np.float32)
    costs, _ = cost_noise(2.0 ** octaves[:, None], exact=True)
    inside, runs = 0, 100
    for _ in range(runs):
        found = (truth + rng.standard_normal(8))[:, None]
        scores = Uncertain(found, draws, np.zeros((8, 1, 0)), None)
        cost = Cost(tuple(range(8)), costs, cost_noise(np.ones((8, 1)), exact=True)[1])
        own = uncertain_frontier(scores, [cost], 7, ["none"] * 8, 0.99, rng, 400)
        assert own is not None and own.volume is not None and own.volume.low < own.volume.value
        inside += own.volume.low <= float(hypervolume(truth, octaves)) <= own.volume.high
    assert inside >= 0.9 * runs
