"""Where questions are read from: the files of each task, training sets, and what serves as dev."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.held_out import held_out
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.training import training_examples
from xpareto.eval.tasks import Pair, Question, task, training_set

Make = Callable[[Sequence[str]], Path]


def write(file: Path, count: int, each: int = 2, wrong: int = -1) -> None:
    """Write `count` questions, `each` on one context; the answer of question `wrong` stands elsewhere."""
    file.parent.mkdir(parents=True, exist_ok=True)
    paragraphs = []
    for number in range(0, count, each):
        context = f"{file.stem} context {number} abcd efgh"
        entries = [
            {
                "id": str(q),
                "question": "abcd",
                "answers": [{"text": "abcd", "answer_start": context.index("abcd") + (q == wrong)}],
            }
            for q in range(number, min(number + each, count))
        ]
        paragraphs.append({"context": context, "qas": entries})
    file.write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}))


def test_the_files_of_each_task_are_those_of_xtreme_s_download(tmp_path: Path) -> None:
    places = {
        ("xquad", "test"): "xquad/xquad.el.json",
        ("mlqa", "test"): "mlqa/MLQA_V1/test/test-context-hi-question-hi.json",
        ("mlqa", "dev"): "mlqa/MLQA_V1/dev/dev-context-hi-question-hi.json",
        ("tydiqa", "test"): "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.te.dev.json",
        ("tydiqa", "train"): "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.te.train.json",
    }
    for place in places.values():
        write(tmp_path / place, 3)
    data = Data.open(DataSpec(str(tmp_path)))
    for (name, split), place in places.items():
        (language,) = data.languages(task(name), split)
        assert language in place and len(data.examples(task(name), language, split)) == 3
    assert data.languages(task("xquad"), "dev") == ()
    with pytest.raises(InputError, match=r"tydiqa has no dev split\. It has: test, train"):
        data.examples(task("tydiqa"), "te", "dev")


def test_official_languages() -> None:
    assert [len(task(name).languages) for name in ("xquad", "mlqa", "tydiqa")] == [11, 7, 9]
    assert [task(name).trained_on for name in ("xquad", "mlqa", "tydiqa")] == [
        "squad_v1",
        "squad_v1",
        "tydiqa",
    ]


def test_squad_s_own_dev_set_is_never_read_and_dev_is_the_end_of_train(tmp_path: Path) -> None:
    write(tmp_path / "xtreme/squad/dev-v1.1.json", 4)
    data = Data.open(DataSpec(str(tmp_path)))
    with pytest.raises(InputError, match=r"no train data of squad_v1; expected one of: .*train-v1\.1\.json"):
        data.training("squad_v1", "train")
    assert data.training("squad_v1", "dev") == []
    write(tmp_path / "intermediate/squad_v1.1/train-of-something.json", 40)
    train, dev = (data.training("squad_v1", split) for split in ("train", "dev"))
    assert [len(train), len(dev)] == [38, 2]
    assert not {one.context for one in train} & {one.context for one in dev}  # type: ignore[union-attr]
    write(tmp_path / "xtreme/squad/train-v1.1.json", 20)
    assert len(data.training("squad_v1", "train")) == 18  # XTREME's file is preferred
    assert data.training_files("squad_v1", "dev") == data.training_files("squad_v1", "train")


def test_other_languages_are_translations_or_native_and_dev_stays_english(tmp_path: Path) -> None:
    write(tmp_path / "xtreme/squad/train-v1.1.json", 20)
    write(tmp_path / "xtreme/squad/translate-train/squad.translate.train.en-de.json", 20, wrong=3)
    for language in ("en", "sw"):
        write(tmp_path / f"xtreme/tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{language}.train.json", 20)
    data = Data.open(DataSpec(str(tmp_path)))
    german = data.training("squad_v1@de", "train")
    assert "3" not in [one.id for one in german if isinstance(one, Question)]  # its answer was lost
    assert all("en-de" in one.context for one in german if isinstance(one, Question))
    assert data.training("squad_v1@de", "dev") == data.training("squad_v1", "dev") != []
    swahili = data.training("tydiqa@sw", "train")
    assert all("goldp.sw" in one.context for one in swahili if isinstance(one, Question))
    with pytest.raises(InputError, match="no train data of squad_v1 in fr"):
        data.training("squad_v1@fr", "train")


@given(st.lists(st.integers(1, 5), max_size=30), st.sampled_from([0.05, 0.2, 0.5]))
def test_held_out_parts_make_the_whole_and_share_no_context(sizes: list[int], share: float) -> None:
    examples = [Question("", "", f"context {n}", ()) for n, size in enumerate(sizes) for _ in range(size)]
    train, dev = (held_out(examples, share, split) for split in ("train", "dev"))
    assert train + dev == examples
    assert not {id(one) for one in train} & {id(one) for one in dev}
    assert not {one.context for one in train if isinstance(one, Question)} & {
        one.context for one in dev if isinstance(one, Question)
    }
    if len(sizes) > 1:
        assert train and (len(dev) >= round(len(examples) * share) or not dev)
    pairs = [Pair("a", "b", "x")] * 40
    assert len(held_out(pairs, share, "dev")) == round(40 * share)


def test_training_examples_are_windows_with_positions(tmp_path: Path, unigram: Make) -> None:
    write(tmp_path / "xtreme/squad/train-v1.1.json", 40)
    data = Data.open(DataSpec(str(tmp_path)))
    tokenizer = unigram(["train-v1.1 context 0123456789 abcd efgh"])
    found = training_examples(data, "squad_v1", "train", tokenizer, 64)
    assert len(found.input_ids) == len(found.labels) == 38 and found.options is None
    assert all(
        0 < label[0] <= label[1] < len(ids) for label, ids in zip(found.labels, found.input_ids, strict=True)
    )  # type: ignore[index]
    assert len(training_examples(data, "squad_v1", "dev", tokenizer, 64).labels) == 2
    assert len(training_examples(data, "squad_v1", "train", tokenizer, 64, limit=5).labels) == 5
    assert training_set("squad_v1").head == "qa"
