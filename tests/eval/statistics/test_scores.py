"""Averages, tasks, languages and cells against plain loops over the draws; shared questions; systems."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from xpareto.eval.statistics.estimates import Uncertain, repeated, simultaneous
from xpareto.eval.statistics.metric_units import MetricUnits
from xpareto.eval.statistics.score_draws import TaskScores, task_scores
from xpareto.eval.statistics.scores import ScoreTable, Weights, score_table, standard_deviation
from xpareto.eval.tasks import task

LANGUAGES = {"xnli": ("de", "en", "sw"), "tatoeba": ("de", "tr")}


def outcomes(rng: np.random.Generator, examples: int = 60) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, codes in LANGUAGES.items():
        found[name] = {}
        for code in codes:
            right = rng.random((4, examples)) < 0.6
            found[name][code] = np.stack([right, np.ones_like(right)], axis=2).astype(np.int64)
    return found


def scored(found: dict[str, dict[str, np.ndarray]], draws: int) -> Iterator[TaskScores]:
    for name, own in found.items():
        yield task_scores(task(name), own, 0, draws)


@pytest.mark.parametrize("weights", [Weights(), Weights({"xnli": 3.0}, {"de": 2.0, "sw": 0.5})])
def test_every_quantity_is_the_weighted_mean_of_its_cells_in_every_draw(weights: Weights) -> None:
    found = outcomes(np.random.default_rng(0))
    table = score_table(scored(found, 30), LANGUAGES, 1, weights)
    by_task = {own.task: own for own in scored(found, 30)}
    for draw in (None, 0, 17):
        cells = {
            (name, code): own.points[:, at] if draw is None else own.draws[:, at, draw]
            for name, own in by_task.items()
            for at, code in enumerate(own.languages)
        }
        values = table.points if draw is None else table.points + table.examples[..., draw]
        means = {
            name: sum(weights.language(c) * cells[name, c] for c in codes)
            / sum(weights.language(c) for c in codes)
            for name, codes in LANGUAGES.items()
        }
        total = sum(weights.task(name) for name in LANGUAGES)
        average = sum(weights.task(name) * mean for name, mean in means.items()) / total
        np.testing.assert_allclose(values[:, 0], average, rtol=1e-5)
        for place, name in zip(table.task_places, LANGUAGES, strict=True):
            np.testing.assert_allclose(values[:, place], means[name], rtol=1e-5)
        for place, code in zip(table.language_places, table.languages, strict=True):
            own = [name for name, codes in LANGUAGES.items() if code in codes]
            mean = sum(weights.task(name) * cells[name, code] for name in own) / sum(map(weights.task, own))
            np.testing.assert_allclose(values[:, place], mean, rtol=1e-5)


def test_cells_have_the_error_of_their_change_from_the_baseline() -> None:
    found = outcomes(np.random.default_rng(1))
    table = score_table(scored(found, 400), LANGUAGES, 2, Weights())
    own = next(scored(found, 400))
    change = own.draws[0, 1] - own.draws[2, 1]
    expected = np.sqrt(change.var(ddof=1) + (100 / 62) ** 2)
    assert table.cell_errors[0, table.cells.index(("xnli", "en"))] == pytest.approx(expected, rel=1e-4)
    assert table.cell_points[0, table.cells.index(("xnli", "en"))] == own.points[0, 1]
    assert 0.98 < table.cell_levels[0] < 0.999  # five cells, hardly correlated


def test_cells_of_several_seeds_are_compared_with_the_baseline_of_their_seed() -> None:
    found = outcomes(np.random.default_rng(1))
    paired = score_table(scored(found, 400), LANGUAGES, [0, 1, 0, 1], Weights())
    first, second = (score_table(scored(found, 400), LANGUAGES, at, Weights()) for at in (0, 1))
    np.testing.assert_array_equal(paired.cell_errors[[0, 2]], first.cell_errors[[0, 2]])
    np.testing.assert_array_equal(paired.cell_errors[[1, 3]], second.cell_errors[[1, 3]])


def test_tasks_out_of_their_order_are_refused() -> None:
    found = outcomes(np.random.default_rng(1))
    with pytest.raises(ValueError, match="expected tatoeba"):
        score_table(scored(found, 5), dict(reversed(LANGUAGES.items())), 0, Weights())


def test_a_question_asked_in_two_languages_is_drawn_for_both() -> None:
    """Two languages share half of their questions: by hand, over the union of all questions."""
    rng = np.random.default_rng(0)
    right = rng.random(90) < 0.5
    numbers = {"de": np.arange(60), "en": rng.permutation(np.arange(30, 90))}
    by_language = {
        code: np.stack([*[right[own]] * 3, np.ones(60)], axis=1)[None].astype(float)
        for code, own in numbers.items()
    }
    shared = task_scores(task("mlqa"), by_language, 0, 4000, clusters=numbers)
    apart = task_scores(task("mlqa"), by_language, 0, 4000)
    assert shared.clustered and not apart.clustered
    np.testing.assert_allclose(shared.points, apart.points)
    together, alone = (np.corrcoef(found.draws[0])[0, 1] for found in (shared, apart))
    assert together == pytest.approx(0.5, abs=0.06) and abs(alone) < 0.06
    disjoint = {"de": np.arange(60), "en": np.arange(60, 120)}
    assert not task_scores(task("mlqa"), by_language, 0, 5, clusters=disjoint).clustered


def table_of(values: np.ndarray) -> ScoreTable:
    """Return a table of the average alone, without noise of examples."""
    count = len(values)
    units = MetricUnits(np.zeros(0), np.zeros((0, 1)), ((0,),), np.zeros((count, 1, 0), np.int64))
    return ScoreTable((), (), values[:, None], np.zeros((count, 1, 4), np.float32), (), units, (),
                      np.zeros((count, 0)), np.zeros((count, 0)), np.full(count, 0.95))  # fmt: skip


def test_seeds_pair_up_and_give_the_paired_t_test() -> None:
    values = np.array([60.0, 62.0, 64.0, 61.0, 63.5, 64.5])
    systems = table_of(values).systems([{0: 0, 1: 1, 2: 2}, {0: 3, 1: 4, 2: 5}])
    gain = systems.less(0)
    differences = values[3:] - values[:3]
    spread = gain.spread()
    assert gain.points[1, 0] == pytest.approx(differences.mean())
    assert spread.seeds[1, 0] == pytest.approx(differences.std(ddof=1) / np.sqrt(3))
    assert spread.df == 2
    rng = np.random.default_rng(0)
    drawn = systems.take([0])
    many = Uncertain(drawn.points, np.zeros((2, 1, 0), np.float32), drawn.repeats, drawn.df).drawn(
        rng, 40_000
    )
    p = float(spread.p_value(np.abs(gain.points))[1, 0])
    assert (many[1, 0] < many[0, 0]).mean() == pytest.approx(p / 2, abs=0.006)


def test_a_missing_seed_leaves_the_others_their_weight() -> None:
    means, deviations, df = repeated(np.array([[[1.0, 3.0, 5.0]], [[np.nan, 2.0, 6.0]]]))
    assert means.ravel().tolist() == [3.0, 4.0] and df == 1
    np.testing.assert_allclose((deviations**2).sum(axis=-1).ravel(), [4.0 / 3, 4.0])
    assert repeated(np.array([[[1.0, 3.0]], [[np.nan, 2.0]]]))[2] is None


def test_linear_combinations_are_those_of_every_draw() -> None:
    rng = np.random.default_rng(0)
    values = Uncertain(rng.random((3, 4)), rng.standard_normal((3, 4, 50)).astype(np.float32),
                       rng.standard_normal((3, 4, 2)), 1)  # fmt: skip
    weights = rng.standard_normal((4, 2))
    found = values.mapped(weights)
    np.testing.assert_allclose(found.points, values.points @ weights)
    np.testing.assert_allclose(found.examples[1, :, 7], values.examples[1, :, 7] @ weights, rtol=1e-4)
    np.testing.assert_allclose(
        found.spread().seeds[2] ** 2, ((values.repeats[2].T @ weights) ** 2).sum(axis=0)
    )


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_simultaneous_intervals_hold_together(correlation: float) -> None:
    """Twelve means with common noise: all within their intervals in 95 % of experiments, not fewer."""
    rng = np.random.default_rng(3)

    def noise(count: int) -> np.ndarray:
        common = rng.standard_normal(count)
        return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * rng.standard_normal((12, count))

    level = simultaneous(noise(20_000))
    half = Uncertain(np.zeros((12, 1)), noise(20_000)[:, None].astype(np.float32), np.zeros((12, 1, 0)), None)
    within = (np.abs(noise(20_000)) <= half.spread().half_width(level)).all(axis=0).mean()
    assert within == pytest.approx(0.95, abs=0.01)
    assert 0.95 < level <= 1 - 0.05 / 12


def test_standard_deviations_are_numpy_s_whatever_the_mean_and_the_precision() -> None:
    rng = np.random.default_rng(1)
    draws = rng.standard_normal((40, 2000)) * np.geomspace(1e-4, 10, 40)[:, None] + rng.normal(0, 5, (40, 1))
    for given in (draws, draws.astype(np.float32)):
        expected = given.std(axis=-1, ddof=1, dtype=np.float64)
        np.testing.assert_allclose(standard_deviation(given), expected, rtol=1e-5)
    constant = np.full((2, 7), 0.1, np.float32)
    assert standard_deviation(constant).tolist() == [0, 0] == standard_deviation(constant[:, :1]).tolist()
