"""The page in a real browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reports.analysed_run import analysed_run, read, reported
from tests.reports.browser import Browser, quiet
from tests.reports.conftest import HOSTILE, LANGUAGES
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import summarize
from xpareto.reports.findings.answer import picks
from xpareto.reports.formats.all_forms import build
from xpareto.reports.text.glossary import TERMS

pytestmark = pytest.mark.browser


def test_the_page_works_offline_without_a_complaint(
    browser: Browser, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_run()
    found = summarize(read_runs([folder]))
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
    assert all(found.objectives[name].title in shown for name in found.shown)
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
    assert "beyond doubt" not in browser.text("heat-note")  # without an analysis nobody knows
    browser.choose("heat-mode", "score")
    assert "Lowest" in browser.run("return document.getElementById('heat-note').textContent")

    width = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]  # wide tables scroll by themselves, the page does not
    assert browser.complaints() == []


POINTS = (
    "return [...document.querySelectorAll('#chart .point')].map(p => "
    "[+p.dataset.candidate, p.getAttribute('aria-label')])"
)


def test_the_chart_tells_how_sure_each_point_is(browser: Browser, tmp_path: Path) -> None:
    run = analysed_run(tmp_path / "run", seeds=(0,))
    browser.go(reported(run, tmp_path / "out"))
    found, analysis = read(run, tmp_path / "out")
    frontier = analysis.frontiers["latency_ms"]
    for place, words in browser.run(POINTS):
        name = found.run.candidates[place].name
        at = frontier.systems.index(analysis.members.index((name,)))
        assert f"frontier probability {frontier.membership[at]} %" in words
    deployed = next(iter(picks(found, analysis))).model
    words = [words for place, words in browser.run(POINTS) if found.run.candidates[place].name == deployed]
    assert [told.endswith(", the one to deploy") for told in words] == [True]
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
    quiet(browser)


def test_a_filter_recomputes_scores_and_frontier_and_hides_what_is_of_the_whole_set(
    browser: Browser, seeded: Path, tmp_path: Path
) -> None:
    browser.go(reported(seeded, tmp_path / "out"))
    found, _ = read(seeded, tmp_path / "out")
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
    quiet(browser)


def test_tables_figures_and_choices_answer(browser: Browser, seeded: Path, tmp_path: Path) -> None:
    browser.go(reported(seeded, tmp_path / "out"))
    found, analysis = read(seeded, tmp_path / "out")
    names = [candidate.name for candidate in found.run.candidates]

    # one frontier's table at a time
    for choice in range(len(analysis.frontiers)):
        browser.choose("certainty-cost", choice)
        seen = browser.run("return [...document.querySelectorAll('.panel')].map(p => p.offsetHeight > 0)")
        assert seen == [place == choice for place in range(len(seen))]
    browser.choose("certainty-cost", 0)
    browser.run("document.querySelectorAll('.members')[0].querySelectorAll('thead button')[1].click()")
    shares = browser.run(
        "return [...document.querySelectorAll('.members')[0].tBodies[0].rows].map(r => +r.cells[1].dataset.v)"
    )
    assert shares == sorted(shares)
    assert shares == sorted(analysis.frontiers["latency_ms"].membership)

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
    system = next(at for at in range(len(analysis.names)) if at != analysis.base)
    browser.choose("forest-system", system)
    drops = analysis.fairness[system].drops
    shown = browser.run(
        "return [...document.querySelectorAll('#forest tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    order = sorted(drops, key=lambda code: -drops[code].value)
    assert [row[0].split("(")[1].rstrip(")") for row in shown] == order
    assert analysis.flips is not None
    flips = analysis.flips[order[0]][system]
    assert float(shown[0][5].removesuffix(" %")) == pytest.approx(
        100 * flips.changed / flips.examples, abs=0.051
    )

    # seeds
    arms = analysis.attainment["latency_ms"].arms
    lines = sum(bool(corners) for own in arms.values() for corners in own.surfaces)
    assert browser.run("return document.querySelectorAll('#seeds-surfaces .surface').length") == lines
    regions = analysis.attainment["latency_ms"].differences[0].regions
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
    quiet(browser)


def test_it_is_seen_in_light_dark_narrow_and_on_paper(browser: Browser, seeded: Path, tmp_path: Path) -> None:
    browser.go(reported(seeded, tmp_path / "out"))
    looks = {}
    for name, dark, width in (("light", False, 1400), ("dark", True, 1400), ("narrow", False, 420)):
        browser.dark(dark)
        browser.width(width)
        picture = browser.screenshot(tmp_path / f"page-{name}.png")
        assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 50_000
        looks[name] = browser.run("return getComputedStyle(document.body).backgroundColor")
        quiet(browser)
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


def test_what_is_folded_is_short_and_a_link_opens_it(browser: Browser, seeded: Path, tmp_path: Path) -> None:
    page = reported(seeded, tmp_path / "out")
    for width, most in ((1440, 5000), (390, 9000)):
        browser.width(width)
        browser.go(page)
        assert browser.run("return document.documentElement.scrollHeight") < most
    browser.width(1440)
    browser.go(page)
    # the first screen holds the sentence, the command and the picture
    ends = browser.run(
        "return ['#answer .lead', '#answer pre', '#chart'].map(q => document.querySelector(q))"
        ".map(e => e.getBoundingClientRect().bottom)"
    )
    assert max(ends) < 1000
    assert not browser.run("return document.querySelector('#heat .fold').open")
    browser.run("document.querySelector('nav a[href=\"#heat\"]').click()")
    for _ in range(50):  # a click is answered a little later
        if browser.run("return document.querySelector('#heat .fold').open"):
            break
        time.sleep(0.02)
    assert browser.run("return document.querySelector('#heat .fold').open")
    # a word is explained where it stands
    name, shown = browser.run(
        "const asked = document.querySelector('#candidates .term'); asked.click();"
        "const open = [...document.querySelectorAll('.meaning:popover-open')].map(e => e.textContent);"
        "return [asked.textContent, open]"
    )
    # the word that was asked for, and no other, is explained
    (own,) = [term for term in TERMS if name in (term, f"{term}s")]
    assert shown == [f"{own} {TERMS[own]}"]
    quiet(browser)


@pytest.mark.parametrize("width", [390, 1024])
def test_no_cell_is_a_column_of_letters_and_nothing_covers_a_label(
    browser: Browser, seeded: Path, tmp_path: Path, width: int
) -> None:
    browser.width(width)
    browser.go(reported(seeded, tmp_path / "out"))
    browser.unfold()
    assert browser.run(
        "return [...document.querySelectorAll('main :is(td, th)')].filter(e => {"
        "const box = e.getBoundingClientRect();"
        "const inside = e.querySelector('.name, span') || e;"
        "return box.width && box.width < 60 && box.height > 200"
        " && getComputedStyle(inside).writingMode === 'horizontal-tb' }).map(e => e.outerHTML)"
    ) == []  # fmt: skip
    assert (
        browser.run("return getComputedStyle(document.getElementById('dominance-said')).position") == "static"
    )
    # a table that goes on beyond its place says so
    told = browser.run(
        "return [...document.querySelectorAll('.scroll-hint')].filter(e => !e.closest('details:not([open])'))"
        ".map(e => [getComputedStyle(e).display !== 'none',"
        " e.nextElementSibling.scrollWidth > e.nextElementSibling.clientWidth + 1])"
    )
    assert all(shown == wide for shown, wide in told) and any(wide for _, wide in told)


def test_nothing_is_cut_on_paper_and_every_section_is_there(browser: Browser, tmp_path: Path) -> None:
    run = analysed_run(
        tmp_path / "run",
        seeds=(0,),
        examples=20,
        repeats=2,
        tasks=dict.fromkeys(("xnli", "udpos"), tuple(LANGUAGES)),
    )
    browser.go(reported(run, tmp_path / "out"))
    browser.command("Emulation.setEmulatedMedia", media="print", features=[])
    browser.width(718)  # A4 less its margins
    assert browser.run(
        "return [...document.querySelectorAll('main section :is(table, svg)')].filter(e => "
        "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.id || e.outerHTML.slice(0, 80))"
    ) == []  # fmt: skip
    hidden = browser.run(
        "return [...document.querySelectorAll('main .fold')].filter(e => !e.lastElementChild.checkVisibility("
        "{contentVisibilityAuto: true})).map(e => e.parentNode.id)"
    )
    assert hidden == []


def test_the_keyboard_reaches_every_choice_and_every_point(
    browser: Browser, seeded: Path, tmp_path: Path
) -> None:
    browser.go(reported(seeded, tmp_path / "out"))
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
    del document["checksum"]  # as if hostile text had been written in the first place
    document["languages"]["de"] = [HOSTILE, HOSTILE]
    document["left_out"] = {HOSTILE: HOSTILE}
    document["fairness"][2]["by_script"][HOSTILE] = [1.0, 0.5, 1.5]
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
    quiet(browser)
    browser.width(420)
    quiet(browser)


@pytest.mark.slow
def test_a_large_run_is_small_and_opens_fast(browser: Browser, tmp_path: Path) -> None:
    """Of 201 candidates, nine tasks and 40 languages: below 6 MB, and drawn within two seconds."""
    from xpareto.eval.tasks import TASKS

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
    quiet(browser)
