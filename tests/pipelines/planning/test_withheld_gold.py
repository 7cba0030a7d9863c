"""What cannot be scored is told before any work, by task, language and file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.planning.withheld_gold import withheld_notes
from xpareto.pipelines.planning.workload import Workload

RECIPE = """\
xpareto: 1
name: tiny
tasks: [TASKS]
steps:
  - {step: train, label: fp32, on: each, max_steps: 1}
"""
TAGGED = "Das\tPRON\nruft\tVERB\n"
WORDS = "Das\nruft\n"
ENGLISH = [f"{number:03}. they say so" for number in range(30)]


def write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder as XTREME's own download leaves it, with German tags put in."""
    root = tmp_path / "data"
    write(root / "udpos/train-en.tsv", TAGGED)
    for language, content in (("de", TAGGED), ("en", WORDS), ("tr", WORDS)):
        write(root / f"udpos/test-{language}.tsv", content)
    write(root / "tatoeba/de-en.de", "".join(f"Satz {number}\n" for number in range(30)))
    write(root / "tatoeba/de-en.en", "".join(f"{line}\n" for line in ENGLISH))
    return root


@pytest.fixture
def told(root: Path, preflight: Callable[[Path, str], Sequence[Workload]]) -> Callable[[str], Any]:
    def tell(tasks: str) -> Any:
        work = preflight(root, RECIPE.replace("TASKS", tasks))
        return work, "\n".join(withheld_notes(work))

    return tell


def test_the_languages_without_gold_are_told_and_the_others_are_scored(
    told: Callable[[str], Any], root: Path
) -> None:
    for _ in range(2):  # as the files are read, and as they were remembered
        [work], text = told("{task: udpos, languages: [de, en, tr]}")
        assert (
            work.scored == ("de",) and set(work.withheld) == {"en", "tr"} and work.asked == ("de", "en", "tr")
        )
        assert text.startswith(
            "udpos has no score in 2 of 3 languages: its test gold is withheld; its score is the mean"
        )
        assert f"{root}/udpos: en (test-en.tsv), tr (test-tr.tsv)" in text
        assert "xpareto submit RUN CANDIDATE DIR writes the predictions of udpos" in text


def test_what_is_sorted_is_told_with_what_to_do_and_that_nothing_is_left(told: Callable[[str], Any]) -> None:
    _, text = told("{task: tatoeba, languages: [de]}")
    assert "de (de-en.en): gold labels withheld: the English sentences are sorted" in text
    assert "Nothing that this recipe evaluates can be scored" in text and "facebookresearch/LASER" in text
    assert "split: dev" not in text  # it has none


def test_gold_that_is_put_in_place_is_seen_and_nothing_is_told(
    told: Callable[[str], Any], root: Path
) -> None:
    assert told("{task: tatoeba, languages: [de]}, {task: udpos, languages: [de, en]}")[1]
    write(root / "tatoeba/de-en.en", "".join(f"{line}\n" for line in reversed(ENGLISH)))
    write(root / "udpos/test-en.tsv", TAGGED)
    assert told("{task: tatoeba, languages: [de]}, {task: udpos, languages: [de, en]}")[1] == ""


def test_what_is_remembered_of_a_file_is_as_it_was_written_or_the_file_is_read_again(
    told: Callable[[str], Any], tmp_path: Path
) -> None:
    _, text = told("{task: udpos, languages: [en]}")
    for mark in (tmp_path / "store/checked").iterdir():
        for content in (b"", mark.read_bytes().replace(b"gold", b"cold")):
            mark.write_bytes(content)
            assert told("{task: udpos, languages: [en]}")[1] == text


def test_another_layout_is_refused_before_any_work(told: Callable[[str], Any], root: Path) -> None:
    write(root / "udpos/test-en.tsv", "Das PRON\nruft VERB\n")
    with pytest.raises(
        InputError, match=r"test-en\.tsv:1: expected word, tab, tag, found 2 columns apart by spaces"
    ):
        told("{task: udpos, languages: [en]}")
