from __future__ import annotations

import json
import re
import unicodedata
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st

from xpareto.reports.text.escaping import code, embedded_json, markdown, spreadsheet, visible
from xpareto.reports.text.glossary import TERMS
from xpareto.reports.text.numbers import number, points, three_digits

ANY_TEXT = st.text(st.characters(codec=None), max_size=40)


@given(ANY_TEXT)
def test_visible_text_holds_nothing_that_hides_or_reorders(text: str) -> None:
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cf", "Cs", "Zl", "Zp")]
    assert not any(unicodedata.bidirectional(char) in ("RLO", "LRO", "RLE", "RLI") for char in shown)
    shown.encode("utf-8")


@given(ANY_TEXT)
def test_embedded_json_cannot_end_its_script_and_reads_back(text: str) -> None:
    made = embedded_json({"a": [text, 1.5, None]})
    assert not set("<>&\u2028\u2029") & set(made)
    assert json.loads(made) == {"a": [visible(text), 1.5, None]}


@given(ANY_TEXT)
def test_escaped_text_stays_in_its_markdown_cell(text: str) -> None:
    for made in (markdown(text), code(text)):
        assert "\n" not in made
        assert "|" not in made.replace("\\|", "")
    bare = markdown(text).replace("\\\\", "").replace("\\<", "").replace("\\`", "")
    assert "<" not in bare
    assert "`" not in bare


@given(ANY_TEXT)
def test_no_spreadsheet_cell_starts_a_formula(text: str) -> None:
    assert not spreadsheet(text).startswith(("=", "+", "-", "@", "\t"))


@given(st.floats(min_value=1e-8, max_value=1e12))
def test_three_digits_are_within_half_a_percent(value: float) -> None:
    assert abs(float(three_digits(value)) - value) <= 0.0051 * value + 1e-9


def test_units_are_scaled_and_named() -> None:
    assert number(1_100_000_000, "bytes") == "1.10 GB"
    assert number(999, "bytes") == "999 B"
    assert number(0.0000021, "J") == "2.10 µJ"
    assert number(None, "ms") == "–"
    assert number(12_345.0, "ms") == "12.3 s"
    assert (points(-0.04), points(-1.26)) == ("0.0", "\u22121.3")


def test_every_word_that_is_explained_is_used_and_every_word_used_is_explained() -> None:
    templates = files("xpareto.reports").joinpath("templates")
    used = {
        word
        for file in templates.iterdir()
        for word in re.findall(r'term\("(.+?)"', file.read_text(encoding="utf-8"))
    }
    assert used == set(TERMS)
