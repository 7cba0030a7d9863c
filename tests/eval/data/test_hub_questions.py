"""Questions from the hub, in local parquet folders, equal those of XTREME's own files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data import hub
from xpareto.eval.data.hub import Hub
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import Answer, HubSource, Question, Task, task, training_set

ROWS = {
    "de": [
        ("5a", "Wer?", "Der Rhein 😀 fließt.", ("Rhein", 4)),
        ("5b", "Was?", "Der Rhein 😀 fließt.", ("fließt", 12)),
    ],
    "en": [("5a", "Who?", "The Rhine flows.", ("Rhine", 4))],
    "sw": [("5a", "Nani?", "Mto Rhine.", ("Rhine", 4))],
}
PLACES = {
    "xquad": ("xquad.{code}", "validation", "xquad/xquad.{code}.json"),
    "mlqa": ("MLQA.{code}.{code}", "test", "mlqa/MLQA_V1/test/test-context-{code}-question-{code}.json"),
    "tydiqa": ("secondary_task", "validation", "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{code}.dev.json"),
}
SPOKEN = {"en": "english", "sw": "swahili"}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "resolve", lambda repo: "0" * 40)
    datasets.disable_progress_bars()


def identity(name: str, language: str, number: str) -> str:
    return f"{SPOKEN[language]}-{number}" if name == "tydiqa" else number


def publish(repo: Path, config: str, split: str, rows: list[Any]) -> None:
    """Write one split as the hub's repositories hold SQuAD's form: answers as two lists."""
    from datasets import Dataset, Features, List, Value

    text = {name: Value("string") for name in ("id", "title", "context", "question")}
    answers = {"text": List(Value("string")), "answer_start": List(Value("int32"))}
    columns = {
        "id": [row[0] for row in rows], "title": ["t"] * len(rows), "question": [row[1] for row in rows],
        "context": [row[2] for row in rows],
        "answers": [{"text": [a for a, _ in row[3]], "answer_start": [s for _, s in row[3]]} for row in rows],
    }  # fmt: skip
    (repo / config).mkdir(parents=True)
    table = Dataset.from_dict(columns, features=Features({**text, "answers": answers}))
    table.to_parquet(str(repo / config / f"{split}-00000-of-00001.parquet"))
    card = repo / "README.md"
    body = card.read_text().split("---\n")[1] if card.exists() else "configs:\n"
    entry = f"- config_name: {config}\n  data_files:\n  - split: {split}\n    path: {config}/{split}-*\n"
    card.write_text(f"---\n{body}{entry}---\n")


def moved(source: HubSource | None, repo: Path) -> HubSource:
    assert source is not None
    return replace(source, repo=str(repo))


@pytest.mark.parametrize("name", PLACES)
def test_questions_of_the_hub_equal_those_of_xtreme_s_files(name: str, tmp_path: Path) -> None:
    config, split, place = PLACES[name]
    languages = ("en", "sw") if name == "tydiqa" else ("de", "en")
    together: list[Any] = []
    for code in languages:
        rows = [
            (identity(name, code, number), q, context, [answer]) for number, q, context, answer in ROWS[code]
        ]
        together += rows
        if name != "tydiqa":
            publish(tmp_path / "repo", config.format(code=code), split, rows)
        file = tmp_path / "download" / place.format(code=code)
        file.parent.mkdir(parents=True, exist_ok=True)
        paragraphs = [
            {"context": context, "qas": [{"id": number, "question": question, "answers": [
                {"text": text, "answer_start": start} for text, start in answers]}]}
            for number, question, context, answers in rows
        ]  # fmt: skip
        file.write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs}]}))
    if name == "tydiqa":
        publish(tmp_path / "repo", config, split, together)
    wanted: Task = replace(task(name), hub=moved(task(name).hub, tmp_path / "repo"))
    local = Data.open(DataSpec(str(tmp_path / "download")))
    online = Data.open(DataSpec(None, hub=True))
    for code in languages:
        found = online.examples(wanted, code)
        assert found == local.examples(task(name), code)
        assert len(found) == len(ROWS[code])


def test_the_hub_s_empty_answers_are_unanswerable_questions_or_a_withheld_gold(tmp_path: Path) -> None:
    publish(tmp_path / "a", "squad_v2", "train", [("1", "?", "abc", [("b", 1)]), ("2", "?", "abc", [])])
    publish(tmp_path / "b", "squad_v2", "train", [("1", "?", "abc", []), ("2", "?", "abc", [])])
    answers = []
    for repo in ("a", "b"):
        wanted = replace(training_set("squad_v2"), hub=moved(training_set("squad_v2").hub, tmp_path / repo))
        (file,) = Hub.open(None).training_files(wanted, "train")
        answers.append([one.answers for one in Hub.open(None).examples(file, wanted, None)])  # type: ignore[union-attr]
    assert answers == [[(Answer("b", 1),), ()], [None, None]]


def test_dev_is_the_end_of_the_training_split_and_a_wrong_offset_is_named(tmp_path: Path) -> None:
    publish(tmp_path / "repo", "plain_text", "train", [("9f", "?", "abc", [("b", 2)])])
    wanted = replace(training_set("squad_v1"), hub=moved(training_set("squad_v1").hub, tmp_path / "repo"))
    online = Hub.open(None)
    assert online.training_files(wanted, "dev") == online.training_files(wanted, "train")
    (file,) = online.training_files(wanted, "train")
    with pytest.raises(InputError, match=r"plain_text/train: row 0: question '9f': answer 'b' at 2: .*'c'"):
        online.examples(file, wanted, None)


def test_native_languages_of_a_training_set_are_picked_by_their_ids(tmp_path: Path) -> None:
    rows = [("swahili-1-0", "?", "abc", [("b", 1)]), ("english-1-0", "?", "abcd", [("b", 1)])]
    publish(tmp_path / "repo", "secondary_task", "train", rows)
    wanted = replace(training_set("tydiqa"), hub=moved(training_set("tydiqa").hub, tmp_path / "repo"))
    online = Hub.open(None)
    for language, context in (("sw", "abc"), ("en", "abcd")):
        (file,) = online.training_files(wanted, "train", language)
        (found,) = online.examples(file, wanted, None, language)
        assert isinstance(found, Question) and found.context == context
