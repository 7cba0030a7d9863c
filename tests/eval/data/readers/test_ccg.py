"""CCG supertags from three local formats, and that wrong content is named as file:line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.readers.ccg import supertagged
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import Tagged

EXPECTED = [
    Tagged(("dogs", "bark", "|", "#"), ("N", "S[dcl]\\NP", ".", "N/N")),
    Tagged(("run",), ("S[b]\\NP",)),
]
AUTO = r"""ID=wsj_0001.1 PARSER=GOLD NUMPARSE=1
(<T S 0 2> (<T NP 0 1> (<L N NNS NNS dogs N>) ) (<L S[dcl]\NP VBP VBP bark X>) (<L . . . | .>) (<L N/N # # # N_7/N_7>) )
ID=wsj_0001.2 PARSER=GOLD NUMPARSE=1
(<L S[b]\NP VB VB run S[b]\NP_1>)
"""
PIPED = (
    "# made by the C&C tools\n# of something\n\n"
    "dogs|NNS|N bark|VBP|S[dcl]\\NP ||.|. #|#|N/N\n\nrun|VB|S[b]\\NP\n"
)
COLUMNS = "dogs\tN\nbark\tS[dcl]\\NP\n|\t.\n#\tN/N\n\nrun\tS[b]\\NP\n\n"
FORMS = [("wsj_0001.auto", AUTO), ("train.stagged", PIPED), ("train.tsv", COLUMNS)]


def write(folder: Path, name: str, content: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


@pytest.mark.parametrize(("name", "content"), FORMS)
def test_every_form_gives_the_same_sentences(tmp_path: Path, name: str, content: str) -> None:
    assert supertagged(write(tmp_path, name, content)) == EXPECTED


def test_a_sentence_that_begins_with_a_hash_is_no_preface(tmp_path: Path) -> None:
    file = write(tmp_path, "train.stagged", "#|#|N/N one|CD|N\n")
    assert supertagged(file) == [Tagged(("#", "one"), ("N/N", "N"))]


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("a.auto", "ID=1\n(<T NP 0 1> (<L N NNS NNS dogs\n", 2, "expected a derivation with leaves"),
        ("a.auto", "ID=1\nnothing\n", 2, "expected a derivation with leaves"),
        ("a.stagged", "a|DT|NP/N\ndog|NN\n", 2, "expected word|POS|supertag, found 'dog|NN'"),
        ("a.stagged", "a|DT|NP/N dog|NN|\n", 1, "expected word|POS|supertag, found 'dog|NN|'"),
        ("a.tsv", "a\tNP/N\ndog\n", 2, "expected word, tab, tag"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, name: str, content: str, line: int, words: str) -> None:
    file = write(tmp_path, name, content)
    with pytest.raises(InputError) as caught:
        supertagged(file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert words in str(caught.value)


def test_ccgbank_s_own_folder_is_split_by_its_sections(tmp_path: Path) -> None:
    for section in ("00", "01", "02", "09", "10", "21", "22", "23"):
        line = f"(<L N{section} NN NN word N>)\n"
        write(tmp_path, f"intermediate/ccg/ccgbank_1_1/data/AUTO/{section}/wsj_{section}01.auto", line)
    (tmp_path / "xtreme").mkdir()
    data = Data.open(DataSpec(str(tmp_path)))

    def tags(split: str) -> list[str]:
        return [
            tag for one in data.training("ccg", split) if isinstance(one, Tagged) for tag in one.tags or ()
        ]

    assert tags("train") == ["N02", "N09", "N10", "N21"]
    assert tags("dev") == ["N00"]


def test_sections_of_ccgbank_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "xtreme").mkdir()
    data = Data.open(DataSpec(str(tmp_path)))
    for section in range(2, 21):
        if section != 7:
            write(tmp_path, f"intermediate/ccg/AUTO/{section:02d}/wsj_{section:02d}01.auto", AUTO)
    assert data.absent_parts("ccg") == ("section 07", "section 21")
    write(tmp_path, "intermediate/ccg/train.stagged", PIPED)  # is not read where AUTO is there
    assert data.absent_parts("ccg") == ("section 07", "section 21")
    shutil.rmtree(tmp_path / "intermediate/ccg/AUTO")
    assert data.absent_parts("ccg") == ()


def test_the_labels_of_ccg_are_what_the_files_show_dev_included(tmp_path: Path) -> None:
    write(tmp_path, "intermediate/ccg/train.stagged", "b|X|N a|X|S\nc|X|N/N\n")
    write(tmp_path, "intermediate/ccg/dev.stagged", "a|X|S\\NP b|X|N\n")
    (tmp_path / "xtreme").mkdir()
    data = Data.open(DataSpec(str(tmp_path)))
    assert data.labels("ccg") == ("N", "N/N", "S", "S\\NP")
    assert data.labels("mnli") == ("contradiction", "entailment", "neutral")
    assert data.labels("hellaswag") == ()
