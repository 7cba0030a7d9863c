"""nDCG and recall against their definitions, by hand and by a slow reading of trec_eval's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.metrics.ranked import ndcg, recall

GRADES = st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.integers(-1, 3), max_size=16)


def test_by_hand() -> None:
    # gains 1, 0, 3 at places 1 to 3; the best ranking has 3, 2, 1
    grades = {"a": 3, "b": 2, "c": 1, "d": 0}
    got = 1 + 3 / 2
    best = 3 + 2 / math.log2(3) + 1 / 2
    assert ndcg(["c", "x", "a"], grades, 10) == pytest.approx(got / best)
    assert ndcg(["c", "x", "a"], grades, 2) == pytest.approx(1 / (3 + 2 / math.log2(3)))
    assert recall(["c", "x", "a"], grades, 2) == pytest.approx(1 / 3)


@given(GRADES, st.permutations("abcdefghijklmnop"), st.integers(1, 20))
def test_they_are_shares_that_the_best_ranking_has_whole(
    grades: dict[str, int], ranked: list[str], k: int
) -> None:
    relevant = [name for name, grade in grades.items() if grade > 0]
    best = sorted(grades, key=lambda name: -grades[name])
    assert 0 <= ndcg(ranked, grades, k) <= 1 + 1e-12 and 0 <= recall(ranked, grades, k) <= 1
    assert ndcg(best, grades, k) == pytest.approx(1.0 if relevant else 0.0)
    assert recall(best, grades, 16) == (1.0 if relevant else 0.0)
    by_place = [
        max(grades.get(name, 0), 0) / math.log2(place + 1) for place, name in enumerate(ranked[:k], 1)
    ]
    ideal = [
        grades[name] / math.log2(place + 1) for place, name in enumerate(best[:k], 1) if grades[name] > 0
    ]
    assert ndcg(ranked, grades, k) == pytest.approx(sum(by_place) / sum(ideal) if ideal else 0.0)
