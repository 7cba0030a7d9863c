"""Bootstrap draws against enumeration of every resample, and against plain Python."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

import xpareto.eval.statistics.bootstrap
from xpareto.eval.statistics.bootstrap import draw_normal, draw_scores, draw_totals, generator


def all_means(values: list[int]) -> list[Fraction]:
    """Return the mean of every one of the n^n equally likely resamples."""
    return [Fraction(sum(draw), len(values)) for draw in itertools.product(values, repeat=len(values))]


def test_the_draws_have_the_moments_of_all_resamples() -> None:
    values = [0, 1, 1, 5]
    every = all_means(values)
    mean = sum(every) / len(every)
    variance = sum((value - mean) ** 2 for value in every) / len(every)
    draws = draw_totals(np.array(values)[None, :, None], generator(3, "x"), 40_000)[0, :, 0] / 4
    assert draws.mean() == pytest.approx(float(mean), abs=0.02)
    assert draws.var() == pytest.approx(float(variance), rel=0.03)
    assert set(np.round(draws, 9)) <= {round(float(value), 9) for value in every}


def test_every_draw_takes_as_many_examples_as_there_are() -> None:
    ones = np.ones((1, 37, 1))
    assert (draw_totals(ones, generator(0), 500) == 37).all()


def test_models_share_their_draws() -> None:
    rng = np.random.default_rng(0)
    one = rng.random((1, 50, 2))
    totals = draw_totals(np.concatenate([one, 2 * one]), generator(1), 300)
    assert totals[1] == pytest.approx(2 * totals[0])


def test_the_names_and_the_seed_choose_the_draws() -> None:
    outcomes = np.random.default_rng(0).random((1, 30, 1))
    same = draw_totals(outcomes, generator(1, "xnli", "de"), 20)
    assert (same == draw_totals(outcomes, generator(1, "xnli", "de"), 20)).all()
    assert (same != draw_totals(outcomes, generator(2, "xnli", "de"), 20)).any()
    assert (same != draw_totals(outcomes, generator(1, "xnli", "fr"), 20)).any()


def test_many_equal_rows_are_drawn_together_with_the_same_distribution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes = np.zeros((2, 400, 2))
    outcomes[0, :40] = 1
    outcomes[1, 30:60, 0] = 1
    apart = draw_totals(outcomes, generator(0), 20_000)
    monkeypatch.setattr(xpareto.eval.statistics.bootstrap, "_MANY", 100)
    together = draw_totals(outcomes, generator(0), 20_000)
    assert (apart != together).any()  # the other path was taken
    for value in (np.mean, np.std):
        assert value(apart, axis=1) == pytest.approx(value(together, axis=1), rel=0.03)
    difference = [np.std(totals[0] - totals[1]) for totals in (apart, together)]
    assert difference[0] == pytest.approx(difference[1], rel=0.03)


def test_blocks_do_not_change_what_is_drawn_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = np.arange(10.0)[None, :, None]
    monkeypatch.setattr(xpareto.eval.statistics.bootstrap, "_CHUNK_BYTES", 8 * 10 * 7)  # seven draws a block
    draws = draw_totals(outcomes, generator(0), 5000)[0, :, 0]
    assert draws.shape == (5000,)
    assert draws.mean() == pytest.approx(45, rel=0.01)
    assert draws.var() == pytest.approx(10 * np.var(np.arange(10.0)), rel=0.1)


def test_no_examples_give_empty_sums() -> None:
    assert (draw_totals(np.zeros((2, 0, 3)), generator(0), 4) == np.zeros((2, 4, 3))).all()


def f1(totals: np.ndarray) -> np.ndarray:
    matching, predicted, gold = np.moveaxis(totals, -1, 0)
    return 100 * 2 * matching / np.maximum(predicted + gold, 1e-9)


def counted(rng: np.random.Generator, models: int, examples: int) -> np.ndarray:
    """Return counts of three columns whose models agree on most examples."""
    gold = rng.integers(1, 6, examples)
    common = rng.random(examples)
    found = np.zeros((models, examples, 3))
    for own in found:
        predicted = rng.integers(1, 6, examples)
        right = (common < 0.7) ^ (rng.random(examples) < 0.1)
        own[:] = np.stack([np.where(right, np.minimum(gold, predicted), 0), predicted, gold], axis=1)
    return found


@pytest.mark.parametrize(("models", "examples"), [(4, 600), (700, 40)])  # both roots of the covariance
def test_normal_draws_have_the_bootstraps_mean_and_covariance(models: int, examples: int) -> None:
    outcomes = counted(np.random.default_rng(0), models, examples)
    exact = draw_scores(outcomes, f1, generator(1), 8000)[:4]
    normal = draw_normal(outcomes, f1, generator(2), 8000)[:4]
    error = exact.std(axis=1)
    assert np.abs(normal.mean(axis=1) - f1(outcomes.sum(axis=1))[:4]).max() < 0.05 * error.min()
    np.testing.assert_allclose(normal.std(axis=1), error, rtol=0.05)
    np.testing.assert_allclose(np.corrcoef(normal), np.corrcoef(exact), atol=0.04)
    for level in (2.5, 97.5):  # the ends of an interval, in standard errors
        gap = np.percentile(normal, level, axis=1) - np.percentile(exact, level, axis=1)
        assert np.abs(gap / error).max() < 0.25


def test_models_that_answer_alike_tie_in_every_draw() -> None:
    outcomes = counted(np.random.default_rng(0), 3, 60).astype(np.float32)
    outcomes[2] = outcomes[0]
    for threshold in (None, 50):
        found = draw_scores(outcomes, f1, generator(1), 200, threshold)
        assert (found[0] == found[2]).all() and (found[0] != found[1]).any()


def test_few_examples_are_drawn_exactly_even_where_normal_draws_are_allowed() -> None:
    outcomes = counted(np.random.default_rng(0), 2, 60)
    exact = draw_scores(outcomes, f1, generator(1), 50)
    assert (draw_scores(outcomes, f1, generator(1), 50, 61) == exact).all()
    assert (draw_scores(outcomes, f1, generator(1), 50, 60) != exact).any()


def test_models_without_any_error_do_not_vary() -> None:
    perfect = np.ones((2, 80, 3))
    assert (draw_normal(perfect, f1, generator(0), 9) == 100).all()
