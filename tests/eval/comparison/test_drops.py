"""Limits on drops: what is let through that loses too much, what passes that loses nothing, and what is told."""

from __future__ import annotations

import numpy as np
import pytest

from tests.eval.statistics.simulated_outcomes import (
    judge,
    lossless,
    one_language_loses,
    outcomes_of,
    passed_in_runs,
)

WORST = {"worst_language_drop": 2.0}


def test_what_predicts_the_same_meets_every_limit_and_uncorrected_languages_cost_nothing() -> None:
    rng = np.random.default_rng(0)
    outcomes = outcomes_of(rng, lossless(2, 22), 60, changed=np.array([0.0, 0.05]))
    same = {code: [0, 0, 2] for code in outcomes}
    judged = judge(outcomes, {"max_drop": 0.0, "worst_language_drop": 0.0}, predictions=same)
    assert judged.passed.tolist() == [True, False]
    assert judged.needed == {"max_drop": None, "worst_language_drop": None}
    # A true loss of 2 shows no lost answer in 30 % of such runs, so 60 equal answers do not refute it.
    assert judge(outcomes, WORST).passed.tolist() == [False, False]


def test_more_languages_need_more_examples_and_the_answer_says_how_many() -> None:
    rng = np.random.default_rng(0)
    few, many = (judge(outcomes_of(rng, lossless(4, codes), 300, 0.02), WORST).needed for codes in (2, 20))
    few_needed, many_needed = few["worst_language_drop"], many["worst_language_drop"]
    assert few_needed is not None and many_needed is not None and 300 < few_needed < many_needed < 5000


@pytest.mark.slow
@pytest.mark.parametrize("changed", [0.01, 0.02])
def test_variants_that_lose_nothing_pass_a_worst_language_limit_in_most_runs(changed: float) -> None:
    """8 variants, 22 languages of 1,000 examples, 1 or 2 % of the answers changed: 0 of 25 runs passed any."""
    passed = passed_in_runs(100, lossless(), WORST, changed=changed)
    assert passed.any(axis=1).mean() > 0.6
    assert passed.mean() > {0.01: 0.95, 0.02: 0.3}[changed]


@pytest.mark.slow
def test_with_as_many_examples_as_the_answer_names_it_passes() -> None:
    needed = judge(outcomes_of(np.random.default_rng(0), lossless(1), 1000, 0.02), WORST).needed
    examples = needed["worst_language_drop"]
    assert examples is not None and examples > 600
    passed = passed_in_runs(60, lossless(1), WORST, examples=examples)
    assert passed.mean() == pytest.approx(0.85, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("examples", [100, 1000])
@pytest.mark.parametrize("variants", [1, 8])
def test_a_language_that_loses_more_than_the_limit_is_let_through_in_5_percent_of_runs_at_most(
    variants: int, examples: int
) -> None:
    losses = one_language_loses(2.01, variants, languages=8 if variants > 1 else 1)
    passed = passed_in_runs(300, losses, WORST, examples=examples, changed=0.01)
    assert passed.any(axis=1).mean() <= 0.05 + 2 * (0.05 * 0.95 / 300) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("variants", [1, 8])
def test_a_true_drop_beyond_the_limit_on_the_average_is_let_through_in_5_percent(variants: int) -> None:
    passed = passed_in_runs(300, np.full((variants, 12), 1.01), {"max_drop": 1.0})
    assert passed.any(axis=1).mean() <= 0.05 + 2 * (0.05 * 0.95 / 300) ** 0.5
