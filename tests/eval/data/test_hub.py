"""The hub path on local parquet folders: the same examples, and the commit that the lock names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data import hub
from xpareto.eval.data.hub import Hub
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import Example, HubSource, Pair, Tagged, Task, TrainingSet, task, training_set

COMMIT = "0123456789abcdef0123456789abcdef01234567"
XNLI = {
    "de": [("Ein Satz.", 'Er sagt "nein".', "neutral"), ("Zwei\tSätze.", "Drei.", "contradiction")],
    "en": [("A sentence.", "Another.", "entailment")],
}
UDPOS = {"de": [(("Hunde", "bellen"), ("NOUN", "VERB")), (("Ja",), ("INTJ",))], "zh": [(("狗",), ("NOUN",))]}
TATOEBA = {"de": [("Eins.", "One."), ("Zwei.", "Two.")], "zh": [("一。", "One.")]}
FACEBOOK_ORDER = ["entailment", "neutral", "contradiction"]  # not ours


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def publish(repo: Path, config: str, split: str, columns: dict[str, list[object]], features: object) -> None:
    """Write one split as a hub repository holds it: parquet in a folder of the configuration's name."""
    import datasets

    folder = repo / config
    folder.mkdir(parents=True, exist_ok=True)
    table = datasets.Dataset.from_dict(columns, features=features)  # type: ignore[arg-type]
    table.to_parquet(str(folder / f"{split}-00000-of-00001.parquet"))
    card = repo / "README.md"
    entry = f"- config_name: {config}\n  data_files:\n  - split: {split}\n    path: {config}/{split}-*\n"
    body = card.read_text().split("---\n")[1] if card.exists() else "configs:\n"
    card.write_text(f"---\n{body}{entry}---\n")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    from datasets import ClassLabel, Features, List, Value

    repo = tmp_path / "repo"
    label = ClassLabel(names=FACEBOOK_ORDER)
    pair = Features({"premise": Value("string"), "hypothesis": Value("string"), "label": label})
    for language, rows in XNLI.items():
        labels = [FACEBOOK_ORDER.index(label) for _, _, label in rows]
        columns = {"premise": [a for a, _, _ in rows], "hypothesis": [b for _, b, _ in rows], "label": labels}
        publish(repo, language, "test", columns, pair)
    names = list(reversed(task("udpos").labels))
    tagged = Features({"tokens": List(Value("string")), "pos_tags": List(ClassLabel(names=names))})
    for language, sentences in UDPOS.items():
        tags = [[names.index(tag) for tag in tags] for _, tags in sentences]
        columns = {"tokens": [list(words) for words, _ in sentences], "pos_tags": tags}
        publish(repo, f"udpos.{ {'de': 'German', 'zh': 'Chinese'}[language] }", "test", columns, tagged)
    text = {
        name: Value("string") for name in ("source_sentence", "target_sentence", "source_lang", "target_lang")
    }
    for language, lines in TATOEBA.items():
        code = {"de": "deu", "zh": "cmn"}[language]
        columns = {
            "source_sentence": [f"{one}\n" for one, _ in lines], "target_sentence": [f"{two}\n" for _, two in lines],
            "source_lang": [code] * len(lines), "target_lang": ["eng"] * len(lines),
        }  # fmt: skip
        publish(repo, f"tatoeba.{code}", "validation", columns, Features(text))
    return repo


@pytest.fixture
def layout(tmp_path: Path) -> Data:
    """Write the same examples in XTREME's layout."""
    import csv

    root = tmp_path / "download"
    for name in ("xnli", "udpos", "tatoeba"):
        (root / name).mkdir(parents=True)
    for language, rows in XNLI.items():
        with (root / "xnli" / f"test-{language}.tsv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, delimiter="\t").writerows(rows)
    for language, sentences in UDPOS.items():
        blocks = ["".join(f"{w}\t{t}\n" for w, t in zip(*sentence, strict=True)) for sentence in sentences]
        (root / "udpos" / f"test-{language}.tsv").write_text("\n".join(blocks) + "\n")
    for language, lines in TATOEBA.items():
        for side, index in ((language, 0), ("en", 1)):
            content = "".join(f"{line[index]}\n" for line in lines)
            (root / "tatoeba" / f"{language}-en.{side}").write_text(content)
    return Data.open(DataSpec(str(root)))


Wanted = TypeVar("Wanted", Task, TrainingSet)


def moved(wanted: Wanted, repo: Path, **changes: object) -> Wanted:
    assert wanted.hub is not None
    return replace(wanted, hub=replace(wanted.hub, repo=str(repo), **changes))  # type: ignore[arg-type]


def from_hub(found: Task, language: str, limit: int | None = None) -> list[Example]:
    return Data.open(DataSpec(None, hub=True)).examples(found, language, limit=limit)


@pytest.fixture
def current(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for the one call that needs the network; return the repositories it was asked for."""
    asked: list[str] = []

    def resolve(repo: str) -> str:
        asked.append(repo)
        return COMMIT

    monkeypatch.setattr(hub, "resolve", resolve)
    return asked


@pytest.mark.parametrize(
    ("name", "language"),
    [
        (name, language)
        for name, data in (("xnli", XNLI), ("udpos", UDPOS), ("tatoeba", TATOEBA))
        for language in data
    ],
)
def test_examples_of_the_hub_equal_those_of_xtreme_s_layout(
    published: Path, layout: Data, current: list[str], name: str, language: str
) -> None:
    found = from_hub(moved(task(name), published), language)
    assert found == layout.examples(task(name), language)
    assert found


def test_a_limit_keeps_the_first_rows(published: Path, current: list[str]) -> None:
    wanted = moved(task("tatoeba"), published)
    assert from_hub(wanted, "de", limit=1) == from_hub(wanted, "de")[:1]


def test_a_configuration_with_all_languages_is_filtered(tmp_path: Path, current: list[str]) -> None:
    from datasets import Features, Value

    features = Features(
        {name: Value("string") for name in ("language", "sentence1", "sentence2", "gold_label")}
    )
    columns = {"language": ["ar", "de"], "sentence1": ["a", "b"], "sentence2": ["c", "d"]}
    columns["gold_label"] = ["neutral"] * 2
    publish(tmp_path / "repo", "XNLI", "test", columns, features)
    source = HubSource(
        str(tmp_path / "repo"), "XNLI", {"test": "test"},
        {"first": "sentence1", "second": "sentence2", "label": "gold_label"}, where={"language": "{language}"},
    )  # fmt: skip
    assert from_hub(replace(task("xnli"), hub=source), "de") == [Pair("b", "d", "neutral")]


def test_withheld_labels_are_none(tmp_path: Path, current: list[str]) -> None:
    from datasets import ClassLabel, Features, Value

    label = ClassLabel(names=FACEBOOK_ORDER)
    features = Features({"premise": Value("string"), "hypothesis": Value("string"), "label": label})
    publish(tmp_path / "repo", "de", "test", {"premise": ["a"], "hypothesis": ["b"], "label": [-1]}, features)
    assert from_hub(moved(task("xnli"), tmp_path / "repo"), "de") == [Pair("a", "b", None)]


def test_a_label_outside_the_set_and_a_missing_column_are_named(tmp_path: Path, current: list[str]) -> None:
    from datasets import Features, List, Value

    features = Features({"tokens": List(Value("string")), "pos_tags": List(Value("string"))})
    publish(tmp_path / "repo", "udpos.German", "test", {"tokens": [["a"]], "pos_tags": [["_"]]}, features)
    wanted = moved(task("udpos"), tmp_path / "repo")
    with pytest.raises(InputError, match=r'udpos\.German/test: row 0: label "_" is not one of'):
        from_hub(wanted, "de")
    with pytest.raises(InputError, match="no column upos; it has tokens, pos_tags"):
        from_hub(moved(wanted, tmp_path / "repo", columns={"words": "tokens", "tags": "upos"}), "de")
    with pytest.raises(InputError, match="could not be loaded"):
        from_hub(wanted, "fr")


def test_the_commit_is_resolved_once_and_written_to_the_lock(tmp_path: Path, current: list[str]) -> None:
    lock = tmp_path / "lock.json"
    data = Data.open(DataSpec(None, hub=True, lock=str(lock)))
    files = [data.task_files(task("udpos"), language) for language in ("de", "en")]
    assert [str(file) for (file,) in files] == [
        f"google/xtreme@{COMMIT}/udpos.German/test",
        f"google/xtreme@{COMMIT}/udpos.English/test",
    ]
    assert current == ["google/xtreme"]
    assert json.loads(lock.read_text()) == {"google/xtreme": COMMIT}


def test_a_lock_is_obeyed_and_nothing_is_asked(
    tmp_path: Path, current: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"google/xtreme": "f" * 40}))
    calls: list[tuple[object, ...]] = []

    def load_dataset(repo: str, config: str, *, split: str, revision: str) -> object:
        calls.append((repo, config, split, revision))
        return datasets.Dataset.from_dict({"source_sentence": ["a"], "target_sentence": ["b"]})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    Data.open(DataSpec(None, hub=True, lock=str(lock))).examples(task("tatoeba"), "de")
    assert calls == [("google/xtreme", "tatoeba.deu", "validation", "f" * 40)]
    assert current == []


def test_a_repository_that_the_lock_lacks_is_an_error(tmp_path: Path, current: list[str]) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"google/xtreme": COMMIT}))
    with pytest.raises(InputError, match=r"lock\.json: no commit of facebook/xnli; it locks google/xtreme"):
        Data.open(DataSpec(None, hub=True, lock=str(lock))).training_files("mnli", "train")
    assert current == []


@pytest.mark.parametrize("content", ["[]", "{", '{"a": 1}'])
def test_a_broken_lock_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock.json").write_text(content)
    with pytest.raises(InputError, match="expected a lock"):
        Hub.open(str(tmp_path / "lock.json"))


def test_the_fingerprint_of_a_hub_file_follows_its_commit(tmp_path: Path) -> None:
    found = set()
    for commit in ("a" * 40, "b" * 40):
        lock = tmp_path / f"{commit}.json"
        lock.write_text(json.dumps({"facebook/xnli": commit}))
        data = Data.open(DataSpec(None, hub=True, lock=str(lock)))
        found |= {data.fingerprint(data.training_files("mnli", split)) for split in ("train", "dev", "dev")}
    assert len(found) == 4


def test_training_sets_come_from_the_hub_too(published: Path, current: list[str]) -> None:
    from datasets import ClassLabel, Features, List, Value

    names = list(task("udpos").labels)
    features = Features({"tokens": List(Value("string")), "pos_tags": List(ClassLabel(names=names))})
    publish(
        published,
        "udpos.English",
        "train",
        {"tokens": [["dogs"]], "pos_tags": [[names.index("NOUN")]]},
        features,
    )
    wanted = moved(training_set("udpos"), published)
    (file,) = Hub.open(None).training_files(wanted, "train")
    assert Hub.open(None).examples(file, wanted, None) == [Tagged(("dogs",), ("NOUN",))]


def test_what_the_hub_lacks_is_said(current: list[str]) -> None:
    data = Data.open(DataSpec(None, hub=True))
    with pytest.raises(InputError, match="tatoeba has no dev split on the hub; it has test"):
        data.task_files(task("tatoeba"), "de", "dev")
    with pytest.raises(InputError, match="text is not on the hub"):
        data.text("mono")
    with pytest.raises(InputError, match='no language "tlh"'):
        data.examples(task("xnli"), "tlh")
    assert data.languages(task("xnli")) == task("xnli").languages
    assert not data.synthetic


def test_a_hub_that_does_not_answer_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(InputError, match="google/xtreme: the hub did not say which commit"):
        hub.resolve("google/xtreme")


def test_the_commit_is_the_sha_of_main(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[tuple[str, str]] = []

    class Api:
        def dataset_info(self, repo: str, revision: str) -> object:
            asked.append((repo, revision))
            return type("Info", (), {"sha": COMMIT})()

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert hub.resolve("facebook/xnli") == COMMIT
    assert asked == [("facebook/xnli", "main")]
