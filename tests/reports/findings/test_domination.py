"""Who dominates whom, as the page and the table show it."""

from __future__ import annotations

import csv
import io
from base64 import b64decode
from typing import Any

import pytest

from tests.reports.analysed_run import changed, document_of
from xpareto.eval.analyses.documents.summary import NO_ANALYSIS, Summary
from xpareto.eval.results.summary import RunSummary
from xpareto.reports.findings import domination
from xpareto.reports.findings.domination import Domination, dominations
from xpareto.reports.findings.membership import panels
from xpareto.reports.formats.csv import spreadsheets
from xpareto.reports.formats.page_data import figure_data

Shown = tuple[RunSummary, Summary]


def frontier(shown: Shown, key: str, **facts: Any) -> Summary:
    """Return the summary with other facts in one frontier."""
    frontiers = document_of(shown[1])["frontiers"]
    return changed(shown, frontiers={**frontiers, key: {**frontiers[key], **facts}})


def pairs(own: Domination) -> dict[tuple[int, int], int]:
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
        document = alone[1].frontiers[own.key]
        places = document.systems
        assert sorted(own.systems) == sorted(places)
        assert pairs(own) == {
            (one, other): document.dominance[row][column]
            for row, one in enumerate(places)
            for column, other in enumerate(places)
            if one != other
        }
        assert own.membership == tuple(document.membership[places.index(place)] for place in own.systems)


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
    last = [place for place in whole.systems if place != alone[1].base][-1]
    monkeypatch.setattr(domination, "ROOM", 3)
    few = dominations(alone[0], frontier(alone, whole.key, on=[last]))[0]
    chosen = [few.systems[at] for at in few.foremost]
    assert len(chosen) == 3 and {alone[1].base, last} <= set(chosen)
    rest = next(place for place in few.systems if place not in (alone[1].base, last))
    assert chosen == [place for place in few.systems if place in {alone[1].base, last, rest}]


def test_the_page_has_one_byte_for_each_share(alone: Shown) -> None:
    own = dominations(*alone)[0]
    data = figure_data(*alone)["analysis"]["dominations"][0]
    packed = list(b64decode(data["shares"]))
    assert packed == [share for row in own.shares for share in row]
    assert len(packed) == len(own.systems) ** 2
    document = alone[1].frontiers[own.key]
    place = {system: at for at, system in enumerate(own.systems)}
    first, second = document.systems[:2]
    assert packed[place[first] * len(place) + place[second]] == document.dominance[0][1]
    assert data["title"] == "latency at batch 1"


def test_the_table_has_each_pair_that_is_not_zero(alone: Shown) -> None:
    rows = list(csv.DictReader(io.StringIO(spreadsheets(*alone)["dominance.csv"])))
    found = {(row["cost"], row["dominator"], row["dominated"]): row["percent"] for row in rows}
    assert len(found) == len(rows)
    names = alone[1].names
    assert found == {
        (own.key, names[one], names[other]): str(share)
        for own in dominations(*alone)
        for (one, other), share in pairs(own).items()
        if share != 0
    }


def test_without_an_analysis_there_is_nothing_and_the_table_is_empty(alone: Shown) -> None:
    assert dominations(alone[0], NO_ANALYSIS) == []
    assert spreadsheets(alone[0])["dominance.csv"] == "cost,dominator,dominated,percent\n"
