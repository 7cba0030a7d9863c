"""The search finds what trying everything finds, and its result keeps the bound as measured."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpareto.compress.mixed_precision.path_search import Assignment, Reading, cost_of, optimal_path, search

GROUPS, PRECISIONS = ("a", "b", "c"), ("float", "int8", "int4")
NUMBERS = st.floats(0.0, 10.0).map(lambda value: round(value, 2))


def tables(draw_cost: list[list[float]], draw_harm: list[list[float]]) -> tuple[dict, dict]:
    """Return costs and harms where float is dearest and harmless."""
    costs = {
        group: dict(zip(PRECISIONS, (12.0, *row), strict=True))
        for group, row in zip(GROUPS, draw_cost, strict=True)
    }
    harms = {
        group: dict(zip(PRECISIONS, (0.0, *row), strict=True))
        for group, row in zip(GROUPS, draw_harm, strict=True)
    }
    return costs, harms


def everything() -> list[dict[str, str]]:
    choices = itertools.product(PRECISIONS, repeat=len(GROUPS))
    return [dict(zip(GROUPS, choice, strict=True)) for choice in choices]


ROWS = st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=3, max_size=3)
QUIET = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)


@QUIET
@given(ROWS, ROWS)
def test_no_assignment_is_cheaper_and_no_more_harmful_than_one_of_the_path(
    cost_rows: list[list[float]], harm_rows: list[list[float]]
) -> None:
    costs, harms = tables(cost_rows, harm_rows)
    path = optimal_path(costs, harms)
    for chosen in path:
        most, price = cost_of(chosen, harms), cost_of(chosen, costs)
        for other in everything():
            if cost_of(other, harms) <= most - 1e-9:
                assert cost_of(other, costs) >= price - 1e-6
    for before, after in itertools.pairwise(path):
        assert sum(before[group] != after[group] for group in GROUPS) == 1
    assert cost_of(path[0], costs) == pytest.approx(min(cost_of(one, costs) for one in everything()))
    assert cost_of(path[-1], harms) == pytest.approx(0.0)


def additive(harms: Mapping[str, Mapping[str, float]], scale: float = 1.0):  # type: ignore[no-untyped-def]
    def read(assignment: Assignment) -> Reading:
        total = scale * cost_of(assignment, harms)
        return Reading({"en": total / 2, "sw": total}, {"en": total / 2, "sw": total})

    return read


@QUIET
@given(ROWS, ROWS, st.floats(0.1, 20.0))
def test_the_result_keeps_the_bound_and_is_no_dearer_than_the_best_of_the_path(
    cost_rows: list[list[float]], harm_rows: list[list[float]], bound: float
) -> None:
    costs, harms = tables(cost_rows, [[value + 0.01 for value in row] for row in harm_rows])
    found = search(costs, harms, "float", additive(harms), additive(harms), bound, tries=30)
    feasible = [one for one in everything() if cost_of(one, harms) <= bound]
    cheaper = [one for one in feasible if any(precision != "float" for precision in one.values())]
    assert found.met == bool(cheaper)
    if found.met:
        assert found.acceptance.worst <= bound and found.acceptance.worst_language == "sw"
        on_path = [one for one in optimal_path(costs, harms) if cost_of(one, harms) <= bound]
        price = cost_of(found.assignment, costs)
        assert price <= min(cost_of(one, costs) for one in on_path) + 1e-6
        assert price >= min(cost_of(one, costs) for one in cheaper) - 1e-6
        for group in GROUPS:  # no single cheaper change would have kept it
            for to in PRECISIONS:
                change = {**found.assignment, group: to}
                assert cost_of(change, costs) >= price or cost_of(change, harms) > bound - 1e-9


def test_a_held_out_sample_that_loses_more_sends_the_result_back_for_repair() -> None:
    costs = {"a": {"float": 4.0, "int8": 1.0}, "b": {"float": 4.0, "int8": 1.0}}
    harms = {"a": {"float": 0.0, "int8": 0.4}, "b": {"float": 0.0, "int8": 0.5}}
    found = search(costs, harms, "float", additive(harms), additive(harms, 2.0), 1.0, tries=10)
    assert found.met and found.accepted_after == 2
    assert found.assignment == {"a": "int8", "b": "float"}  # the more harmful of the two went back
    assert found.steps == ["b: int8 -> float (repair)"]
    assert (found.selection.worst, found.acceptance.worst) == (0.4, 0.8)


def test_a_repair_for_the_held_out_sample_must_keep_the_bound_on_the_other_as_well() -> None:
    costs = {"a": {"float": 4.0, "int8": 1.0}, "b": {"float": 4.0, "int8": 1.0}}
    harms = {"a": {"float": 0.0, "int8": 0.4}, "b": {"float": 0.0, "int8": 0.5}}
    on_selection = {("int8", "int8"): 0.5, ("int8", "float"): 3.0, ("float", "int8"): 2.0}  # not in sum
    on_acceptance = {("int8", "int8"): 2.0, ("int8", "float"): 0.1, ("float", "int8"): 0.1}

    def read(table: dict[tuple[str, str], float]):  # type: ignore[no-untyped-def]
        return lambda mix: Reading({"en": table.get((mix["a"], mix["b"]), 0.0)}, {"en": 0.0})

    found = search(costs, harms, "float", read(on_selection), read(on_acceptance), 1.0, tries=0)
    assert not found.met


def test_predictions_that_are_wrong_are_set_right_by_what_is_measured() -> None:
    costs = {"a": {"float": 4.0, "int8": 1.0}, "b": {"float": 4.0, "int8": 1.0}}
    predicted = {"a": {"float": 0.0, "int8": 9.0}, "b": {"float": 0.0, "int8": 1.0}}
    true = {"a": {"float": 0.0, "int8": 0.1}, "b": {"float": 0.0, "int8": 3.0}}
    found = search(costs, predicted, "float", additive(true), additive(true), 1.0, tries=10)
    assert found.met and found.assignment == {"a": "int8", "b": "float"}


def test_a_bound_that_nothing_keeps_is_told_with_what_came_nearest() -> None:
    costs = {"a": {"float": 4.0, "int8": 1.0, "int4": 0.5}}
    harms = {"a": {"float": 0.0, "int8": 2.0, "int4": 5.0}}
    found = search(costs, harms, "float", additive(harms), additive(harms, 1.5), 1.0, tries=10)
    assert not found.met and found.assignment == {"a": "int8"}
    assert found.selection.worst == 2.0 and found.acceptance.worst == 3.0
