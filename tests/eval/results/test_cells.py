from __future__ import annotations

import json
import random
from statistics import NormalDist, fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.records.measurement import Measurement
from xpareto.eval.results.cells import Cell, cells, mean, scored, task_score
from xpareto.eval.results.document import TaskFacts
from xpareto.eval.results.run import read_runs

FACTS = TaskFacts("xnli", ("en", "de"), ("eu",), ("accuracy",), "classification", None, "test")


def _row(language: str, value: float | None, **more: object) -> Measurement:
    return Measurement("r", "c", "accuracy", "accuracy", value, "percent", task="xnli", language=language,
                       **({"examples": 100} | more))  # fmt: skip


@pytest.mark.parametrize(("share", "examples"), [(0.5, 100), (0.9, 200), (0.97, 60)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(share: float, examples: int) -> None:
    chance = random.Random(3)
    hits = 0
    for _ in range(600):
        right = sum(chance.random() < share for _ in range(examples))
        found = scored(100 * right / examples, examples)
        assert found.half is not None
        hits += abs(found.value - 100 * share) <= found.half
    assert 0.93 <= hits / 600 < 1


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 5000)), min_size=1, max_size=9))
def test_the_interval_of_a_mean_is_that_of_a_sum_of_independent_scores(
    parts: list[tuple[float, int]],
) -> None:
    found = mean([scored(value, examples) for value, examples in parts])
    assert found is not None and found.half is not None
    variance = 0.0
    for value, examples in parts:  # the slow way, in shares and not in points
        p = (value / 100 * examples + 2) / (examples + 4)
        variance += p * (1 - p) / (examples + 4)
    expected = 100 * NormalDist().inv_cdf(0.975) * variance**0.5 / len(parts)
    assert found.half == pytest.approx(expected)
    assert found.value == pytest.approx(fmean(value for value, _ in parts))


def test_without_a_number_of_examples_there_is_no_interval() -> None:
    assert scored(50.0, 0).half is None
    both = mean([scored(50.0, 0), scored(50.0, 10)])
    assert both is not None and both.half is None


def test_a_task_with_a_failed_language_has_no_score() -> None:
    found = cells([_row("en", 80.0), _row("de", None, status="failed", error="boom")], {"xnli": FACTS})
    assert found["xnli", "de"] == Cell("failed", error="boom")
    assert task_score(found, FACTS) is None


def test_a_language_without_data_does_not_hide_the_score_of_the_others() -> None:
    rows = [_row("en", 80.0), _row("de", 60.0), _row("eu", None, status="missing")]
    score = task_score(cells(rows, {"xnli": FACTS}), FACTS)
    assert score is not None and score.value == 70.0


def test_the_newest_row_counts() -> None:
    found = cells([_row("en", None, status="failed"), _row("en", 81.0)], {"xnli": FACTS})
    assert found["xnli", "en"].status == "ok"


def test_only_the_tasks_own_metric_counts() -> None:
    other = Measurement("r", "c", "accuracy", "f1", 99.0, "percent", task="xnli", language="en")
    assert cells([other], {"xnli": FACTS}) == {}


XQUAD = TaskFacts("xquad", ("en",), (), ("exact_match", "f1", "other"), "qa", None, "test", scored_by=2)


def _answered(statistic: str, value: float | None, **more: object) -> Measurement:
    return Measurement("r", "c", "accuracy", statistic, value, "percent", task="xquad", language="en",
                       **({"examples": 40} | more))  # fmt: skip


def test_the_mean_of_exact_match_and_f1_is_the_score_of_question_answering() -> None:
    rows = [_answered("exact_match", 50.0), _answered("f1", 70.0), _answered("other", 99.0)]
    assert cells(rows, {"xquad": XQUAD})["xquad", "en"] == Cell("ok", scored(60.0, 40))


def test_one_metric_alone_is_no_score_where_two_make_it() -> None:
    alone = cells([_answered("f1", 70.0)], {"xquad": XQUAD})["xquad", "en"]
    assert alone.status == "missing" and alone.score is None
    failed = [_answered("f1", 70.0), _answered("exact_match", None, status="failed", error="boom")]
    assert cells(failed, {"xquad": XQUAD})["xquad", "en"] == Cell("failed", error="boom")


def test_a_language_without_any_row_of_its_score_has_the_failure_that_is_known() -> None:
    rows = [_answered("accuracy", None, status="failed", error="killed")]
    assert cells(rows, {"xquad": XQUAD})["xquad", "en"] == Cell("failed", error="killed")


def test_an_older_run_that_does_not_say_is_scored_by_its_first_metric(make_run: Any) -> None:
    folder = make_run()
    assert {facts.scored_by for facts in read_runs([folder]).tasks.values()} == {1}
    file = folder / "candidates.json"
    listing = json.loads(file.read_text(encoding="utf-8"))
    listing["tasks"]["udpos"]["scored_by"] = 2
    file.write_text(json.dumps(listing), encoding="utf-8")
    facts = read_runs([folder]).tasks["udpos"]
    assert facts.score_metrics == ("f1", "accuracy") and facts.score_name == "mean of f1 and accuracy"
