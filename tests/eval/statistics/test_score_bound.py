"""The upper end of a drop: against exact probabilities, and against the interval that it replaces."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xpareto.eval.statistics.score_bound import growth_needed, most_drop, null_error


def poisson(mean: float, most: int) -> np.ndarray:
    return np.array([math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(most)])


@pytest.mark.parametrize("won", [0.5, 3.0, 10.0])
@pytest.mark.parametrize("loss", [2, 20])
def test_a_loss_at_the_limit_is_called_smaller_in_5_percent_of_cases(won: float, loss: int) -> None:
    """Exact, over all counts of answers won and lost; the plain interval errs in 8 %."""
    wins, losses = np.arange(60), np.arange(120)
    weight = poisson(won, 60)[:, None] * poisson(won + loss, 120)
    drop = np.subtract.outer(-wins, -losses).astype(float)
    error = np.sqrt(np.add.outer(wins, losses).astype(float))
    below = drop + 1e-9 < loss
    shown = below & (
        loss - drop >= 1.645 * null_error(np.array(float(loss)), drop, error, np.ones_like(drop))
    )
    assert 0 <= weight[shown].sum() <= 0.055
    plain = below & (drop + 1.645 * np.sqrt(error**2 + 1) <= loss)
    if (won, loss) == (0.5, 2):
        assert weight[plain].sum() > 0.08


def test_the_end_is_where_the_loss_is_just_not_refuted() -> None:
    rng = np.random.default_rng(0)
    drop, error, unit = rng.normal(0, 3, 200), rng.uniform(0, 2, 200), 10 ** rng.uniform(-4, 0, 200)
    for tail in (0.05, 0.005):
        ends = most_drop(drop, error, unit, tail)
        z = {0.05: 1.644854, 0.005: 2.575829}[tail]
        np.testing.assert_allclose((ends - drop) / null_error(ends, drop, error, unit), z, rtol=1e-5)


def test_where_many_answers_differ_it_is_the_normal_interval() -> None:
    ends = most_drop(np.array([1.0]), np.array([0.5]), np.array([1e-5]), 0.05)
    assert ends[0] == pytest.approx(1.0 + 1.644854 * 0.5, abs=1e-3)


def test_equal_predictions_leave_no_width_and_seeds_add_theirs_in_squares() -> None:
    nothing = np.zeros(2)
    assert most_drop(nothing, nothing, nothing, 0.001).tolist() == [0.0, 0.0]
    ends = most_drop(nothing, np.array([0.5, 0.5]), nothing, 0.05, np.array([0.0, 2.0]))
    assert ends.tolist() == pytest.approx([0.8224, math.hypot(0.8224, 2.0)], abs=1e-3)


def test_no_examples_show_that_a_loss_is_below_nothing() -> None:
    found = growth_needed(0.0, np.array([0.4, 0.0]), np.array([0.1, 0.0]), 0.05)
    assert found.tolist() == [math.inf, 0.0]
