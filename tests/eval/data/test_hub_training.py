"""Training sets of the hub on local parquet folders: the same examples as the authors' files give."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data import hub
from xpareto.eval.data.hub import Hub
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import Choice, Example, Pair, Tagged, TrainingSet, task, training_set

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NLI = ["entailment", "neutral", "contradiction"]  # the hub's order, not ours


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "resolve", lambda repo: COMMIT)
    datasets.disable_progress_bars()


def publish(
    repo: Path, config: str, splits: dict[str, list[dict[str, Any]]], features: dict[str, Any]
) -> None:
    """Write splits as a hub repository holds them: parquet in a folder of the configuration's name."""
    import datasets

    card = repo / "README.md"
    body = card.read_text().split("---\n")[1] if card.exists() else "configs:\n"
    body += f"- config_name: {config}\n  data_files:\n"
    for split, rows in splits.items():
        (repo / config).mkdir(parents=True, exist_ok=True)
        columns = {name: [row[name] for row in rows] for name in features}
        table = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
        table.to_parquet(str(repo / config / f"{split}-00000-of-00001.parquet"))
        body += f"  - split: {split}\n    path: {config}/{split}-*\n"
    card.write_text(f"---\n{body}---\n")


def from_hub(wanted: TrainingSet, repo: Path, split: str, language: str = "en") -> list[Example]:
    """Return the examples of a training set whose repositories lie below `repo`, by their names."""

    def moved(source: Any) -> Any:
        return replace(source, repo=str(repo / source.repo))

    assert wanted.hub is not None
    local = replace(wanted, hub=moved(wanted.hub), more_hub=tuple(map(moved, wanted.more_hub)))
    opened = Hub.open(None)
    files = opened.training_files(local, split, language)
    return [example for file in files for example in opened.examples(file, local, None, language)]


def from_files(root: Path, name: str, split: str, files: dict[str, str]) -> list[Example]:
    (root / "xtreme").mkdir(parents=True)
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")
    return Data.open(DataSpec(str(root))).training(name, split)


def lines(records: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_hellaswag(tmp_path: Path) -> None:
    from datasets import List, Value

    rows = [
        {"ind": 1, "ctx": "He runs.", "endings": ["He stops.", "She", "It", "We"], "label": 3},
        {"ind": 2, "ctx": "She", "endings": ["sees a dog.", "is", "was", "were"], "label": 0},
    ]
    text = Value("string")
    features = {"ctx": text, "endings": List(text), "label": text}
    hub_rows = [row | {"label": str(row["label"])} for row in rows]
    publish(
        tmp_path / "Rowan/hellaswag", "default", {"train": hub_rows, "validation": hub_rows[:1]}, features
    )
    wanted = training_set("hellaswag")
    path = "intermediate/hellaswag/hellaswag_train.jsonl"
    found = from_hub(wanted, tmp_path, "train")
    assert found == from_files(tmp_path / "files", "hellaswag", "train", {path: lines(rows)})
    assert [item.gold for item in found if isinstance(item, Choice)] == [3, 0]
    assert from_hub(wanted, tmp_path, "dev") == found[:1]


def test_commonsenseqa(tmp_path: Path) -> None:
    from datasets import List, Value

    letters, options = ["A", "B", "C", "D", "E"], ["bank", "library", "mall", "sea", "moon"]
    choices = [{"label": letter, "text": text} for letter, text in zip(letters, options, strict=True)]
    original = [
        {
            "answerKey": key,
            "id": "x",
            "question": {"stem": "Where?", "question_concept": "c", "choices": choices},
        }
        for key in "EA"
    ]
    text = Value("string")
    features = {
        "question": text, "choices": {"label": List(text), "text": List(text)}, "answerKey": text,
    }  # fmt: skip
    rows = [
        {"question": "Where?", "choices": {"label": letters, "text": options}, "answerKey": key}
        for key in "EA"
    ]
    publish(tmp_path / "tau/commonsense_qa", "default", {"train": rows}, features)
    found = from_hub(training_set("commonsenseqa"), tmp_path, "train")
    path = "intermediate/commonsenseqa/train_rand_split.jsonl"
    assert found == from_files(tmp_path / "files", "commonsenseqa", "train", {path: lines(original)})
    assert [item.gold for item in found if isinstance(item, Choice)] == [4, 0]


def test_cosmosqa(tmp_path: Path) -> None:
    from datasets import Value

    names = ["id", "context", "question", "answer0", "answer1", "answer2", "answer3"]
    row = {name: f'{name}, "so"' for name in names} | {"label": 2}
    features = {name: Value("string") for name in names} | {"label": Value("int32")}
    publish(tmp_path / "allenai/cosmos_qa", "default", {"train": [row, row | {"label": -1}]}, features)
    file = tmp_path / "train.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*names, "label"])
        writer.writeheader()
        writer.writerow(row)
    found = from_hub(training_set("cosmosqa"), tmp_path, "train")  # the row without an answer is left out
    path = "intermediate/cosmosqa/train.csv"
    assert found == from_files(tmp_path / "files", "cosmosqa", "train", {path: file.read_text()})
    assert [item.gold for item in found if isinstance(item, Choice)] == [2]


def test_qqp(tmp_path: Path) -> None:
    from datasets import ClassLabel, Value

    text = Value("string")
    features = {
        "question1": text, "question2": text, "label": ClassLabel(names=["not_duplicate", "duplicate"]),
    }  # fmt: skip
    rows = [
        {"question1": 'Who "is"?', "question2": "What?", "label": 0},
        {"question1": "How?", "question2": "Why so?", "label": 1},
    ]
    publish(tmp_path / "nyu-mll/glue", "qqp", {"train": rows}, features)
    table = "".join(f"1\t2\t3\t{row['question1']}\t{row['question2']}\t{row['label']}\n" for row in rows)
    path, header = "intermediate/qqp/train.tsv", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
    found = from_hub(training_set("qqp"), tmp_path, "train")
    assert found == from_files(tmp_path / "files", "qqp", "train", {path: header + table})
    assert found == [Pair('Who "is"?', "What?", "0"), Pair("How?", "Why so?", "1")]


def test_anli_with_mnli_and_snli(tmp_path: Path) -> None:
    from datasets import ClassLabel, Value

    text = Value("string")
    features = {"premise": text, "hypothesis": text, "label": ClassLabel(names=NLI)}

    def row(premise: str, label: str) -> dict[str, Any]:
        return {"premise": premise, "hypothesis": "h", "label": NLI.index(label)}

    rounds = {
        f"{split}_r{number}": [row(f"{split} r{number}", "contradiction")]
        for split in ("train", "dev", "test")
        for number in (1, 2, 3)
    }
    publish(tmp_path / "facebook/anli", "plain_text", rounds, features)
    publish(tmp_path / "facebook/xnli", "en", {"train": [row("mnli", "neutral")]}, features)
    undecided = {"premise": "no accord", "hypothesis": "h", "label": -1}
    snli = {"train": [row("snli", "entailment"), undecided]}
    publish(tmp_path / "stanfordnlp/snli", "plain_text", snli, features)
    original = {
        f"intermediate/anli/R{number}/{split}.jsonl": lines(
            [{"context": f"{split} r{number}", "hypothesis": "h", "label": "c"}]
        )
        for split in ("train", "dev")
        for number in (1, 2, 3)
    }
    own = {"sentence2": "h"}
    mnli = lines([own | {"sentence1": "mnli", "gold_label": "neutral"}])
    undecided_line = own | {"sentence1": "no accord", "gold_label": "-"}
    more = {
        "intermediate/mnli/multinli_1.0_train.jsonl": mnli,
        "intermediate/snli/snli_1.0_train.jsonl": lines(
            [own | {"sentence1": "snli", "gold_label": "entailment"}, undecided_line]
        ),
    }
    wanted = training_set("anli")
    for split in ("train", "dev"):
        found = from_hub(wanted, tmp_path, split)
        assert found == from_files(tmp_path / f"files-{split}", "anli", split, original | more)
        assert len(found) == {"train": 5, "dev": 3}[split]
    with pytest.raises(InputError, match=r"anli@de: the hub has anli in English only"):
        from_hub(wanted, tmp_path, "train", "de")


def test_pawsx_in_another_language_with_its_wrong_labels_left_out(tmp_path: Path) -> None:
    from datasets import ClassLabel, Value

    text = Value("string")
    features = {
        "id": Value("int32"),
        "sentence1": text,
        "sentence2": text,
        "label": ClassLabel(names=["0", "1"]),
    }
    rows = [
        {"id": number, "sentence1": f"eins {number} ", "sentence2": '"zwei', "label": number % 2}
        for number in range(150)
    ]
    wrong = {"id": 9, "sentence1": "x", "sentence2": "y", "label": -1}
    repo = tmp_path / "google-research-datasets/paws-x"
    publish(repo, "de", {"train": [*rows, wrong], "validation": rows[:1]}, features)
    english = [{"id": 1, "sentence1": "one", "sentence2": "two", "label": 1}]
    publish(repo, "en", {"train": english, "validation": english}, features)
    table = "".join(f"{row['id']}\t{row['sentence1']}\t{row['sentence2']}\t{row['label']}\n" for row in rows)
    file = f"id\tsentence1\tsentence2\tlabel\n{table}9\tx\ty\tNS\n"
    path = "intermediate/pawsx/de/translated_train.tsv"
    wanted = training_set("pawsx")
    found = from_hub(wanted, tmp_path, "train", "de")
    assert found == from_files(tmp_path / "files", "pawsx@de", "train", {path: file})
    assert len(found) == 150
    assert from_hub(wanted, tmp_path, "dev", "de") == [Pair("one", "two", "1")]  # dev stays English
    assert from_hub(training_set("pawsx_dev"), tmp_path, "train", "de") == found[:1]


def test_panx_of_xtreme_s_layout_and_of_the_hub(tmp_path: Path) -> None:
    from datasets import ClassLabel, List, Value

    names = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    sentences = [(["Anton", "Wilhelm", "geht"], ["B-PER", "I-PER", "O"]), (["Ja"], ["O"])]
    rows = [
        {"tokens": words, "ner_tags": [names.index(tag) for tag in tags], "langs": ["de"] * len(words)}
        for words, tags in sentences
    ]
    features = {
        "tokens": List(Value("string")), "ner_tags": List(ClassLabel(names=names)), "langs": List(Value("string")),
    }  # fmt: skip
    splits = {"train": rows, "validation": rows, "test": rows}
    publish(tmp_path / "google/xtreme", "PAN-X.de", splits, features)
    content = "\n".join("".join(f"{w}\t{t}\n" for w, t in zip(*one, strict=True)) for one in sentences) + "\n"
    found = from_hub(training_set("panx"), tmp_path, "train", "de")
    local = from_files(tmp_path / "files", "panx@de", "train", {"xtreme/panx/train-de.tsv": content})
    assert found == local == [Tagged(tuple(words), tuple(tags)) for words, tags in sentences]
    source = task("panx").hub
    assert source is not None
    moved = replace(task("panx"), hub=replace(source, repo=str(tmp_path / source.repo)))
    assert Data.open(DataSpec(None, hub=True)).examples(moved, "de") == found


def test_udpos_in_another_language_is_spelt_as_the_hub_spells_it() -> None:
    wanted = training_set("udpos")
    files = {
        (split, language): str(*Hub.open(None).training_files(wanted, split, language))
        for split in ("train", "dev")
        for language in ("en", "de")
    }
    assert files == {
        ("train", "en"): f"google/xtreme@{COMMIT}/udpos.English/train",
        ("train", "de"): f"google/xtreme@{COMMIT}/udpos.German/train",
        ("dev", "en"): f"google/xtreme@{COMMIT}/udpos.English/validation",
        ("dev", "de"): f"google/xtreme@{COMMIT}/udpos.English/validation",
    }
    with pytest.raises(InputError, match="udpos@sw: the hub has no such language; it has af, ar"):
        Hub.open(None).training_files(wanted, "train", "sw")


@pytest.mark.parametrize("label", ["F", "9", "maybe"])
def test_a_wrong_answer_is_named_by_its_row(tmp_path: Path, label: str) -> None:
    from datasets import List, Value

    text = Value("string")
    rows = [{"ctx": "a", "endings": ["b", "c"], "label": label}]
    features = {"ctx": text, "endings": List(text), "label": text}
    publish(tmp_path / "Rowan/hellaswag", "default", {"train": rows}, features)
    with pytest.raises(
        InputError, match=rf"default/train: row 0: expected one of 2 options.*found '{label}'"
    ):
        from_hub(training_set("hellaswag"), tmp_path, "train")


def test_a_reference_after_an_at_sign_is_resolved_and_locked_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub

    monkeypatch.undo()  # the resolver itself
    asked: list[tuple[str, str]] = []

    class Api:
        def dataset_info(self, repo: str, revision: str) -> object:
            asked.append((repo, revision))
            return type("Info", (), {"sha": COMMIT})()

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    (file,) = Hub.open(None).training_files(training_set("cosmosqa"), "train")
    assert asked == [("allenai/cosmos_qa", "refs/convert/parquet")]
    assert str(file) == f"allenai/cosmos_qa@refs/convert/parquet@{COMMIT}/default/train"


def test_a_repository_with_a_script_is_an_error_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    def load_dataset(*words: object, **named: object) -> object:
        raise RuntimeError("Dataset scripts are no longer supported, but found x.py")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(InputError, match=r"could not be loaded \(Dataset scripts are no longer supported"):
        from_hub(training_set("qqp"), tmp_path, "train")
