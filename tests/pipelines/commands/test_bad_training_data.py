"""Bad content of every training set's files is told as file:line before any work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError

RECIPE = """\
xpareto: 1
name: tiny
languages: all
tasks: [udpos]
steps:
  - {step: train, label: middle, on: NAME, max_steps: 1}
  - {step: train, label: fp32, on: each, max_steps: 1}
"""
SWAG: dict[str, Any] = {"ctx": "a", "endings": ["b", "c"], "label": 0}
COMMON: dict[str, Any] = {
    "answerKey": "A",
    "question": {"stem": "q", "choices": [{"label": "A", "text": "x"}, {"label": "B", "text": "y"}]},
}
HEADER = "context,question,answer0,answer1,label\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("train-en", "dev-en", "test-en"):
        write(tmp_path / f"data/xtreme/udpos/{name}.tsv", "a\tDET\n")
    return tmp_path / "data"


def write(file: Path, content: str | list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else "".join(json.dumps(one) + "\n" for one in content)
    file.write_text(text)


GOOD: dict[str, tuple[str, str | list[dict[str, Any]]]] = {
    "hellaswag": ("intermediate/hellaswag/hellaswag_train.jsonl", [SWAG, SWAG]),
    "hellaswag@de": ("intermediate/hellaswag/de/train.jsonl", [SWAG]),
    "commonsenseqa": ("intermediate/commonsenseqa/train_rand_split.jsonl", [COMMON]),
    "cosmosqa": ("intermediate/cosmosqa/train.csv", f"{HEADER}a,b,c,d,1\n"),
    "ccg": ("intermediate/ccg/train.stagged", "a|DT|NP/N dog|NN|N\n"),
    "qqp": ("intermediate/qqp/train.jsonl", [{"sentence1": "a", "sentence2": "b", "label": 1}]),
    "anli": ("intermediate/anli/r1-train.jsonl", [{"context": "a", "hypothesis": "b", "label": "c"}]),
    "panx": ("xtreme/panx/train-en.tsv", "Anton\tB-PER\n"),
    "pawsx": ("xtreme/pawsx/train-en.tsv", "a\tb\t1\n"),
}
BAD: list[tuple[str, str | list[dict[str, Any]], str]] = [
    ("hellaswag", [SWAG, SWAG | {"label": 5}], "2: label: expected one of 0, 1"),
    ("hellaswag", '{"ctx": "a", "endi', "1: expected one JSON object"),
    ("commonsenseqa", [COMMON, {"question": COMMON["question"]}], "2: expected a field answerKey"),
    ("cosmosqa", f"{HEADER}a,b,c\n", "2: expected 5 cells"),
    ("ccg", "a|DT|NP/N dog|NN\n", "1: expected word|POS|supertag"),
    ("qqp", [{"sentence1": "a", "sentence2": "b", "label": 2}], "1: label: expected text, found 2"),
    ("anli", [{"context": "a", "label": "c"}], "1: expected a field sentence2 or hypothesis"),
    ("panx", "Anton\tB-PER\nruft\n", "2: expected word, tab, tag"),
    ("hellaswag", [SWAG, SWAG | {"ctx": "a\ud800"}], "2: expected text, found half a character, \\ud800"),
    (
        "qqp",
        [{"sentence1": "a", "sentence2": "\udc00b", "label": 1}],
        "1: expected text, found half a character",
    ),
    ("panx", "Anton\tB-PER\n\n" + "\0" * 4096, "3: expected text, found a byte of zero"),
    ("ccg", "\0" * 4096, "1: expected text, found a byte of zero"),
    ("cosmosqa", f"{HEADER}a,b\0,c,d,1\n", "2: expected text, found a byte of zero"),
    ("pawsx", "a\tb\tyes\n", '1: label "yes" is not one of 0, 1'),
]


def with_english(root: Path, name: str) -> None:
    own = name.partition("@")[0]
    file, content = GOOD[own]
    write(root / file, content)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_good_data_pass(root: Path, name: str, preflight: Callable[[Path, str], Any]) -> None:
    with_english(root, name)
    write(root / GOOD[name][0], GOOD[name][1])
    assert preflight(root, RECIPE.replace("NAME", name))


@pytest.mark.parametrize(("name", "content", "words"), BAD)
def test_bad_data_are_named_by_file_and_line(
    root: Path,
    preflight: Callable[[Path, str], Any],
    name: str,
    content: str | list[dict[str, Any]],
    words: str,
) -> None:
    file = root / GOOD[name][0]
    write(file, content)
    with pytest.raises(InputError) as caught:
        preflight(root, RECIPE.replace("NAME", name))
    assert str(caught.value).startswith(f"{file}:{words}")


@pytest.mark.parametrize("name", sorted(GOOD))
def test_data_that_are_not_there_name_what_is_expected(
    root: Path, name: str, preflight: Callable[[Path, str], Any]
) -> None:
    with pytest.raises(
        InputError, match=rf"no train data of {name.partition('@')[0]}( in de)?; expected one"
    ):
        preflight(root, RECIPE.replace("NAME", name))
