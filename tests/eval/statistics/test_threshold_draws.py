"""F1 of mining in draws that set the threshold anew, against plain lists that are resampled."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.metrics.mining import best_threshold
from xpareto.eval.statistics.bootstrap import generator, times_drawn
from xpareto.eval.statistics.score_draws import ModelTuning, task_scores
from xpareto.eval.statistics.threshold_draws import retuned_f1
from xpareto.eval.tasks import task

Row = tuple[float, float, float, float]  # score, correct, gold, half


def slow_threshold(rows: list[Row]) -> float:
    """Return the best threshold of a sample by trying every one of the published search, on lists."""
    pairs = sorted((row for row in rows if row[0] > 0), key=lambda row: -row[0])
    gold = int(sum(row[2] for row in rows))
    scores = np.array([row[0] for row in pairs])
    return best_threshold(scores, np.array([row[1] > 0 for row in pairs], bool), gold)


def slow_f1(rows: list[Row], kept: list[Row]) -> float:
    right, gold = sum(row[1] for row in kept), sum(row[2] for row in rows)
    return 200 * right / (len(kept) + gold) if len(kept) + gold else 0.0


def above(rows: list[Row], threshold: float) -> list[Row]:
    return [row for row in rows if row[0] > 0 and row[0] >= threshold]


def repeated(rows: np.ndarray, times: np.ndarray) -> list[Row]:
    return [tuple(row) for row, count in zip(rows.tolist(), times, strict=True) for _ in range(int(count))]


def slow_draws(own: np.ndarray, calibration: np.ndarray | None, draws: int) -> list[float]:
    """Return what `retuned_f1` returns of one model, from lists in which drawn examples stand repeatedly."""
    rng, other = generator(0, "own"), generator(0, "other")
    found = []
    chosen = times_drawn(rng, draws, len(own))
    tuned = times_drawn(other, draws, len(calibration)) if calibration is not None else None
    for draw in range(draws):
        rows = repeated(own, chosen[draw])
        if calibration is not None and tuned is not None:
            kept = above(rows, slow_threshold(repeated(calibration, tuned[draw])))
        else:
            halves = [[row for row in rows if row[3] == half] for half in (0, 1)]
            kept = [row for half in (0, 1) for row in above(halves[half], slow_threshold(halves[1 - half]))]
        found.append(slow_f1(rows, kept))
    return found


def mined(random: Random, count: int, levels: int, gold: float = 0.5) -> np.ndarray:
    """Return rows of `count` examples; few `levels` make equal scores; some examples put nothing forward."""
    rows = []
    for _ in range(count):
        wanted = int(random.random() < gold) * random.choice((1, 1, 2))
        right = wanted > 0 and random.random() < 0.7
        score = random.choice((0.0, 1.0, 1.0, 1.0)) * (random.randint(1, levels) / levels + 0.5 * right)
        rows.append((score, float(right and score > 0), float(wanted), float(random.randint(0, 1))))
    return np.array(rows)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1 << 30), st.integers(1, 14), st.sampled_from([2, 5, 1000]), st.booleans())
def test_draws_are_those_of_resampled_lists(seed: int, count: int, levels: int, apart: bool) -> None:
    random = Random(seed)
    own = np.stack([mined(random, count, levels) for _ in range(2)])
    own[1, :, 2:] = own[0, :, 2:]  # gold and halves are the examples' own
    calibration = np.stack([mined(random, count + 3, levels)] * 2) if apart else None
    found = retuned_f1(own, calibration, generator(0, "own"), generator(0, "other"), 25)
    for model in range(2):
        slow = slow_draws(own[model], None if calibration is None else calibration[model], 25)
        assert found[model].tolist() == pytest.approx(slow)


def test_without_anything_right_the_f1_is_zero_in_every_draw() -> None:
    own = np.array([[[0.9, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]])
    for calibration in (None, own):
        found = retuned_f1(own, calibration, generator(0, "a"), generator(0, "b"), 50)
        assert found.tolist() == [[0.0] * 50]


def test_setting_the_threshold_anew_widens_the_interval_where_dev_is_small() -> None:
    """Taking the threshold as it was hides that another dev sample would have given another."""
    random = Random(0)
    own, calibration = mined(random, 1500, 1000, 0.3)[None], mined(random, 12, 1000, 0.3)[None]
    anew = retuned_f1(own, calibration, generator(0, "a"), generator(0, "b"), 400)[0]
    threshold = slow_threshold(repeated(calibration[0], np.ones(12)))
    rows = own[0]
    kept = (rows[:, 0] > 0) & (rows[:, 0] >= threshold)
    counts = np.stack([rows[:, 1] * kept, kept, rows[:, 2], rows[:, 1] * kept, kept], axis=1)
    fixed = task_scores(task("bucc2018"), {"de": counts[None]}, 0, 400).draws[0, 0]
    assert anew.std() > 1.5 * fixed.std()


def test_a_threshold_that_dev_fixes_leaves_the_draws_as_they_are_without_it() -> None:
    """Where every dev sample gives a threshold that keeps the same pairs, both ways of drawing agree."""
    rows = mined(Random(2), 80, 1000)
    rows[:, 0] = np.where(rows[:, 1] > 0, 2.0, np.where(rows[:, 0] > 0, 1.0, 0.0))
    dev = np.array([[2.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]] * 40)
    kept = rows[:, 1] > 0
    counts = np.stack([kept, kept, rows[:, 2], kept, kept], axis=1).astype(float)[None]
    outcomes = {"de": counts}
    tuning = {"de": ModelTuning(rows[None], dev[None])}
    plain = task_scores(task("bucc2018"), outcomes, 0, 300)
    anew = task_scores(task("bucc2018"), outcomes, 0, 300, tuning=tuning)
    assert (anew.draws == plain.draws).all() and (anew.points == plain.points).all()
    assert anew.retuned and not plain.retuned
