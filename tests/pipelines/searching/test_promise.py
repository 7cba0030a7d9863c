"""What a setting promises: the gain of hypervolume is exact, and what the fields told so far decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipelines.searching.test_space import space
from xpareto.eval.objectives import OBJECTIVES
from xpareto.eval.pareto import Frontier
from xpareto.pipelines.searching.promise import Promise, _gains

SIZED = [OBJECTIVES.load("score"), OBJECTIVES.load("size_bytes")]


def volume(points: np.ndarray) -> float:
    return Frontier.of(points, ["min"] * points.shape[1]).hypervolume([0.0] * points.shape[1])


@given(st.integers(2, 3), st.integers(1, 7), st.integers(0, 10_000))
def test_a_gain_is_what_the_hypervolume_grows_by(objectives: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    front, points = -rng.random((count, objectives)), 0.1 - 1.2 * rng.random((6, objectives))
    grown = [volume(np.vstack([front, point])) - volume(front) for point in points]
    np.testing.assert_allclose(_gains(front, points), grown, atol=1e-9)


def test_what_was_good_of_a_field_promises_more_and_a_broken_limit_nothing() -> None:
    of = space()
    whole = [point for point in of.points() if point["arm"] == "whole" and point["narrow.enabled"]]
    int4 = np.array([point["weights.products"] == "int4" for point in whole])
    keep = np.array([point["narrow.keep"] for point in whole])
    values = np.column_stack([40 + 60 * keep, 20.0 - int4])  # score follows keep, size the bits
    tried = np.flatnonzero(keep < 0.7)
    points = [whole[at] for at in tried]

    def gains(over: float) -> np.ndarray:
        excesses = np.where(int4, over, -1.0)[tried, None]
        return Promise(of, SIZED, points, values[tried], excesses).improvements(
            whole, np.random.default_rng(0)
        )

    most = gains(-1.0)
    assert set(np.argsort(most)[-2:]) <= set(np.flatnonzero((keep == 0.7) & int4))
    assert gains(1.0)[int4].max() < 0.5 * most.max()


def test_the_same_draws_give_the_same_promise() -> None:
    of = space()
    points = list(of.points())[:6]
    values = np.column_stack([np.arange(6.0), np.arange(6.0)])
    promise = Promise(of, SIZED, points, values, np.zeros((6, 0)))
    one, other = (promise.improvements(points, np.random.default_rng(1)) for _ in range(2))
    assert one == pytest.approx(other, abs=0)


def test_what_is_at_work_promises_nothing_more_and_takes_from_what_is_like_it() -> None:
    of = space()
    points = list(of.points())[:8]
    values = np.column_stack([np.arange(6.0), np.arange(6.0)])
    promise = Promise(of, SIZED, points[:6], values, np.zeros((6, 0)))
    alone = promise.improvements(points, np.random.default_rng(1))
    beside = promise.improvements(points, np.random.default_rng(1), [points[7]])
    assert alone[7] > 0 and beside[7] == 0  # in every draw it is on the front already
    assert (beside <= alone + 1e-12).all() and (beside[:7] > 0).any()


def test_what_fields_do_together_is_learnt() -> None:
    of = space()
    points = [point for point in of.points() if point["arm"] == "whole" and point["narrow.enabled"]]
    few = np.array([point["narrow.calibration.examples"] == 32 for point in points])
    int4 = np.array([point["weights.products"] == "int4" for point in points])
    score = np.where(few == int4, 90.0, 50.0)  # no field is good by itself
    values = np.column_stack([score, np.full(len(points), 20.0)])
    seen = np.array([point["narrow.keep"] != 0.6 for point in points])
    known = [point for point, told in zip(points, seen, strict=True) if told]
    promise = Promise(of, SIZED, known, values[seen], np.zeros((len(known), 0)))
    drawn = promise._predicted(points, values[seen], np.random.default_rng(0)).mean(axis=2)[:, 0]
    assert np.corrcoef(drawn[~seen], score[~seen])[0, 1] > 0.9
