from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import summarize
from xpareto.reports.formats.all_forms import build
from xpareto.reports.formats.csv import spreadsheets
from xpareto.reports.formats.page import page
from xpareto.reports.text.escaping import visible

Make = Callable[..., Path]


class _Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.raw:
            self.raw[self._inside].append(data)
        else:
            self.words += data


@pytest.fixture
def made(make_run: Make) -> str:
    return page(summarize(read_runs([make_run()])))


def test_every_candidate_and_the_baseline_are_in_the_table(make_run: Make) -> None:
    run = read_runs([make_run()])
    text = page(summarize(run))
    table = text[text.index('id="candidate-table"') : text.index("</table>", text.index("candidate-table"))]
    words = _Parsed(table).words
    assert table.count("<tr") == 1 + len(run.candidates)
    for candidate in run.candidates:
        assert visible(candidate.name) in words
    assert re.search(r"none/target/torch.*?baseline", words, re.DOTALL)
    assert "failed: 3" in words and "value is nan" in words


def test_hostile_names_add_no_element_no_handler_and_no_script(made: str, make_run: Make) -> None:
    hostile, tame = _Parsed(made), _Parsed(page(summarize(read_runs([make_run(hostile=False)]))))
    # A name's slashes are places where a line may break: <wbr>, as many as it has.
    one, other = ([tag for tag, _ in own.tags if tag != "wbr"] for own in (hostile, tame))
    assert one == other
    assert all(not found for tag, found in hostile.tags if tag == "wbr")
    assert "img" not in {tag for tag, _ in hostile.tags}
    assert not [name for _, found in hostile.tags for name in found if name.startswith("on")]
    assert "\u202e" not in made and "\u2028" not in made


def test_the_page_loads_nothing_from_anywhere(made: str) -> None:
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|fetch\(|XMLHttpRequest", made)
    parsed = _Parsed(made)
    assert not [1 for tag, found in parsed.tags if "src" in found or tag in ("link", "iframe", "img")]
    assert all(str(found.get("href")).startswith("#") for tag, found in parsed.tags if tag == "a")
    assert len(made.encode()) < 6_000_000


def test_the_policy_allows_exactly_the_pages_own_style_and_script(made: str) -> None:
    parsed = _Parsed(made)
    policy = next(str(a["content"]) for t, a in parsed.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    for kind, text in (("style", parsed.raw["style"][0]), ("script", parsed.raw["script"][-1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not [1 for _, found in parsed.tags if "style" in found]


def test_the_data_in_the_page_are_the_numbers_of_the_study(make_run: Make) -> None:
    found = summarize(read_runs([make_run()]))
    data = json.loads(_Parsed(page(found)).raw["script"][0])
    names = [candidate.name for candidate in found.run.candidates]
    assert names[data["baseline"]] == found.run.baseline
    for place, name in enumerate(names):
        assert data["candidates"][place]["values"] == pytest.approx(
            {key: found.value(name, key) for key in found.shown}
        )
    for pair, places in data["frontiers"].items():
        x, y = pair.split("|")
        assert [names[place] for place in places] == list(found.frontiers[x, y])
    codes = [code for code, *_ in data["languages"]]
    assert [0, codes.index("eu")] in data["missing"]


def test_the_same_run_gives_the_same_bytes(make_run: Make, tmp_path: Path) -> None:
    folder = make_run()
    first = [path.read_bytes() for path in build([folder], tmp_path / "one")]
    assert first == [path.read_bytes() for path in build([folder], tmp_path / "two")]


def test_provenance_environment_and_command_are_there(made: str) -> None:
    words = _Parsed(made).words
    for text in (
        "xpareto run fake --seed 0",
        "Some CPU",
        "quantize_dynamic",
        "epochs = 2",
        "a<b>&c",
        "arms: {none",
    ):
        assert text in words
    assert len(re.findall(r"<code>[0-9a-f]{64}</code>", made)) == 8 * 3


def test_an_unwritable_place_is_named(make_run: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written to"):
        build([make_run()], tmp_path / "file")


def test_every_heading_is_in_order_and_every_select_has_a_label(made: str) -> None:
    levels = [int(tag[1]) for tag, _ in _Parsed(made).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert made.count("<label>") == made.count("<select")


def test_the_tables_are_csv_and_no_cell_is_a_formula(make_run: Make) -> None:
    found = summarize(read_runs([make_run()]))
    texts = spreadsheets(found)
    expected = {"candidates", "scores", "making", "failures", "dominance"}
    assert set(texts) == {f"{name}.csv" for name in expected}
    for text in texts.values():
        rows = list(csv.reader(io.StringIO(text)))
        assert len({len(row) for row in rows}) == 1
    rows = list(csv.DictReader(io.StringIO(texts["candidates.csv"])))
    assert [row["candidate"] for row in rows] == [visible(c.name) for c in found.run.candidates]
    assert sum(int(row["baseline"]) for row in rows) == 1
