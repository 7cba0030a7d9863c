"""What is tried next: the same choice for the same past, nothing twice, and what is cheap where promises are equal."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.pipelines.searching.test_space import space
from xpareto.eval.objectives import OBJECTIVES
from xpareto.pipelines.execution.expected import ExpectedCosts
from xpareto.pipelines.searching.chooser import Chooser
from xpareto.pipelines.searching.space import Point, point_key

optuna = pytest.importorskip("optuna")
SPACE = space()
OBJECTIVES_OF_TWO = [OBJECTIVES.load("score"), OBJECTIVES.load("size_bytes")]


def chooser(**more: object) -> Chooser:
    return Chooser(SPACE, OBJECTIVES_OF_TWO, 0, **more)  # type: ignore[arg-type]


def test_the_same_past_gives_the_same_choice_and_another_seed_another() -> None:
    first = chooser().next([], lambda point: 1.0)
    assert first == chooser().next([], lambda point: 1.0)
    others = [Chooser(SPACE, OBJECTIVES_OF_TWO, seed).next([], lambda point: 1.0) for seed in range(8)]
    assert any(other != first for other in others)


def test_nothing_is_chosen_twice_until_nothing_is_left() -> None:
    tried: set[str] = set()
    few = [point for point in SPACE.points() if point["arm"] == "whole" and not point["narrow.enabled"]]
    wanted = {point_key(point) for point in few}

    def price(point: Point) -> float | None:
        return 1.0 if point_key(point) in wanted - tried else None

    for _ in few:
        point = chooser().next([], price)
        assert point is not None
        tried.add(point_key(point))
    assert tried == wanted and chooser().next([], price) is None


def test_what_shares_finished_work_is_tried_before_what_costs_much() -> None:
    def price(point: Point) -> float:
        return 1.0 if point["arm"] == "whole" else 100.0

    def arms(thrift: float) -> Counter[str]:
        chosen = [
            Chooser(SPACE, OBJECTIVES_OF_TWO, seed, thrift=thrift).next([], price) for seed in range(40)
        ]
        return Counter(point["arm"] for point in chosen if point)

    assert arms(1.0)["whole"] >= 36
    assert 2 <= arms(0.0)["whole"] <= 24  # where cost counts for nothing: a quarter of the points is whole


def test_costs_are_those_of_similar_work_in_proportion_to_its_updates() -> None:
    costs = ExpectedCosts()
    node = next_node()
    assert costs.seconds(node) == 60.0  # a training like which nothing is known
    costs.add("train", {**node.fields, "steps": 100}, 10.0)
    costs.add("train", {**node.fields, "steps": 100, "batch_size": 999}, 1000.0)
    assert costs.seconds(node) == pytest.approx(20.0)  # of the one that has most in common, twice as long
    assert costs.of_all([node], {node.key}.__contains__) == 0.0


def next_node():  # type: ignore[no-untyped-def]
    from xpareto.pipelines.planning import Node

    return Node("k", "train", "fp32", 1, {"on": "udpos", "steps": 200, "batch_size": 32}, None, 0, {}, {}, "")
