"""What is tried together: nothing twice, no more than the budget has, and what is shared is paid once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.pipelines.searching.test_space import space
from xpareto.eval.objectives import OBJECTIVES
from xpareto.pipelines.execution.expected import ExpectedCosts
from xpareto.pipelines.planning.graph import Node
from xpareto.pipelines.searching.proposals import Proposals
from xpareto.pipelines.searching.space import Point, point_key
from xpareto.pipelines.searching.study import Spent
from xpareto.pipelines.searching.trial_plans import Planned

pytest.importorskip("optuna")
SPACE = space()
HOUR = 3600.0


def node(key: str, step: str) -> Node:
    return Node(key, step, step, 1, {}, None, None, {}, {}, "")


def planned(point: Point) -> Planned:
    """Every point cuts its arm first, which points of an arm share, and ends on its own."""
    return Planned((node(f"cut {point['arm']}", "cut"), node(point_key(point), "end")), point_key(point))


def proposals(tried: list[Point] | None = None, **budget: float) -> Proposals:
    costs = ExpectedCosts()
    costs.add("cut", {}, 0.5 * HOUR)
    costs.add("end", {}, 0.25 * HOUR)
    points = tried or []
    study: Any = SimpleNamespace(
        objectives=(OBJECTIVES.load("score"), OBJECTIVES.load("size_bytes")),
        spent=lambda: Spent(len(points), 0.0, 0.0, 0.0),
        tried=lambda: points,
        seen=lambda: [],
        every_point=lambda: points,
    )
    plans: Any = SimpleNamespace(
        space=SPACE, planned=planned, baseline=SimpleNamespace(artifacts={"": "whole"})
    )
    search: Any = SimpleNamespace(
        seed=0, budget=SimpleNamespace(**{"candidates": None, "hours": None, "joules": None, **budget})
    )
    return Proposals(search, plans, study, costs, SimpleNamespace(recorded=set))  # type: ignore[arg-type]


def test_the_first_is_the_recipe_as_it_stands_and_nothing_is_chosen_twice() -> None:
    chosen = proposals().next(6)
    assert chosen[0] == SPACE.as_it_stands()
    assert len({point_key(point) for point in chosen}) == 6
    assert not {point_key(point) for point in proposals(chosen).next(6)} & {
        point_key(point) for point in chosen
    }


def test_no_more_are_chosen_than_the_budget_has_candidates() -> None:
    before = list(SPACE.points())[:5]
    assert len(proposals(before, candidates=7).next(6)) == 2
    assert proposals(before, candidates=5).spent() == "the budget of 5 candidates is spent"


def test_what_is_chosen_fits_the_hours_together_and_what_is_shared_counts_once() -> None:
    chosen = proposals(hours=1.3).next(6)
    # 0.75 h for the first, a quarter each for those that share its beginning, and none that begins anew
    assert [point["arm"] for point in chosen] == [chosen[0]["arm"]] * 3
    assert not proposals(hours=0.7).next(6)
