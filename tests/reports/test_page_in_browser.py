"""The page in a real browser."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reports.analysis import Analysis
from reports.build import build
from reports.run import read_runs
from reports.study import study
from tests.reports.analysed_run import analysed_run, read, reported
from tests.reports.browser import CHROMIUM, DRIVER, Browser
from tests.reports.conftest import HOSTILE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def driver_port() -> Iterator[int]:
    if not CHROMIUM or not DRIVER:
        pytest.skip("no Chromium with chromedriver on this machine")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with subprocess.Popen(
        [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield port
        finally:
            process.terminate()


@pytest.fixture
def browser(driver_port: int, tmp_path: Path) -> Iterator[Browser]:
    made = Browser(driver_port, 1400, tmp_path / "profile")
    try:
        yield made
    finally:
        made.close()


def test_the_page_works_offline_without_a_complaint(
    browser: Browser, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_run()
    found = study(read_runs([folder]))
    page = build([folder], tmp_path / "out")[0]
    browser.go(page)

    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert (
        browser.run("const n = performance.getEntriesByType('navigation')[0]; return n.loadEventEnd") < 2000
    )
    assert browser.run("return document.querySelectorAll('img, [onerror]').length") == 0
    names = [candidate.name for candidate in found.run.candidates]

    for x, y in (("latency_ms", "score"), ("size_bytes", "score"), ("throughput", "latency_ms")):
        browser.choose("axis-x", x)
        browser.choose("axis-y", y)
        drawn = browser.run(
            "return [...document.querySelectorAll('#chart .point')].map(p => "
            "[+p.dataset.candidate, p.getAttribute('aria-label').includes('on the frontier')])"
        )
        expected = {n for n in names if found.value(n, x) is not None and found.value(n, y) is not None}
        assert {names[place] for place, _ in drawn} == expected
        assert {names[place] for place, front in drawn if front} == set(found.frontiers[x, y])
        assert browser.run("return document.querySelectorAll('#chart .ring').length") == 1
        assert "NaN" not in browser.run("return document.getElementById('chart').innerHTML")

    # A window that has no focus itself, as some headless ones have not, tells its elements nothing.
    browser.run(
        "const p = document.querySelector('#chart .point'); p.focus(); "
        "if (!document.hasFocus()) p.dispatchEvent(new FocusEvent('focus'))"
    )
    shown = browser.run("const t = document.getElementById('tip'); return t.hidden ? '' : t.textContent")
    assert all(objective.title in shown for objective in found.objectives.values())
    browser.press("\ue00c")  # Escape
    assert browser.run("return document.getElementById('tip').hidden")

    for direction in ("ascending", "descending"):
        browser.run("document.querySelectorAll('#candidate-table thead button')[1].click()")
        cells = browser.run(
            "return [...document.querySelectorAll('#candidate-table tbody tr')].map(r => r.cells[1].dataset.v)"
        )
        known = [float(cell) for cell in cells if cell]
        assert known == sorted(known, reverse=direction == "descending")
        assert "" not in cells[: len(known)]  # those without a value come last either way

    name = "none/int8/onnxruntime"
    browser.choose("heat-candidate", str(names.index(name)))
    row = browser.run(
        "return [...document.querySelectorAll('#heat-table tbody tr')[0].cells].map(c => [c.textContent, c.className])"
    )
    values = [float(text.replace("\u2212", "-")) for text, kind in row[2:] if text and kind == ""]
    changes = [
        found.change(name, "udpos", code)
        for code in sorted(found.run.tasks["udpos"].languages, key=lambda code: (code != "en", code))
    ]
    assert values == [pytest.approx(change, abs=0.0501) for change in changes]
    assert sum(kind == "hatched" for _, kind in row) == 2
    assert "Largest loss" in browser.run("return document.getElementById('heat-note').textContent")
    browser.choose("heat-mode", "score")
    assert "Lowest" in browser.run("return document.getElementById('heat-note').textContent")

    width = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]  # wide tables scroll by themselves, the page does not
    assert browser.complaints() == []


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return analysed_run(tmp_path / "run")


def _quiet(browser: Browser) -> None:
    """Nothing complained, nothing was loaded, nothing is not a number, and the page does not scroll sideways."""
    assert browser.complaints() == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.run(
        "return [...document.querySelectorAll('main svg *')].filter(e => [...e.attributes].some(a => "
        "/NaN|undefined|Infinity/.test(a.value))).map(e => e.outerHTML)"
    ) == []  # fmt: skip
    browser.unfold()
    wide = browser.run(
        "return document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll, pre, svg'))"
        ".map(e => e.tagName + '.' + e.className + ' in ' + e.closest('section, header, nav').id)"
    )
    assert not wide, "\n".join(wide)


POINTS = (
    "return [...document.querySelectorAll('#chart .point')].map(p => "
    "[+p.dataset.candidate, p.getAttribute('aria-label')])"
)


def test_the_chart_tells_how_sure_each_point_is(browser: Browser, tmp_path: Path) -> None:
    run = analysed_run(tmp_path / "run", seeds=(0,))
    browser.go(reported(run, tmp_path / "out"))
    found, analysis = read(run, tmp_path / "out")
    frontier = analysis.found["frontiers"]["latency_ms"]
    for place, words in browser.run(POINTS):
        name = found.run.candidates[place].name
        at = frontier["systems"].index(analysis.members.index((name,)))
        assert f"frontier probability {frontier['membership'][at]} %" in words
    # a cross for every point: across from the cost, up from the score but for the baseline
    count = len(found.run.candidates)
    assert browser.run("return document.querySelectorAll('#chart .whisker').length") == 2 * count - 1
    browser.choose("by-bars", "none")
    assert browser.run("return document.querySelectorAll('#chart .whisker').length") == 0
    browser.hover("#chart .point:not([aria-label*=baseline])")
    shown = browser.text("tip")
    assert "% of the draws" in shown and " to " in shown and "points (" in shown
    browser.choose("axis-y", "size_bytes")  # cost against cost: no such frontier was drawn
    assert "frontier probability" not in str(browser.run(POINTS))
    _quiet(browser)


def test_a_filter_recomputes_scores_and_frontier_and_hides_what_is_of_the_whole_set(
    browser: Browser, seeds: Path, tmp_path: Path
) -> None:
    browser.go(reported(seeds, tmp_path / "out"))
    found, _ = read(seeds, tmp_path / "out")
    browser.choose("by-unit", "candidates")
    browser.run("document.querySelector('#filter-tasks summary').click()")
    browser.run("document.querySelector('#filter-languages summary').click()")

    def tick(group: str, text: str) -> None:
        browser.run(
            f"const l = [...document.querySelectorAll('#filter-{group} .check')].find(l => l.textContent === '{text}');"
            "l.querySelector('input').click()"
        )

    tick("tasks", "tatoeba")
    tick("languages", "Swahili (sw)")
    assert "2 of 3" in browser.text("filter-tasks") and "2 of 3" in browser.text("filter-languages")
    kept = {"xnli": ("en", "de"), "udpos": ("en", "de")}
    expected = {}
    for candidate in found.run.candidates:
        cells = found.cells[candidate.name]
        means = [
            sum(cells[task, code].score.value for code in codes) / len(codes) for task, codes in kept.items()
        ]
        expected[candidate.name] = sum(means) / len(means)
    costs = {name: found.value(name, "latency_ms") for name in expected}
    front = {
        name
        for name in expected
        if not any(
            costs[other] <= costs[name] and expected[other] >= expected[name]
            and (costs[other] < costs[name] or expected[other] > expected[name])
            for other in expected
        )
    }  # fmt: skip
    shown = {found.run.candidates[place].name: words for place, words in browser.run(POINTS)}
    assert set(shown) == set(expected)
    for name, words in shown.items():
        assert float(words.split("Score ")[1].split(" %")[0]) == pytest.approx(expected[name], abs=0.051)
        assert (", on the frontier" in words) == (name in front)
        assert "probability" not in words
    note = browser.text("chart-note")
    assert "of the whole set and are hidden" in note and "2 of 3 (xnli, udpos) tasks" in note
    browser.hover("#chart .point")
    assert "draws" not in browser.text("tip")

    browser.choose("by-unit", "systems")  # means over seeds follow the choice too
    assert len(browser.run(POINTS)) == 6
    browser.run("document.getElementById('filter-clear').click()")
    assert browser.text("chart-note") == "" and "frontier probability" in str(browser.run(POINTS))
    buttons = browser.run(
        "return [...document.querySelectorAll('#filter-languages .quick button')].map(b => b.textContent)"
    )
    assert {"all", "none", "rich in text", "poor in text"} <= set(buttons)
    browser.run(
        "[...document.querySelectorAll('#filter-languages .quick button')].find(b => b.textContent === 'none').click()"
    )
    assert browser.run(POINTS) == []
    assert "No candidate has both values for this choice" in browser.text("chart")
    _quiet(browser)


def test_tables_figures_and_choices_answer(browser: Browser, seeds: Path, tmp_path: Path) -> None:
    browser.go(reported(seeds, tmp_path / "out"))
    found, analysis = read(seeds, tmp_path / "out")
    names = [candidate.name for candidate in found.run.candidates]

    # one frontier's table at a time
    for choice in range(len(analysis.found["frontiers"])):
        browser.choose("certainty-cost", choice)
        seen = browser.run("return [...document.querySelectorAll('.panel')].map(p => p.offsetHeight > 0)")
        assert seen == [place == choice for place in range(len(seen))]
    browser.choose("certainty-cost", 0)
    browser.run("document.querySelectorAll('.members')[0].querySelectorAll('thead button')[1].click()")
    shares = browser.run(
        "return [...document.querySelectorAll('.members')[0].tBodies[0].rows].map(r => +r.cells[1].dataset.v)"
    )
    assert shares == sorted(shares)
    assert shares == sorted(analysis.found["frontiers"]["latency_ms"]["membership"])

    # the way to a candidate, and its sum
    goal = next(own for own in found.run.candidates if own.stage == "int8" and own.seed == 1)
    browser.choose("waterfall-candidate", names.index(goal.name))
    rows = browser.run(
        "return [...document.querySelectorAll('#waterfall-table tbody tr')]"
        ".map(r => [...r.cells].map(c => c.textContent))"
    )
    assert len(rows) == 4 and "baseline" in rows[0][0] and "quantize_dynamic (int8)" in rows[2][0]
    assert rows[-1][0] == "Together"
    base = next(own for own in found.run.candidates if (own.arm, own.stage, own.seed) == ("none", "fp32", 1))
    change = found.value(goal.name, "score") - found.value(base.name, "score")
    total = float(rows[-1][1].split(" points")[0].lstrip("▲▼ ").replace("\u2212", "-"))
    assert total == pytest.approx(change, abs=0.051)
    browser.choose("waterfall-candidate", names.index(found.run.baseline))
    assert "This is the baseline" in browser.text("waterfall-note")

    # languages of one system
    system = next(at for at in range(len(analysis.systems)) if at != analysis.baseline)
    browser.choose("forest-system", system)
    drops = analysis.found["fairness"][system]["drops"]
    shown = browser.run(
        "return [...document.querySelectorAll('#forest tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    order = sorted(drops, key=lambda code: -drops[code][0])
    assert [row[0].split("(")[1].rstrip(")") for row in shown] == order
    flips = analysis.found["flips"][order[0]][system]
    assert float(shown[0][5].removesuffix(" %")) == pytest.approx(100 * flips[1] / flips[0], abs=0.051)

    # seeds
    arms = analysis.found["attainment"]["latency_ms"]["arms"]
    lines = sum(bool(corners) for own in arms.values() for corners in own["surfaces"])
    assert browser.run("return document.querySelectorAll('#seeds-surfaces .surface').length") == lines
    regions = analysis.found["attainment"]["latency_ms"]["differences"][0]["regions"]
    assert browser.run("return document.querySelectorAll('#seeds-difference .region').length") == len(regions)
    browser.choose("seeds-cost", "size_bytes")
    assert "Size on disk" in browser.text("seeds-surfaces")

    for table, count in (
        ("fairness-table", 5),
        ("latency-table", len(names)),
        ("making-table", len(names)),
        ("noise-table", 3),
    ):
        assert browser.run(f"return document.querySelectorAll('#{table} tbody tr').length") == count
    assert "Its own" in browser.text("making") and "Processor time" in browser.text("making")
    assert "tokenization" in browser.text("time") and "1x16" in browser.text("time")
    _quiet(browser)


def _share(analysis: Analysis, cost: str, one: str, other: str) -> int | None:
    """Return in what percent of the draws one system dominates another, from the document."""
    frontier = analysis.found["frontiers"][cost]
    row, column = (frontier["systems"].index(analysis.systems.index(name)) for name in (one, other))
    share: int | None = frontier["dominance"][row][column]
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
    browser: Browser, seeds: Path, tmp_path: Path
) -> None:
    browser.go(reported(seeds, tmp_path / "out"))
    _, analysis = read(seeds, tmp_path / "out")
    assert browser.run("return document.getElementById('dominance').open")  # six systems: visible at once
    assert browser.run("return document.querySelectorAll('.dominance th:not([scope])').length") == 0
    for choice, cost in enumerate(analysis.found["frontiers"]):
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
    system = analysis.systems.index(names[-1])
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
    _quiet(browser)


def test_ink_on_every_shade_can_be_read(browser: Browser, seeds: Path, tmp_path: Path) -> None:
    """At least the 4.5 to 1 of WCAG for every percent, in light and in dark."""
    browser.go(reported(seeds, tmp_path / "out"))
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
    _, analysis = read(run, tmp_path / "out")
    assert browser.run("return document.getElementById('dominance-figure').childElementCount") == 0
    browser.run("document.querySelector('#dominance summary').focus()")
    browser.press("\ue007")  # Enter
    for _ in range(50):  # details tell of their opening a little later
        if found := _matrix(browser):
            break
        time.sleep(0.1)
    assert len(found) == 40 * 40
    frontier = analysis.found["frontiers"]["latency_ms"]
    shown = {row for row, _ in found}
    assert {analysis.systems[place] for place in (analysis.baseline, *frontier["on"])} <= shown
    for (row, column), text in found.items():
        assert text == ("–" if row == column else str(_share(analysis, "latency_ms", row, column)))

    browser.choose("dominance-view", "all")
    names = browser.run(
        "return [...document.querySelectorAll('#dominance-view optgroup option')].map(o => o.textContent)"
    )
    assert sorted(names) == sorted(analysis.systems)
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
    for row, shares in enumerate(frontier["dominance"]):
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
    _quiet(browser)


def test_it_is_seen_in_light_dark_narrow_and_on_paper(browser: Browser, seeds: Path, tmp_path: Path) -> None:
    browser.go(reported(seeds, tmp_path / "out"))
    looks = {}
    for name, dark, width in (("light", False, 1400), ("dark", True, 1400), ("narrow", False, 420)):
        browser.dark(dark)
        browser.width(width)
        picture = browser.screenshot(tmp_path / f"page-{name}.png")
        assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 50_000
        looks[name] = browser.run("return getComputedStyle(document.body).backgroundColor")
        _quiet(browser)
    assert looks["light"] == looks["narrow"] != looks["dark"]
    browser.dark(True)  # paper is white even then
    browser.command(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert (
        browser.run("return getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()")
        == "#000"
    )
    assert all(browser.run("return [...document.querySelectorAll('.panel')].map(p => p.offsetHeight > 0)"))
    assert browser.run("return document.querySelector('nav').offsetHeight") == 0
    assert browser.paper(tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_the_keyboard_reaches_every_choice_and_every_point(
    browser: Browser, seeds: Path, tmp_path: Path
) -> None:
    browser.go(reported(seeds, tmp_path / "out"))
    wanted = browser.run(
        "return [...document.querySelectorAll('main select, main button, main summary, #chart .point, main .scroll')]"
        ".filter(e => e.offsetHeight !== 0 && !(e.closest('details:not([open])') && e.tagName !== 'SUMMARY'))"
        ".filter(e => e.tabIndex < 0 || (e.tagName === 'SELECT' && !e.labels.length)).map(e => e.outerHTML)"
    )
    assert wanted == []
    browser.run("document.querySelector('#axis-x').focus()")
    browser.press("\ue004")  # Tab
    assert browser.run("return document.activeElement.id") == "axis-y"


def test_hostile_text_in_every_place_is_text(
    browser: Browser, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    run = analysed_run(tmp_path / "run", arms=("none", HOSTILE))
    listing = json.loads((run / "candidates.json").read_text())
    long = "W" * 4000
    listing |= {"recipe": HOSTILE + long, "description": HOSTILE, "command": HOSTILE, "data": HOSTILE}
    for own in listing["candidates"]:
        own["steps"][0] |= {"label": HOSTILE, "step": "x" + HOSTILE, "fields": {HOSTILE: long}}
        own["settings"] = {HOSTILE: HOSTILE}
    for own in listing["made"].values():
        own["label"] = HOSTILE + own["label"]
    (run / "candidates.json").write_text(json.dumps(listing))
    page = reported(run, tmp_path / "out")
    document = json.loads((tmp_path / "out" / "analysis.json").read_text())
    document["languages"]["de"] = [HOSTILE, HOSTILE]
    document["fairness"][1]["drops"]["de"][0] = float("nan")
    document["left_out"] = {HOSTILE: HOSTILE}
    document["fairness"][2]["by_script"][HOSTILE] = [1.0, float("inf"), None]
    (tmp_path / "out" / "analysis.json").write_text(json.dumps(document))
    page = build([run], tmp_path / "out")[0]
    browser.go(page)
    for select in ("waterfall-candidate", "forest-system", "heat-candidate", "dominance-view"):
        for choice in browser.run(
            f"return [...document.getElementById('{select}').options].map(o => o.value)"
        ):
            browser.choose(select, choice)
    for trait in ("arm", "stage"):
        browser.choose("by-colour", trait)
    browser.hover("#chart .point")
    assert browser.run("return document.querySelectorAll('img, script[src], [onerror], b b').length") == 0
    assert browser.run("return document.scripts.length") == 2
    assert "\u202e" not in browser.run("return document.documentElement.textContent")
    assert "onerror" in browser.text("seeds-legend")  # it is there to be read
    _quiet(browser)
    browser.width(420)
    _quiet(browser)


@pytest.mark.slow
def test_a_large_run_is_small_and_opens_fast(browser: Browser, tmp_path: Path) -> None:
    """Of 201 candidates, nine tasks and 40 languages: below 6 MB, and drawn within two seconds."""
    from eval.task import TASKS

    codes = tuple(f"l{number:02d}" for number in range(40))
    run = analysed_run(
        tmp_path / "run", arms=tuple(f"arm-{n}" for n in range(67)), seeds=(0,), examples=20, repeats=2,
        tasks=dict.fromkeys(TASKS.names, codes),
    )  # fmt: skip
    page = reported(run, tmp_path / "out")
    assert page.stat().st_size < 6_000_000
    browser.go(page)
    took = browser.run("const n = performance.getEntriesByType('navigation')[0]; return n.loadEventEnd")
    assert took < 2000
    assert len(browser.run(POINTS)) == 201
    for act in ("box.open = true", "view.value = 'all'"):  # what waits for its reader comes at once, too
        spent = browser.run(
            "const box = document.getElementById('dominance'), view = document.getElementById('dominance-view');"
            f"const start = performance.now(); {act};"
            "for (const [node, kind] of [[box, 'toggle'], [view, 'change']]) node.dispatchEvent(new Event(kind));"
            "box.offsetHeight; return performance.now() - start"
        )
        assert spent < 1000
    assert browser.run("return document.querySelectorAll('#dominance .map').length") == 1
    browser.screenshot(tmp_path / "large.png")
    _quiet(browser)
