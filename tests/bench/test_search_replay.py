"""The tables that the replay searches: every point of its space, and the work that it is made of."""

from __future__ import annotations

from tests.bench.search_replay import RECIPE, Table
from xpareto.pipelines.recipe import check, plain_data
from xpareto.pipelines.searching import Space, point_key


def test_the_tables_hold_the_whole_space() -> None:
    table = Table.read()
    checked = check(plain_data(dict(RECIPE), "recipe"))
    points = [point_key(point) for point in Space(checked.recipe, checked.plain).points()]
    assert sorted(points) == sorted(table.lines) and len(points) >= 150
    assert {node for line in table.lines.values() for node in line} == set(
        table.nodes
    )  # shared work stands once
    assert all(cost > 0 for cost in table.costs.values())
    assert all(0 < score <= 100 and size > 0 for score, size in table.values.values())
