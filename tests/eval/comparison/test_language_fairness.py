"""Drops by language against their definition, and what a language is known by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xpareto.eval.comparison.language_fairness import OTHER, fairness
from xpareto.eval.data.language_facts import LANGUAGES
from xpareto.eval.statistics.estimates import Uncertain
from xpareto.eval.statistics.metric_units import MetricUnits
from xpareto.eval.statistics.prediction_flips import NONE, Flips, flips
from xpareto.eval.tasks import KINDS, TASKS, task

CODES = ("de", "en", "hi", "sw", "th", "xx")


def scores(points: np.ndarray, error: float, seed: int = 0) -> Uncertain:
    """Return scores of systems in the languages, with independent noise of one size."""
    noise = error * np.random.default_rng(seed).standard_normal((*points.shape, 2000))
    noise[0] = 0  # all of it in the systems that are compared with the first
    return Uncertain(points, noise.astype(np.float32), np.zeros((*points.shape, 0)), None)


def test_drops_groups_and_slope_follow_their_definitions() -> None:
    base, drop = np.full(6, 70.0), np.array([1.0, 0.5, 2.0, 4.0, 3.0, -1.0])
    own = fairness(scores(np.stack([base, base - drop]), 0.1), CODES, 0, np.random.default_rng(0), 2000)[1]
    assert [own.drops[code].value for code in CODES] == pytest.approx(drop)
    assert (own.worst_language, own.worst.value) == ("sw", 4.0)
    assert own.spread == pytest.approx(drop.std(ddof=1))
    assert own.spread_beyond_noise == pytest.approx(np.sqrt(drop.var(ddof=1) - 0.01), rel=1e-2)
    assert {name: found.value for name, found in own.by_script.items()} == pytest.approx(
        {"Latn": (1.0 + 0.5 + 4.0) / 3, "Deva": 2.0, "Thai": 3.0, OTHER: -1.0}
    )
    assert own.by_resources["low"].value == 4.0 and own.by_resources["high"].value == pytest.approx(6.5 / 4)
    assert own.slope_languages == ("de", "en", "hi", "sw")  # Thai has no blanks between words
    tokens = [LANGUAGES[code].log_tokens for code in own.slope_languages]
    assert own.slope is not None
    assert own.slope.value == pytest.approx(np.polyfit(np.array(tokens), drop[:4], 1)[0])
    assert own.slope.low < own.slope.value < own.slope.high < 0


def test_the_baseline_loses_nothing_for_sure() -> None:
    points = np.tile(np.full(6, 70.0), (2, 1))
    own = fairness(scores(points, 1.0), CODES, 0, np.random.default_rng(0), 500)[0]
    assert own.worst.value == own.worst.low == own.worst.high == 0
    assert own.spread == own.spread_beyond_noise == 0


def test_noise_that_languages_share_makes_no_spread() -> None:
    """Languages of a parallel test set move together: what is taken off is the noise in which they differ."""
    rng = np.random.default_rng(0)
    drop = np.array([1.0, 0.5, 2.0, 4.0, 3.0, -1.0])
    points = np.stack([np.full(6, 70.0), 70.0 - drop])
    noise = np.zeros((2, 6, 4000), np.float32)
    noise[1] = 3.0 * rng.standard_normal((1, 4000)) + 0.1 * rng.standard_normal((6, 4000))
    shared = Uncertain(points, noise, np.zeros((2, 6, 0)), None)
    own = fairness(shared, CODES, 0, rng, 4000)[1]
    assert own.spread_beyond_noise == pytest.approx(np.sqrt(drop.var(ddof=1) - 0.01), rel=1e-2)


def test_the_baseline_has_no_interval_though_a_difference_has_a_least_variance() -> None:
    points = np.tile(np.full(6, 70.0), (2, 1))
    cells = tuple((at,) for at in range(6))
    units = MetricUnits(np.full(6, 0.7), np.eye(6), cells, np.arange(12).reshape(2, 1, 6))
    floored = replace(scores(points, 1.0), units=units)
    own = fairness(floored, CODES, 0, np.random.default_rng(0), 500)[0]
    found = [own.worst, *own.drops.values(), *own.by_script.values(), *own.by_resources.values()]
    assert all(one.value == one.low == one.high == 0 for one in found) and own.spread_beyond_noise == 0


def test_the_worst_language_is_covered_at_95_percent() -> None:
    """Equal truth in all languages: the largest drop that is seen is too large, its interval is not."""
    truth, error, covered = 2.0, 1.0, 0
    rng = np.random.default_rng(1)
    for repetition in range(200):
        found = np.stack([np.full(6, 70.0), 70.0 - truth + error * rng.standard_normal(6)])
        own = fairness(scores(found, error, repetition), CODES, 0, rng, 500)[1]
        covered += own.worst.low <= truth <= own.worst.high
    assert covered / 200 >= 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / 200)


def test_every_language_of_xtreme_is_known() -> None:
    for name in TASKS.names:
        assert set(task(name).languages) <= set(LANGUAGES), name
    assert len(LANGUAGES) == 40
    classes = {own.resources for own in LANGUAGES.values()}
    assert classes == {"high", "medium", "low", "unseen"}


def answers(labels: str, gold: str) -> tuple[list[str], np.ndarray]:
    right = [int(own == true) for own, true in zip(labels, gold, strict=True)]
    return list(labels), np.stack([right, np.ones(len(right), int)], axis=1)


def test_flips_tell_lost_and_won_answers_from_those_that_only_changed() -> None:
    found = flips(task("xnli"), KINDS.load("classify"), answers("abcab", "abbbb"), answers("aaaba", "abbbb"))
    assert found == Flips(examples=5, changed=4, lost=2, won=1)
    assert NONE + found == found
    with pytest.raises(ValueError, match="same examples"):
        flips(task("xnli"), KINDS.load("classify"), answers("ab", "ab"), answers("a", "a"))


def test_english_sentences_of_mined_pairs_are_not_asked() -> None:
    before = ([["a", "a"], ["", ""]], np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]]))
    after = ([["", ""], ["", ""]], np.array([[0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]))
    assert flips(task("bucc2018"), KINDS.load("mine"), before, after) == Flips(1, 1, 1, 0)
