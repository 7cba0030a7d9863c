from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.recipe.located_yaml import dump_yaml, parse_yaml, read_yaml


def test_every_key_and_item_has_its_line() -> None:
    found = parse_yaml("a: 1\nb:\n  - c: x\n    d: y\n", "r.yaml")
    assert found.value == {"a": 1, "b": [{"c": "x", "d": "y"}]}
    assert found.at(("b", 0, "d")) == "r.yaml:4: b.0.d"
    assert found.at(("b", 0, "nothing")).startswith("r.yaml:3:")


@pytest.mark.parametrize(
    ("text", "value"),
    [("on", "on"), ("no", "no"), ("yes", "yes"), ("1e-5", 1e-5), ("3", 3), ("1:30", "1:30"), ("010", 10),
     ("0x1F", "0x1F"), ("0o17", "0o17"), ("1_000", "1_000"), ("2026-01-01", "2026-01-01"), (".inf", ".inf"),
     (".nan", ".nan"), ("=", "="), ("y", "y"), ("Off", "Off"), ("TRUE", True), ("+1", 1), ("1E+3", 1000.0), ("5.", 5.0),
     ("!!str 5", "5"), ("!!float 5", 5.0), ("'5'", "5"), ("NULL", None), ("tRue", "tRue"), ("e5", "e5"),
     ("true", True), ("~", None), ("", None), ("1.5", 1.5), (".5", 0.5), ("-2", -2), ("1.2.3", "1.2.3")],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = parse_yaml(f"key: {text}", "r.yaml").value["key"]
    assert found == value and type(found) is type(value)


ALIAS_BOMB = "x0: &x0 [a, a, a, a]\n" + "".join(
    f"x{at}: &x{at} [{', '.join([f'*x{at - 1}'] * 30)}]\n" for at in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2", 2, "given twice"),
        ("a: [1, 2", 1, "not valid YAML"),
        ("a: 1\n1: 2", 2, "expected a name as key"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", 2, "not valid YAML"),
        ("a: 1\nb: !!timestamp 2026-01-01", 2, "plain data"),
        ("a: 1\nb: !!int x", 2, "plain data"),
        ("a: 1\nb: !!binary", 2, "plain data"),
        ("a: !!set\n  ? b", 1, "plain data"),
        ("a: 1\n[b]: 2", 2, "expected a name as key, found a sequence"),
        ("a: 1\nyes: 1\ntrue: 1", 3, "expected a name as key, found true"),
        ("a: 1\n---\nb: 1", 2, "another document"),
        ("a: 1\nb: \x1b", 2, "special characters"),
        ("a: &x [*x]", 1, "refers to itself"),
        ("a: 1\nb: " + "9" * 5000, 2, "expected a number, found one of 5,000 characters"),
        ("a: 1\nb: 99999999999999999999", 2, "expected a number of 64 bits"),
        ("a: 1\nb: 1e999", 2, "expected a finite number"),
        ('a: 1\nb: "\\ud800"', 2, r"found the character U\+D800"),
        ('a: 1\n"\\0": 2', 2, r"found the character U\+0000"),
        ('a: 1\nb: "\\x1b[31m"', 2, r"found the character U\+001B"),
        ("a: " + "[" * 5000 + "]" * 5000, 1, "expected at most 40 levels"),
        ("a: 1\nb: [" + "x," * 20_000 + "]", 2, "more than 10,000 keys and values"),
        (ALIAS_BOMB, 4, "aliases .* counted"),
    ],
)
def test_bad_yaml_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        parse_yaml(text, "r.yaml")
    assert f"r.yaml:{line}" in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_yaml(file)


def test_what_is_too_large_or_no_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("# " + "x" * (1 << 20))
    with pytest.raises(InputError, match="at most 256 KiB"):
        read_yaml(file)
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(InputError, match="expected a file with a recipe"):
        read_yaml(tmp_path / "pipe.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_yaml(file).value == {"name": "x"}


def test_keys_keep_their_words_and_an_alias_is_a_copy() -> None:
    found = parse_yaml("on: &it {no: [1]}\nit: *it\n1:30: 1", "r.yaml")
    assert found.value == {"on": {"no": [1]}, "it": {"no": [1]}, "1:30": 1}
    assert found.value["on"] is not found.value["it"]
    assert [found.lines[(key,)] for key in found.value] == [1, 2, 3]


@pytest.mark.filterwarnings("error")
def test_an_anchor_that_is_given_again_counts_from_there_without_a_warning() -> None:
    assert parse_yaml("[&a 1, *a, &a 2, *a]", "r.yaml").value == [1, 1, 2, 2]


TEXT = st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\t\n\x85")


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63) + 1, 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(TEXT),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(TEXT, min_size=1), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
@example({"\x85": None})
@example({"0E0": "1e5"})
@example(["a\u2028b", " \u2029", "\x85\n "])
def test_what_is_dumped_is_read_back(value: object) -> None:
    assert parse_yaml(dump_yaml({"value": value}), "r.yaml").value == {"value": value}


def test_a_mapping_takes_the_keys_of_others_and_its_own_count() -> None:
    text = """\
a: &a {x: 1, y: [2, 3]}
b: &b {x: 4, z: 5}
c:
  y:
    - 6
  <<: *a
d: {<<: [*a, *b], q: 7}
e: {"<<": 8}
"""
    read = parse_yaml(text, "f.yaml")
    assert read.value["c"] == {"x": 1, "y": [6]}
    assert read.value["d"] == {"x": 1, "y": [2, 3], "z": 5, "q": 7}  # of several, the first counts
    assert read.value["e"] == {"<<": 8}
    places = {"x": 1, "y": 4}
    assert {name: read.lines["c", name] for name in places} == places and read.lines["c", "y", 0] == 5
    assert ("c", "y", 1) not in read.lines and read.lines["d", "z"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {<<: 3}", "f:1: expected a mapping behind <<, such as *name, found scalar."),
        ("a:\n  <<: [1]", "f:2: expected a mapping behind <<"),
        (
            "a: &a\n  <<: *a",
            "f:2: expected at most 40 levels, found more, or an alias that refers to itself.",
        ),
        ("b: &b {x: 1}\na: {<<: *b, x: 1, x: 2}", "f:2: the key x is given twice."),
    ],
)
def test_a_merge_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        parse_yaml(text, "f")
