"""Mining and its neighbours against plain Python that looks at every pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xpareto.eval.metrics.mining import best_threshold, mine
from xpareto.eval.metrics.neighbours import both_ways

Vectors = list[list[float]]


def slow_cosine(one: Sequence[float], other: Sequence[float]) -> float:
    norms = math.sqrt(math.fsum(x * x for x in one)) * math.sqrt(math.fsum(x * x for x in other))
    return math.fsum(x * y for x, y in zip(one, other, strict=True)) / norms if norms else 0.0


def slow_nearest(queries: Vectors, among: Vectors, k: int) -> list[list[tuple[float, int]]]:
    """Return (cosine, index) of the k nearest of each query."""
    found = []
    for query in queries:
        ranked = sorted((-slow_cosine(query, vector), index) for index, vector in enumerate(among))
        found.append([(-cosine, index) for cosine, index in ranked[:k]])
    return found


def slow_mine(foreign: Vectors, english: Vectors, k: int) -> list[tuple[int, int, float]]:
    forward, backward = slow_nearest(foreign, english, k), slow_nearest(english, foreign, k)

    def mean(near: list[tuple[float, int]]) -> float:
        return sum(cosine for cosine, _ in near) / len(near)

    def margin(i: int, j: int) -> float:
        around = (mean(forward[i]) + mean(backward[j])) / 2
        return slow_cosine(foreign[i], english[j]) / around if around else 0.0

    candidates = []
    for i, near in enumerate(forward):
        score, j = max((margin(i, j), -j) for _, j in near)
        candidates.append((-score, i, -j))
    for j, near in enumerate(backward):
        score, i = max((margin(i, j), -i) for _, i in near)
        candidates.append((-score, -i, j))
    rows, columns, pairs = set(), set(), []
    for loss, i, j in sorted(candidates):
        if i not in rows and j not in columns:
            rows.add(i)
            columns.add(j)
            if -loss > 0:
                pairs.append((i, j, -loss))
    return pairs


def related(seed: int, n: int, m: int, width: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of which the first min(n, m) of either side belong together, shuffled."""
    generator = np.random.default_rng(seed)
    foreign = generator.normal(size=(n, width))
    english = generator.normal(size=(m, width))
    both = min(n, m)
    english[:both] = foreign[:both] + noise * english[:both]
    return foreign.astype(np.float32), english[generator.permutation(m)].astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60), st.integers(1, 6),
    st.sampled_from([(16, 16), (32, 16), (16, 48), (2048, 8192)]),
)  # fmt: skip
def test_neighbours_of_both_sides_equal_a_search_of_every_pair(
    seed: int, n: int, m: int, k: int, block: tuple[int, int]
) -> None:
    one, other = related(seed, n, m, 5, 0.5)
    forward, backward = both_ways(one, other, k, block)
    for found, queries, among in ((forward, one, other), (backward, other, one)):
        expected = slow_nearest(queries.tolist(), among.tolist(), k)
        assert found.index.tolist() == [[index for _, index in near] for near in expected]
        np.testing.assert_allclose(found.similarity, [[c for c, _ in near] for near in expected], atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 45), st.integers(1, 45), st.integers(1, 5),
    st.sampled_from([0.1, 1.0, 3.0]),
)  # fmt: skip
def test_mined_pairs_and_scores_equal_a_search_of_every_pair(
    seed: int, n: int, m: int, k: int, noise: float
) -> None:
    foreign, english = related(seed, n, m, 16, noise)
    foreign, english = np.abs(foreign), np.abs(english)  # neighbourhoods with a clear mean
    expected = slow_mine(foreign.tolist(), english.tolist(), k)
    scores = [score for _, _, score in expected]
    # float32 does not tell which of two such pairs comes first
    assume(all(high - low > 1e-5 * high for high, low in pairwise(scores)))
    found = mine(foreign, english, k, block=(16, 16))
    assert list(zip(found.foreign.tolist(), found.english.tolist(), strict=True)) == [
        (i, j) for i, j, _ in expected
    ]
    np.testing.assert_allclose(found.score, scores, rtol=1e-4)


# One-hot vectors: every cosine is exactly 0 or 1, so that ties are everywhere and exact.
@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40), st.lists(st.integers(0, 3), min_size=1, max_size=40)
)
def test_of_exact_ties_the_lowest_index_comes_first(foreign: list[int], english: list[int]) -> None:
    one, other = np.eye(4, dtype=np.float32)[foreign], np.eye(4, dtype=np.float32)[english]
    forward, _ = both_ways(one, other, 4, (16, 16))
    expected = slow_nearest(one.tolist(), other.tolist(), 4)
    assert forward.index.tolist() == [[index for _, index in near] for near in expected]
    found = mine(one, other, block=(16, 16))
    pairs = [(i, j) for i, j, _ in slow_mine(one.tolist(), other.tolist(), 4)]
    assert list(zip(found.foreign.tolist(), found.english.tolist(), strict=True)) == pairs


def test_the_size_of_a_block_changes_nothing() -> None:
    foreign, english = related(1, 500, 230, 24, 1.0)
    whole, pieces = mine(foreign, english), mine(foreign, english, block=(64, 48))
    assert whole.foreign.tolist() == pieces.foreign.tolist()
    assert whole.english.tolist() == pieces.english.tolist()


def test_true_pairs_among_distractors_are_found() -> None:
    generator = np.random.default_rng(2)
    foreign = generator.normal(size=(300, 64)).astype(np.float32)
    english = generator.normal(size=(400, 64)).astype(np.float32)
    english[100:150] = foreign[:50] + 0.05 * generator.normal(size=(50, 64))
    found = mine(foreign, english)
    best = set(zip(found.foreign[:50].tolist(), found.english[:50].tolist(), strict=True))
    assert best == {(i, i + 100) for i in range(50)}
    assert (np.diff(found.score) <= 0).all()


def test_no_sentence_is_mined_twice() -> None:
    foreign, english = related(3, 200, 90, 8, 2.0)
    found = mine(foreign, english)
    assert len(set(found.foreign.tolist())) == len(found.foreign) == len(set(found.english.tolist()))


def test_zero_vectors_are_mined_with_none() -> None:
    foreign = np.array([[0.0, 0.0], [1.0, 0.0]])
    found = mine(foreign, np.array([[0.0, 0.0], [1.0, 0.1]]))
    assert (found.foreign.tolist(), found.english.tolist()) == ([1], [1])


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_an_empty_side_gives_no_pair(n: int, m: int) -> None:
    assert not len(mine(np.ones((n, 2)), np.ones((m, 2))).score)


def test_neighbours_in_an_empty_set_are_refused() -> None:
    with pytest.raises(ValueError, match="no candidates"):
        both_ways(np.ones((1, 2)), np.ones((0, 2)), 4)


def test_the_inputs_are_not_changed() -> None:
    foreign, english = np.full((3, 2), 2.0, np.float32), np.full((2, 2), 3.0, np.float32)
    mine(foreign, english)
    assert (foreign == 2).all() and (english == 3).all()


def slow_threshold(scores: list[float], correct: list[bool], gold: int) -> float:
    best, threshold = 0.0, 0.0
    for cut in sorted(set(scores), reverse=True):
        kept = [right for score, right in zip(scores, correct, strict=True) if score >= cut]
        if sum(kept):
            precision, recall = sum(kept) / len(kept), sum(kept) / gold
            f1 = 2 * precision * recall / (precision + recall)
            if f1 > best + 1e-12:
                below = [score for score in scores if score < cut]
                best, threshold = f1, (cut + max(below)) / 2 if below else cut
    return threshold


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=12), st.integers(0, 3))
def test_the_threshold_equals_trying_every_one(pairs: list[tuple[int, bool]], unfound: int) -> None:
    pairs = sorted(pairs, key=lambda pair: -pair[0])
    scores, correct = [score / 4 for score, _ in pairs], [right for _, right in pairs]
    gold = sum(correct) + unfound
    expected = slow_threshold(scores, correct, gold) if gold else 0.0
    assert best_threshold(np.array(scores), np.array(correct, bool), gold) == expected
