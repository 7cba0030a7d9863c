"""Similarity: cosines, their correlation with the gold, and its resamples, which rank anew."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xpareto.compress.core.errors import InputError
from xpareto.eval.encoding.text import Encoded
from xpareto.eval.kinds.similarity import KIND
from xpareto.eval.results.cells import Score
from xpareto.eval.results.learnt import surely
from xpareto.eval.statistics.bootstrap import generator
from xpareto.eval.statistics.prediction_flips import NONE, flips
from xpareto.eval.statistics.score_draws import task_scores
from xpareto.eval.tasks import Example, Similar, Task

STS = Task("sts", "similarity", "retrieval", ("en",), "encoder", ("spearman", "pearson"), own=True)


def made(examples: int, models: int, seed: int = 0) -> np.ndarray:
    """Return outcomes of models that are ever worse."""
    random = np.random.default_rng(seed)
    gold = random.integers(0, 11, examples) / 2
    rows = [
        np.stack(
            [(gold / 10 + random.normal(0, 0.1 + 0.1 * n, examples)).round(6), gold, np.ones(examples)], 1
        )
        for n in range(models)
    ]
    return np.stack(rows)


def test_an_answer_is_the_cosine_and_the_score_scipy_s() -> None:
    states = [np.array(vector) for vector in ([1.0, 0], [2.0, 2], [0.0, 0], [3.0, 0], [0.0, 1], [1.0, 1])]
    found = KIND.predict(Encoded([[0]] * 6, 3), states)
    assert found == [1.0, 0.707107, 0.0]
    examples: list[Example] = [Similar("a", "b", gold) for gold in (5.0, 5.0, 1.0)]
    scored = KIND.score(examples, found, STS)
    assert scored.metrics["spearman"] == pytest.approx(100 * stats.spearmanr(found, [5, 5, 1]).statistic)
    assert scored.metrics["pearson"] == pytest.approx(100 * stats.pearsonr(found, [5, 5, 1]).statistic)
    assert KIND.chance(examples, STS) == 0 and KIND.predict(Encoded([], 0), []) == []
    assert KIND.score([], [], STS).metrics == {"spearman": 0.0, "pearson": 0.0}


def test_a_withheld_score_is_no_zero() -> None:
    assert Similar("a", "b", 0.0).gold == 0 and Similar("a", "b", None).gold is None
    with pytest.raises(InputError, match="withheld"):
        KIND.score([Similar("a", "b", None)], [0.5], STS)


def test_every_draw_ranks_the_drawn_examples_anew() -> None:
    outcomes = made(30, 2)
    drawn = task_scores(STS, {"en": outcomes}, 3, 50).draws[:, 0]
    rows = generator(3, "sts", "en").integers(30, size=(50, 30))
    for model in range(2):
        expected = [
            100 * stats.spearmanr(outcomes[model, at, 0], outcomes[model, at, 1]).statistic for at in rows
        ]
        assert drawn[model] == pytest.approx(expected)


def test_normal_draws_have_the_spread_of_exact_ones_of_scores_and_of_their_difference() -> None:
    outcomes = {"en": made(600, 2)}
    exact = task_scores(STS, outcomes, 0, 1500)
    normal = task_scores(STS, outcomes, 0, 4000, normal_from=500)
    assert normal.points == pytest.approx(exact.points)
    for one, other in ((exact.draws[0, 0], normal.draws[0, 0]), (exact.draws[1, 0], normal.draws[1, 0]),
                       (exact.draws[0, 0] - exact.draws[1, 0], normal.draws[0, 0] - normal.draws[1, 0])):  # fmt: skip
        assert other.std() == pytest.approx(one.std(), rel=0.08)
        assert other.mean() == pytest.approx(one.mean(), abs=0.3)


def test_languages_of_the_same_pairs_are_drawn_together_and_equal_models_stay_equal() -> None:
    outcomes = made(40, 1)
    twice = np.concatenate([outcomes, outcomes])
    parallel = Task(
        "sts", "similarity", "retrieval", ("de", "en"), "encoder", ("spearman",), parallel=True, own=True
    )
    scores = task_scores(parallel, {"de": twice, "en": twice}, 0, 20)
    assert scores.clustered and (scores.draws == scores.draws[:1, :1]).all()
    assert scores.units.tolist() == [pytest.approx(100 / 42)] * 2


def test_a_correlation_is_learnt_where_fisher_s_interval_says_so_and_no_answer_flips() -> None:
    assert surely(Score(10.0, None, 50), correlated=True) < 0 < surely(Score(10.0, None, 50))
    assert 60 < surely(Score(80.0, None, 50), correlated=True) < 70
    rows = made(5, 2)
    answers = [[float(x) for x in row[:, 0]] for row in rows]
    assert flips(STS, KIND, (answers[0], rows[0]), (answers[1], rows[1])) == NONE
