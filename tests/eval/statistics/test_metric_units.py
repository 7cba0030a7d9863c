"""One unit of a metric in its own unit, and nothing between equal predictions."""

from __future__ import annotations

import numpy as np
import pytest

from xpareto.eval.kinds._kind import Kind
from xpareto.eval.statistics.score_draws import task_scores
from xpareto.eval.statistics.scores import Weights, score_table
from xpareto.eval.tasks import KINDS, TASKS, task


@pytest.mark.parametrize("name", TASKS.names)
def test_every_metric_of_a_task_says_how_many_units_it_counts(name: str) -> None:
    kind: Kind = KINDS.load(task(name).kind)
    assert set(task(name).metrics) <= set(kind.units) and set(kind.units.values()) <= set(kind.columns)


def test_a_unit_of_tagging_is_a_chunk_and_not_a_sentence() -> None:
    """50 sentences of 12 chunks: one chunk is 0.17 points, a sentence would be 1.9."""
    sentences = np.tile([8, 12, 12, 20, 25], (2, 50, 1))
    (unit,) = task_scores(task("udpos"), {"de": sentences}, 0, 4).units
    assert unit == pytest.approx(100 / 602)


def test_intervals_of_chunk_f1_are_as_wide_as_its_error() -> None:
    """The floor adds a chunk's worth: half-widths were up to nine times too wide where it was a sentence's."""
    rng = np.random.default_rng(0)
    chunks = rng.integers(20, 40, 50)
    correct = rng.binomial(chunks, 0.8)
    changed = correct + rng.integers(-1, 2, 50) * (rng.random(50) < 0.3)
    models = [np.stack([right, chunks, chunks, right, chunks], axis=1) for right in (correct, changed)]
    scored = task_scores(task("udpos"), {"de": np.stack(models)}, 0, 2000)
    table = score_table([scored], {"udpos": ("de",)}, 0, Weights())
    error = float(table.cell_errors[1, 0])
    drawn = (scored.draws[1, 0] - scored.draws[0, 0]).std(ddof=1)
    assert drawn < error < 1.3 * drawn


def test_equal_predictions_differ_by_exactly_nothing_and_other_ones_never_do() -> None:
    """Three models answer alike; the second gave the first one's predictions, in German at least."""
    answers = np.ones((3, 40, 2))
    answers[:, :10, 0] = 0
    outcomes = {"de": answers, "fr": answers}
    predictions = {"de": [0, 0, 2], "fr": [0, 1, 2]}
    scored = task_scores(task("tatoeba"), outcomes, 0, 50, predictions=predictions)
    table = score_table([scored], {"tatoeba": ("de", "fr")}, 0, Weights())
    gains = table.systems([{0: 0}, {0: 1}, {0: 2}]).less(0)
    errors = gains.spread().examples
    average, of_task, german, french = 0, 1, 2, 3
    unit = 100 / 42
    assert errors[0].tolist() == [0, 0, 0, 0]
    assert errors[1, german] == 0 and errors[1, french] == pytest.approx(unit)
    assert errors[1, average] == errors[1, of_task] == pytest.approx(unit / 2)
    assert errors[2, german] == pytest.approx(unit) and errors[2, average] == pytest.approx(unit / 2**0.5)
    assert gains.unit is not None and gains.unit[1].tolist() == pytest.approx([unit / 4, unit / 4, 0, unit])
    assert table.cell_errors[1].tolist() == pytest.approx([0, unit])


def test_a_mean_over_seeds_is_apart_in_the_share_of_its_seeds() -> None:
    answers = np.ones((4, 40, 2))
    scored = task_scores(task("tatoeba"), {"de": answers}, 0, 50, predictions={"de": [0, 1, 0, 3]})
    table = score_table([scored], {"tatoeba": ("de",)}, 0, Weights())
    gains = table.systems([{0: 0, 1: 1}, {0: 2, 1: 3}]).less(0)
    assert gains.added is not None and gains.added[1, 0] == pytest.approx((100 / 42) ** 2 / 2)


def test_a_quality_of_several_quantities_takes_the_largest_unit() -> None:
    answers = np.ones((2, 40, 2))
    more = np.ones((2, 400, 2))
    scored = task_scores(task("tatoeba"), {"de": answers, "fr": more}, 0, 50)
    table = score_table([scored], {"tatoeba": ("de", "fr")}, 0, Weights())
    lowest = table.reduced(table.language_places, lambda scores: scores.min(axis=1))
    gains = table.having({"lowest": lowest}).systems([{0: 0}, {0: 1}]).less(0)
    assert gains.unit is not None and gains.unit[1, -1] == pytest.approx(100 / 42)
