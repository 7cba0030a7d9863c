"""Who dominates whom, as the page and the table show it."""

from __future__ import annotations

import csv
import io
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest
from reports.analysis import NO_ANALYSIS, Analysis

from reports import domination
from reports.domination import Domination, dominations
from reports.membership import panels
from reports.page_data import figure_data
from reports.spreadsheets import spreadsheets
from reports.study import Study

Shown = tuple[Study, Analysis]


def frontier(shown: Shown, key: str, **facts: Any) -> Analysis:
    """Return the analysis with other facts in one frontier."""
    found = shown[1].found
    frontiers = {**found["frontiers"], key: {**found["frontiers"][key], **facts}}
    return replace(shown[1], found={**found, "frontiers": frontiers})


def pairs(own: Domination) -> dict[tuple[int, int], int | None]:
    return {
        (one, other): own.shares[row][column]
        for row, one in enumerate(own.systems)
        for column, other in enumerate(own.systems)
        if one != other
    }


def test_every_share_of_the_document_is_there_once_for_each_panel(alone: Shown) -> None:
    found = dominations(*alone)
    assert [(own.key, own.title) for own in found] == [(p.key, p.title) for p in panels(*alone)]
    for own in found:
        document = alone[1].found["frontiers"][own.key]
        places = document["systems"]
        assert sorted(own.systems) == sorted(places)
        assert pairs(own) == {
            (one, other): document["dominance"][row][column]
            for row, one in enumerate(places)
            for column, other in enumerate(places)
            if one != other
        }
        assert own.membership == tuple(document["membership"][places.index(place)] for place in own.systems)


def test_the_likeliest_come_first_and_what_surely_dominates_stands_above(alone: Shown) -> None:
    sure = 0
    for own in dominations(*alone):
        assert list(own.membership) == sorted(own.membership, reverse=True)
        for row, shares in enumerate(own.shares):
            for column, share in enumerate(shares):
                if share == 100:
                    assert row < column
                    sure += 1
    assert sure > 0  # the same scores on a slower runtime


def test_what_is_shown_first_is_baseline_and_frontier_and_then_the_likeliest(
    alone: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dominations(*alone)[0]
    assert whole.foremost == tuple(range(len(whole.systems)))
    last = [place for place in whole.systems if place != alone[1].baseline][-1]
    monkeypatch.setattr(domination, "ROOM", 3)
    few = dominations(alone[0], frontier(alone, whole.key, on=[last]))[0]
    chosen = [few.systems[at] for at in few.foremost]
    assert len(chosen) == 3 and {alone[1].baseline, last} <= set(chosen)
    rest = next(place for place in few.systems if place not in (alone[1].baseline, last))
    assert chosen == [place for place in few.systems if place in {alone[1].baseline, last, rest}]


def test_the_page_has_one_byte_for_each_share_and_255_for_none(alone: Shown) -> None:
    key = next(iter(alone[1].found["frontiers"]))
    shares = [list(row) for row in alone[1].found["frontiers"][key]["dominance"]]
    shares[0][1] = None
    gap = frontier(alone, key, dominance=shares)
    own = dominations(alone[0], gap)[0]
    data = figure_data(alone[0], gap)["analysis"]["dominations"][0]
    packed = list(b64decode(data["shares"]))
    assert packed == [255 if share is None else share for row in own.shares for share in row]
    assert packed.count(255) == 1 and len(packed) == len(own.systems) ** 2
    place = {system: at for at, system in enumerate(own.systems)}
    first, second = gap.found["frontiers"][key]["systems"][:2]
    assert packed[place[first] * len(place) + place[second]] == 255
    assert data["title"] == "latency at batch 1"


def test_the_table_has_each_pair_that_is_not_zero(alone: Shown) -> None:
    key = next(iter(alone[1].found["frontiers"]))
    shares = [list(row) for row in alone[1].found["frontiers"][key]["dominance"]]
    shares[0][1] = None
    gap = frontier(alone, key, dominance=shares)
    rows = list(csv.DictReader(io.StringIO(spreadsheets(alone[0], gap)["dominance.csv"])))
    found = {(row["cost"], row["dominator"], row["dominated"]): row["percent"] for row in rows}
    assert len(found) == len(rows)
    names = gap.systems
    assert found == {
        (own.key, names[one], names[other]): "" if share is None else str(share)
        for own in dominations(alone[0], gap)
        for (one, other), share in pairs(own).items()
        if share != 0
    }


def test_without_an_analysis_there_is_nothing_and_the_table_is_empty(alone: Shown) -> None:
    assert dominations(alone[0], NO_ANALYSIS) == []
    assert spreadsheets(alone[0])["dominance.csv"] == "cost,dominator,dominated,percent\n"
