"""Who dominates whom, in a real browser."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.reports.analysed_run import analysed_run, read, reported
from tests.reports.browser import Browser, quiet
from xpareto.eval.analyses.documents.summary import Summary

pytestmark = pytest.mark.browser


def _share(analysis: Summary, cost: str, one: str, other: str) -> int:
    """Return in what percent of the draws one system dominates another, from the document."""
    frontier = analysis.frontiers[cost]
    row, column = (frontier.systems.index(analysis.names.index(name)) for name in (one, other))
    share: int = frontier.dominance[row][column]
    return share


def _matrix(browser: Browser) -> dict[tuple[str, str], str]:
    """Return the text of each cell by the names of its row and its column."""
    rows = browser.run(
        "const text = (th) => th.getAttribute('aria-label') || th.querySelector('.name').textContent;"
        "const heads = [...document.querySelectorAll('.dominance thead th')].slice(1).map(text);"
        "return [...document.querySelectorAll('.dominance tbody tr')].flatMap(row =>"
        " [...row.cells].slice(1).map((td, n) => [text(row.cells[0]), heads[n], td.textContent]))"
    )
    return {(row, column): text for row, column, text in rows}


def test_who_dominates_whom_is_a_table_that_follows_the_cost(
    browser: Browser, seeded: Path, tmp_path: Path
) -> None:
    browser.go(reported(seeded, tmp_path / "out"))
    browser.unfold()
    _, analysis = read(seeded, tmp_path / "out")
    assert browser.run("return document.getElementById('dominance').open")  # six systems: visible at once
    assert browser.run("return document.querySelectorAll('.dominance th:not([scope])').length") == 0
    for choice, cost in enumerate(analysis.frontiers):
        browser.choose("certainty-cost", choice)
        found = _matrix(browser)
        assert len(found) == 6 * 6
        for (row, column), text in found.items():
            assert text == ("–" if row == column else str(_share(analysis, cost, row, column)))
        title = browser.run("return document.querySelectorAll('.panel')[" + str(choice) + "].dataset.title")
        assert browser.text("dominance-cost").lower() == title.lower()

    # the pointer and the keyboard have the pair read out in full
    browser.choose("certainty-cost", 0)
    names = list(dict.fromkeys(row for row, _ in _matrix(browser)))

    def sentence(row: int, column: int) -> str:
        one, other = names[row], names[column]
        there, back = (_share(analysis, "latency_ms", *pair) for pair in ((one, other), (other, one)))
        return f"{one} dominates {other} in {there} % of the draws, and is dominated by it in {back} %."

    browser.hover(".dominance tbody tr:nth-child(5) td:nth-child(3)")
    assert browser.text("dominance-said") == sentence(4, 1)
    lit = browser.run(
        "return [...document.querySelectorAll('.dominance .here .name')].map(e => e.textContent)"
    )
    assert set(lit) == {names[4], names[1]}
    stops = "return document.querySelectorAll('.dominance [tabindex=\"0\"]').length"
    assert browser.run(stops) == 1  # one stop on the way with Tab, arrows inside
    browser.run("document.querySelector('#dominance .scroll').focus()")
    browser.press("\ue004")  # Tab
    assert browser.text("dominance-said") == sentence(0, 1)
    for key, place in (
        ("\ue014", (0, 2)), ("\ue015", (1, 2)), ("\ue010", (1, 5)), ("\ue012", (1, 4)), ("\ue00f", (5, 4)),
        ("\ue014", (5, 5)), ("\ue014", (5, 5)), ("\ue011", (5, 0)), ("\ue013", (4, 0)), ("\ue00e", (0, 0)),
    ):  # fmt: skip
        browser.press(key)
        here = browser.run(
            "const e = document.activeElement; return [e.parentNode.rowIndex - 1, e.cellIndex - 1]"
        )
        assert tuple(here) == place
        if place[0] != place[1]:
            assert browser.text("dominance-said") == sentence(*place)
    assert f"{names[0]} is on the frontier in" in browser.text("dominance-said")
    assert browser.run(stops) == 1

    # one system against the others, and the choice stays where the cost changes
    system = analysis.names.index(names[-1])
    browser.choose("dominance-view", system)
    for choice, cost in ((0, "latency_ms"), (1, "size_bytes")):
        browser.choose("certainty-cost", choice)
        above, below = browser.run(
            "return [...document.querySelectorAll('#dominance .sides table')]"
            ".map(t => [...t.querySelectorAll('tbody tr')].map(r => [r.cells[0].textContent, +r.cells[1].textContent]))"
        )
        others = [name for name in names if name != names[-1]]
        over = {name: _share(analysis, cost, name, names[-1]) for name in others}
        under = {name: _share(analysis, cost, names[-1], name) for name in others}
        assert dict(above) == {name: share for name, share in over.items() if share}
        assert dict(below) == {name: share for name, share in under.items() if share}
        assert [share for _, share in above] == sorted((share for _, share in above), reverse=True)
    assert browser.run("return document.getElementById('dominance-said').offsetHeight") == 0
    quiet(browser)


def test_ink_on_every_shade_can_be_read(browser: Browser, seeded: Path, tmp_path: Path) -> None:
    """At least the 4.5 to 1 of WCAG for every percent, in light and in dark."""
    browser.go(reported(seeded, tmp_path / "out"))
    browser.unfold()
    for dark in (False, True):
        browser.dark(dark)
        low = browser.run("""
            const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
            const light = (colour) => {
              pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
              const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map(v => v / 255)
                .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
              return .2126 * r + .7152 * g + .0722 * b + .05;
            };
            const td = document.querySelector('.dominance td.shade'), found = [];
            for (let v = 0; v <= 100; v++) {
              td.style.setProperty('--share', v + '%');
              td.className = 'shade ' + (v === 0 ? 'nought' : v >= 67 ? 'deep' : v >= 47 ? 'half' : '');
              const own = getComputedStyle(td), [a, b] = [light(own.color), light(own.backgroundColor)];
              found.push([Math.max(a, b) / Math.min(a, b), v]);
            }
            return found.filter(([ratio]) => ratio < 4.5)""")
        assert low == []


def test_many_systems_are_the_foremost_first_and_a_map(browser: Browser, tmp_path: Path) -> None:
    run = analysed_run(
        tmp_path / "run", arms=tuple(f"arm-{n}" for n in range(14)), seeds=(0,), examples=20, repeats=2
    )
    browser.go(reported(run, tmp_path / "out"))
    browser.unfold()
    _, analysis = read(run, tmp_path / "out")
    assert browser.run("return document.getElementById('dominance-figure').childElementCount") == 0
    browser.run("document.querySelector('#dominance summary').focus()")
    browser.press("\ue007")  # Enter
    for _ in range(50):  # details tell of their opening a little later
        if found := _matrix(browser):
            break
        time.sleep(0.1)
    assert len(found) == 40 * 40
    frontier = analysis.frontiers["latency_ms"]
    shown = {row for row, _ in found}
    assert {analysis.names[place] for place in (analysis.base, *frontier.on)} <= shown
    for (row, column), text in found.items():
        assert text == ("–" if row == column else str(_share(analysis, "latency_ms", row, column)))

    browser.choose("dominance-view", "all")
    names = browser.run(
        "return [...document.querySelectorAll('#dominance-view optgroup option')].map(o => o.textContent)"
    )
    assert sorted(names) == sorted(analysis.names)
    browser.run("document.querySelector('#dominance .map').focus()")
    browser.press("\ue00f", "\ue015", "\ue010")  # PageDown, Down, End
    share = _share(analysis, "latency_ms", names[11], names[41])
    assert browser.text("dominance-said").startswith(
        f"{names[11]} dominates {names[41]} in {share} % of the draws, "
    )
    # every cell is drawn once, in the shade of its share
    drawn = browser.run(
        "return [...document.querySelectorAll('#dominance .map path')].map(p => [p.style.getPropertyValue('--share'),"
        " [...p.getAttribute('d').matchAll(/h(\\d+)v/g)].reduce((sum, m) => sum + +m[1], 0)])"
    )
    counts: dict[str, int] = {"": 42}  # the diagonal
    for row, shares in enumerate(frontier.dominance):
        for column, share in enumerate(shares):
            if row != column:
                counts[f"{share}%"] = counts.get(f"{share}%", 0) + 1
    assert dict(drawn) == counts
    browser.hover("#dominance .map")
    middle = {names[20], names[21]}  # the pixel lies on their border
    assert any(browser.text("dominance-said").startswith(f"{name} ") for name in middle)
    for choice in range(3):
        browser.choose("certainty-cost", choice)  # the map stays one
        assert browser.run("return document.querySelectorAll('#dominance .map').length") == 1
    quiet(browser)
