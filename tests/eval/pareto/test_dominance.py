"""Dominance in draws against brute force, and its probabilities against systems whose noise is known."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.pareto.dominance import ConfidenceSet, confidence_set, dominance, level_of_pairs
from xpareto.eval.pareto.frontier import Frontier
from xpareto.eval.pareto.uncertainty import Cost
from xpareto.eval.statistics.block_noise import LEAST_SD, cost_noise
from xpareto.eval.statistics.estimates import Uncertain, repeated


def by_definition(draws: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    systems, objectives, count = draws.shape
    wins, members = np.zeros((systems, systems)), np.zeros(systems)
    for r in range(count):
        beaten = set()
        for a in range(systems):
            for b in range(systems):
                pairs = [(draws[a, j, r], draws[b, j, r], tolerance[j]) for j in range(objectives)]
                if any(x < y - e for x, y, e in pairs) and not any(x > y + e for x, y, e in pairs):
                    wins[a, b] += 1
                    beaten.add(b)
        for b in set(range(systems)) - beaten:
            members[b] += 1
    return wins / count, members / count


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 1000), st.booleans())
def test_probabilities_agree_with_the_definition(
    systems: int, objectives: int, seed: int, tolerant: bool
) -> None:
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, 4, (systems, objectives, 7)).astype(float)
    tolerance = np.full(objectives, 1.0 if tolerant else 0.0)
    found = dominance(draws, tolerance)
    wins, members = by_definition(draws, tolerance)
    np.testing.assert_allclose(found.probability, wins)
    np.testing.assert_allclose(found.membership, members)


def test_membership_is_that_of_the_frontier_of_each_draw() -> None:
    draws = np.random.default_rng(1).standard_normal((9, 3, 40))
    masks = [Frontier.of(draws[..., r], ["min"] * 3).mask for r in range(40)]
    np.testing.assert_allclose(dominance(draws).membership, np.mean(masks, axis=0))


def example_noise(rng: np.random.Generator, truth: np.ndarray, error: float, draws: int) -> Uncertain:
    """Return one sample of systems whose scores err by `error`, and say so."""
    found = truth + error * rng.standard_normal(len(truth))
    noise = error * rng.standard_normal((len(truth), 1, draws))
    return Uncertain(found[:, None], noise.astype(np.float32), np.zeros((len(truth), 1, 0)), None)


def test_the_probability_of_dominance_has_its_closed_form() -> None:
    """Two systems with independent normal noise in two objectives: a product of two normal tails."""
    rng = np.random.default_rng(2)
    draws = 60_000
    one = Uncertain(np.array([[0.0], [0.7]]), rng.standard_normal((2, 1, draws)).astype(np.float32),
                    np.zeros((2, 1, 0)), None)  # fmt: skip
    two = Uncertain(np.array([[0.0], [-0.3]]), rng.standard_normal((2, 1, draws)).astype(np.float32),
                    np.zeros((2, 1, 0)), None)  # fmt: skip
    found = dominance(np.concatenate([one.drawn(rng, draws), two.drawn(rng, draws)], axis=1))
    law = NormalDist(0, math.sqrt(2))
    assert found.probability[0, 1] == pytest.approx(law.cdf(0.7) * law.cdf(-0.3), abs=0.008)
    assert found.probability[1, 0] == pytest.approx(law.cdf(-0.7) * law.cdf(0.3), abs=0.008)


def calibration(repetitions: int, blocks: int, seeds: int, gap: float) -> np.ndarray:
    """Return the dominance probability of a system that truly dominates at the edge: equal in score,
    `gap` apart in cost, in many repetitions of the whole experiment."""
    rng = np.random.default_rng(blocks + 10 * seeds)
    found = []
    for _ in range(repetitions):
        scores = 70 + rng.standard_normal((2, 1, seeds))
        means, deviations, df = repeated(-scores)
        score = Uncertain(means, np.zeros((2, 1, 0), np.float32), deviations, df)
        times = np.exp(np.array([[0.0], [gap]]) + 0.03 * rng.standard_normal((2, blocks)))
        cost, _ = cost_noise(times)
        draws = np.concatenate([score.drawn(rng, 400), cost.drawn(rng, 400)], axis=1)
        found.append(dominance(draws).probability[0, 1])
    return np.array(found)


@pytest.mark.parametrize(("blocks", "seeds"), [(3, 3), (6, 2)])
def test_dominance_is_claimed_in_error_no_oftener_than_its_probability_says(blocks: int, seeds: int) -> None:
    """Equal in truth: P(dominates) above 1 - a is then an error, and may come in a share a at most."""
    found = calibration(250, blocks, seeds, 0.0)
    for level in (0.8, 0.9, 0.95):
        assert (found > level).mean() <= (1 - level) + 2.5 * math.sqrt(level * (1 - level) / 250)


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "seeds"), [(2, 2), (3, 3), (5, 5), (10, 3)])
def test_dominance_probabilities_are_calibrated(blocks: int, seeds: int) -> None:
    """One objective decides (the other is won for sure): the share of repetitions in which it is at most
    p then is p, over the whole range of p."""
    rng = np.random.default_rng(blocks + 10 * seeds)
    probabilities = []
    for _ in range(3000):
        scores = rng.standard_normal((2, 1, seeds)) + rng.standard_normal(seeds)  # seeds act on both
        means, deviations, df = repeated(scores)
        score = Uncertain(means, np.zeros((2, 1, 0), np.float32), deviations, df)
        cost, _ = cost_noise(np.array([[1.0], [2.0]]), exact=True)
        draws = np.concatenate([score.drawn(rng, 1000), cost.drawn(rng, 1000)], axis=1)
        probabilities.append(dominance(draws).probability[0, 1])
    found = np.array(probabilities)
    for level in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95):
        assert (found <= level).mean() == pytest.approx(
            level, abs=3.5 * math.sqrt(level * (1 - level) / 3000) + 0.005
        )


def its_set(objectives: list[Uncertain], rng: np.random.Generator, draws: int) -> ConfidenceSet:
    """Return the confidence set of the only frontier of some objectives."""
    return confidence_set(objectives, level_of_pairs(objectives, rng, draws))


def covers(repetitions: int, systems: int, seed: int) -> float:
    """Return how often the confidence set holds the whole true frontier."""
    rng = np.random.default_rng(seed)
    held = 0
    for _ in range(repetitions):
        # All systems but the last are equal in truth in the score; costs rise, so only the first of
        # them is on the frontier with the last, which is dearest and best.
        truth = np.zeros(systems)
        truth[-1] = -1.0
        score = example_noise(rng, truth, 0.5, 500)
        cost, _ = cost_noise(np.exp(0.02 * rng.standard_normal((systems, 4))))  # equal in truth: all stay
        found = its_set([score, cost], rng, 500)
        held += bool(found.kept.all())
    return held / repetitions


def test_the_confidence_set_holds_the_true_frontier() -> None:
    assert covers(100, 6, 0) >= 0.95 - 2.5 * math.sqrt(0.95 * 0.05 / 100)


@pytest.mark.slow
@pytest.mark.parametrize("systems", [2, 10, 30])
def test_the_confidence_set_holds_the_true_frontier_whatever_their_number(systems: int) -> None:
    assert covers(600, systems, systems) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 600)


def test_a_system_that_is_dominated_beyond_doubt_leaves_the_set_with_its_reason() -> None:
    rng = np.random.default_rng(0)
    score = example_noise(rng, np.array([0.0, 5.0, -4.0]), 0.1, 1000)
    cost, noise = cost_noise(np.exp(np.array([[0.0], [1.0], [0.5]]) + 0.01 * rng.standard_normal((3, 5))))
    found = its_set([score, cost], rng, 1000)
    assert found.kept.tolist() == [True, False, True]
    assert found.dominators[1] == (0, 2)
    assert noise.basis == "blocks" and noise.floor < 0.05


def test_equal_answers_are_no_obstacle_to_dominance_in_cost() -> None:
    rng = np.random.default_rng(0)
    noise = np.repeat(rng.standard_normal((1, 1, 500)), 2, axis=0).astype(np.float32)
    score = Uncertain(np.zeros((2, 1)), noise, np.zeros((2, 1, 0)), None)
    cost, _ = cost_noise(np.array([[1.0, 1.01, 0.99], [2.0, 2.01, 1.99]]))
    found = its_set([score, cost], rng, 500)
    assert found.kept.tolist() == [True, False]
    draws = np.concatenate([score.drawn(rng, 500), cost.drawn(rng, 500)], axis=1)
    assert dominance(draws).probability[0, 1] == 1.0


@pytest.mark.parametrize("blocks", [2, 4, 8])
def test_two_copies_of_one_candidate_are_called_different_in_at_most_5_percent(blocks: int) -> None:
    """A/A: the same answers, cost noise of its own for each copy, two costs; 40 repetitions of many."""
    rng = np.random.default_rng(blocks)
    different = 0
    for _ in range(200):
        answers = np.repeat(rng.standard_normal((1, 1, 300)), 2, axis=0).astype(np.float32)
        score = Uncertain(np.full((2, 1), -70.0), answers, np.zeros((2, 1, 0)), None)
        drift = 0.2 * rng.standard_normal(blocks)  # of the machine, which both meet
        costs = [cost_noise(np.exp(drift + 0.05 * rng.standard_normal((2, blocks))))[0] for _ in range(2)]
        found = its_set([score, *costs], rng, 300)
        different += not found.kept.all()
    assert different <= 0.05 * 200  # on average at most 2 of 40


def test_two_copies_are_called_different_on_any_of_four_frontiers_in_at_most_5_percent() -> None:
    """A/A as a report has it: three costs, each with a frontier of its own, and one of all at once."""
    rng = np.random.default_rng(11)
    together = apart = 0
    for _ in range(400):
        answers = np.repeat(rng.standard_normal((1, 1, 300)), 2, axis=0).astype(np.float32)
        score = Uncertain(np.full((2, 1), -70.0), answers, np.zeros((2, 1, 0)), None)
        costs = [cost_noise(np.exp(0.05 * rng.standard_normal((2, 4))))[0] for _ in range(3)]
        frontiers = [[score, own] for own in costs] + [[score, *costs]]
        single = level_of_pairs([score, *costs], rng, 300)
        together += not all(confidence_set(own, single).kept.all() for own in frontiers)
        apart += not all(its_set(own, rng, 300).kept.all() for own in frontiers)
    assert together <= 0.05 * 400 + 2.5 * math.sqrt(0.05 * 0.95 * 400)
    assert apart > 0.1 * 400  # a level for each frontier does not hold for all of them


def test_a_fraction_of_a_percent_is_no_difference_where_two_blocks_happen_to_agree() -> None:
    rng = np.random.default_rng(4)
    score = Uncertain(np.zeros((2, 1)), np.zeros((2, 1, 0), np.float32), np.zeros((2, 1, 0)), None)
    different = found = by_t_alone = 0
    for _ in range(200):
        logs = 0.002 * rng.standard_normal((3, 2))  # two copies and the baseline's twin: a peak of memory
        cost, noise = cost_noise(np.exp(logs))
        assert noise.sd >= LEAST_SD and noise.floor > math.sqrt(2 / 2) * 1.96 * LEAST_SD
        different += not its_set([score, cost.of([0, 1])], rng, 100).kept.all()
        logs[0] += 0.05
        found += not its_set([score, cost_noise(np.exp(logs))[0].of([0, 1])], rng, 100).kept.all()
        residual = logs - logs.mean(axis=1, keepdims=True) - logs.mean(axis=0) + logs.mean()
        error = math.sqrt(float((residual**2).sum()) / 2)  # two degrees of freedom, two blocks
        by_t_alone += abs(logs[0].mean() - 0.05 - logs[1].mean()) > 4.303 * error
    assert different == 0 and by_t_alone > 0.02 * 200
    assert found == 200  # what matters is seen


def test_the_noise_floor_is_what_two_copies_stay_within() -> None:
    rng = np.random.default_rng(5)
    _, noise = cost_noise(np.exp(0.03 * rng.standard_normal((40, 6))))
    assert noise.basis == "blocks" and noise.sd == pytest.approx(0.03, rel=0.15)
    apart = np.abs(np.diff(0.03 * rng.standard_normal((4000, 2, 6)).mean(axis=-1), axis=1))
    assert (apart > noise.floor).mean() == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("blocks", [2, 4])
def test_a_cost_alone_holds_what_a_block_does_to_all_and_beside_others_does_not(blocks: int) -> None:
    rng = np.random.default_rng(blocks)
    truth = np.log([1.0, 1.5, 2.0, 4.0])
    alone = beside = pairs = 0
    for _ in range(400):
        drift = 0.2 * rng.standard_normal(blocks)
        logs = truth[:, None] + drift + 0.02 * rng.standard_normal((4, blocks))
        cost = Cost((0, 1, 2, 3), *cost_noise(np.exp(logs)))
        error = np.abs(cost.values.points[:, 0] - truth)[0]
        alone += error <= cost.alone().half_width(0.95)[0]
        beside += error <= cost.values.spread().half_width(0.95)[0, 0]
        lead = cost.values.less(0)
        pairs += np.abs(lead.points[1, 0] - truth[1]) <= lead.spread().half_width(0.95)[1, 0]
    least = 0.95 * 400 - 2.5 * math.sqrt(0.05 * 0.95 * 400)
    assert alone >= least and pairs >= least
    assert beside < 0.5 * 400


def test_counts_and_single_blocks_say_nothing_of_what_a_block_does() -> None:
    for cost in (
        Cost((0, 1), *cost_noise(np.array([[8.0], [2.0]]), exact=True)),
        Cost((0, 1), *cost_noise(np.array([[8.0], [2.0]]))),
    ):
        assert cost.noise.shared_df is None
        assert cost.alone().half_width(0.95) == pytest.approx(cost.values.spread().half_width(0.95)[:, 0])


def test_of_one_block_nothing_is_known() -> None:
    values, noise = cost_noise(np.array([[1.0], [1.2]]))
    assert (noise.basis, noise.floor, noise.sd, noise.df) == ("unknown", None, None, None)
    cost = Cost((0, 1), values, noise)
    assert not cost.known
    ratio, half = cost.over(1, 0)
    assert ratio == pytest.approx(math.log(1.2)) and half is None


def test_a_cost_that_is_not_above_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        cost_noise(np.array([[1.0], [0.0]]))
