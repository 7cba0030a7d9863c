from __future__ import annotations

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
        ("a: \x1b", 1, "special characters"),
        ("a: &x [*x]", 1, "not valid YAML|refers to itself"),
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


def test_keys_keep_their_words_and_an_alias_is_a_copy() -> None:
    found = parse_yaml("on: &it {no: [1]}\n<<: *it\n1:30: 1", "r.yaml")
    assert found.value == {"on": {"no": [1]}, "<<": {"no": [1]}, "1:30": 1}
    assert found.value["on"] is not found.value["<<"]
    assert [found.lines[(key,)] for key in found.value] == [1, 2, 3]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)
@example({"\x85": None})
@example({"0E0": "1e5"})
@example(["a\u2028b", " \u2029", "\x85\n "])
def test_what_is_dumped_is_read_back(value: object) -> None:
    assert parse_yaml(dump_yaml({"value": value}), "r.yaml").value == {"value": value}
