"""Which files of a data folder a training set reads, translations and fall-backs included."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import TRAINING_SETS, Choice, Pair, Tagged, task, training_set

NLI = [{"sentence1": "a", "sentence2": "b", "label": "neutral"}]
SWAG = [{"ctx": "a", "endings": ["b", "c"], "label": 0}]


def folder(root: Path, files: dict[str, str | list[dict[str, object]]]) -> Data:
    (root / "xtreme").mkdir()
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else "".join(json.dumps(it) + "\n" for it in content)
        (root / name).write_text(text)
    return Data.open(DataSpec(str(root)))


def names(data: Data, name: str, split: str = "train") -> list[str]:
    return [str(file).split("/")[-1] for file in data.training_files(name, split)]  # type: ignore[arg-type]


TRANSLATED = {
    "mnli": ("xtreme/xnli/translate-train/en-de-translated.tsv", "x\ty\ta\tb\tneutral\n"),
    "pawsx": ("xtreme/pawsx/translate-train/en-de-translated.tsv", "x\ty\ta\tb\t1\n"),
    "panx": ("xtreme/panx/train-de.tsv", "Berlin\tB-LOC\n"),
    "udpos": ("xtreme/udpos/train-de.tsv", "Hund\tNOUN\n"),
    "qqp": ("intermediate/qqp/de/train.jsonl", '{"sentence1": "a", "sentence2": "b", "label": 1}\n'),
    "anli": ("intermediate/anli/de/train.jsonl", '{"context": "a", "hypothesis": "b", "label": "n"}\n'),
    "hellaswag": ("intermediate/hellaswag/de/train.jsonl", json.dumps(SWAG[0]) + "\n"),
    "cosmosqa": ("intermediate/cosmosqa/de/train.csv", "context,question,answer0,answer1,label\na,b,c,d,1\n"),
    "commonsenseqa": (
        "intermediate/commonsenseqa/de/train.jsonl",
        '{"question": "a", "choices": {"A": "b", "B": "c"}, "answerKey": "A"}\n',
    ),
    "xnli_dev": ("xtreme/xnli/dev-de.tsv", "a\tb\tneutral\n"),
    "pawsx_dev": ("xtreme/pawsx/dev-de.tsv", "a\tb\t1\n"),
}


@pytest.mark.parametrize("name", sorted(TRANSLATED))
def test_a_named_language_reads_its_own_file(tmp_path: Path, name: str) -> None:
    file, content = TRANSLATED[name]
    data = folder(tmp_path, {file: content})
    assert names(data, f"{name}@de") == [file.split("/")[-1]]
    assert len(data.training(f"{name}@de", "train")) == 1
    with pytest.raises(InputError, match=f"no train data of {name} in fr; expected one of: .*fr"):
        data.training(f"{name}@fr", "train")
    with pytest.raises(InputError, match=f"no train data of {name}; expected one of"):
        data.training(name, "train")


def test_every_translated_training_set_keeps_english_dev() -> None:
    for name in TRAINING_SETS.names:
        found = training_set(name)
        if found.translated:
            assert found.candidates("dev", "de") == found.candidates("dev"), name
            assert all("{language}" in candidate for candidate in found.translated["train"]), name
            assert all(
                "/de" in one or "-de" in one or ".de." in one for one in found.candidates("train", "de")
            )


def test_a_set_without_translations_says_so(tmp_path: Path) -> None:
    data = folder(tmp_path, {"intermediate/ccg/train.tsv": "a\tN\n"})
    with pytest.raises(InputError, match="Training set ccg has no train data in de, only in en"):
        data.training("ccg@de", "train")


def test_a_fingerprint_of_a_translation_is_that_of_its_own_files(tmp_path: Path) -> None:
    data = folder(
        tmp_path, {"xtreme/xnli/dev-en.tsv": "a\tb\tneutral\n", "xtreme/xnli/dev-de.tsv": "c\td\tneutral\n"}
    )
    english, german = (
        data.fingerprint(data.training_files(name, "train")) for name in ("xnli_dev", "xnli_dev@de")
    )
    assert english != german
    assert german == data.fingerprint([tmp_path / "xtreme/xnli/dev-de.tsv"])


def test_anli_is_joined_with_mnli_and_snli(tmp_path: Path) -> None:
    rounds: dict[str, str | list[dict[str, object]]] = {
        f"intermediate/anli/anli_v1.0/R{number}/{split}.jsonl": [
            {"context": f"r{number} {split}", "hypothesis": "b", "label": "c"}
        ]
        for number in (1, 2, 3)
        for split in ("train", "dev", "test")
    }
    more: dict[str, str | list[dict[str, object]]] = {
        "intermediate/mnli/multinli_1.0_train.jsonl": [{**NLI[0], "sentence1": "mnli"}],
        "intermediate/mnli/train.jsonl": [{**NLI[0], "sentence1": "sample of mnli"}],
        "intermediate/snli/snli_1.0_train.jsonl": [{**NLI[0], "sentence1": "snli"}],
    }
    data = folder(tmp_path, rounds | more)
    firsts = [one.first for one in data.training("anli", "train") if isinstance(one, Pair)]
    assert firsts == ["r1 train", "r2 train", "r3 train", "mnli", "snli"]
    dev = [one.first for one in data.training("anli", "dev") if isinstance(one, Pair)]
    assert dev == ["r1 dev", "r2 dev", "r3 dev"]


def test_anli_takes_the_next_form_of_mnli_where_the_first_is_missing(tmp_path: Path) -> None:
    data = folder(
        tmp_path,
        {
            "intermediate/anli/r3-train-subset.jsonl": NLI, "intermediate/anli/r3-test.jsonl": NLI,
            "intermediate/mnli/train.jsonl": NLI, "intermediate/mnli/test.jsonl": NLI,
            "xtreme/xnli/train-en.tsv": "a\tb\tneutral\n",
        },
    )  # fmt: skip
    assert names(data, "anli") == ["r3-train-subset.jsonl", "test.jsonl", "train.jsonl"]
    assert names(data, "anli", "dev") == ["r3-test.jsonl"]


def test_parts_that_the_data_lack_are_named(tmp_path: Path) -> None:
    sample = "intermediate/anli/r3-train-subset.jsonl"
    data = folder(tmp_path, {sample: NLI, "intermediate/mnli/train.jsonl": NLI})
    assert data.absent_parts("anli") == ("round 1 of ANLI", "round 2 of ANLI", "SNLI")
    assert data.absent_parts("mnli") == data.absent_parts("anli@de") == ()
    found = []
    for part in ("anli/anli_v1.0/R1", "anli/anli_v1.0/R2", "anli/anli_v1.0/R3", "snli"):
        file = tmp_path / "intermediate" / part / "train.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(NLI[0]) + "\n")
        found.append(data.absent_parts("anli"))
    assert found[1] == ("round 3 of ANLI", "SNLI")  # where rounds are there, the sample is not read
    assert found[3] == ()


def test_the_parts_of_a_set_are_what_its_train_split_reads() -> None:
    for name in TRAINING_SETS.names:
        wanted = training_set(name)
        read = {
            one for whole in wanted.files["train"] for part in whole.split(" + ") for one in part.split(" | ")
        }
        for part in wanted.parts.values():
            for one in part.split(" | "):
                # a numbered file of a pattern: r1-train* of r*-train*, AUTO/02 of AUTO/0[2-9]
                assert any(one == whole or fnmatch(one, whole) for whole in read), (name, one)


def test_what_train_falls_back_on_is_never_dev(tmp_path: Path) -> None:
    table = "context,question,answer0,answer1,label\na,b,c,d,1\n"
    data = folder(tmp_path, {"intermediate/cosmosqa/valid.csv": table})
    assert (names(data, "cosmosqa"), names(data, "cosmosqa", "dev")) == (["valid.csv"], [])
    (tmp_path / "intermediate/cosmosqa/train.csv").write_text(table)
    assert (names(data, "cosmosqa"), names(data, "cosmosqa", "dev")) == (["train.csv"], ["valid.csv"])


def test_xtreme_s_own_test_files_without_labels_are_understood(tmp_path: Path) -> None:
    files: dict[str, str | list[dict[str, object]]] = {
        "xtreme/panx/test-de.tsv": "Anton\nruft\n\nJa\n",
        "xtreme/pawsx/test-de.tsv": "eins\tzwei\r\n",
    }
    data = folder(tmp_path, files)
    assert data.examples(task("panx"), "de") == [Tagged(("Anton", "ruft"), None), Tagged(("Ja",), None)]
    assert data.examples(task("pawsx"), "de") == [Pair("eins", "zwei", None)]


SHARED = Path(__file__).parents[3].parent / "shared" / "data"
COUNTS = {  # (train, dev) as the README of the shared data states them
    "anli": (514 + 3000 + 7469, 1200),
    "commonsenseqa": (9741, 1221),
    "cosmosqa": (2985, 0),
    "hellaswag": (1000, 1000),
    "mnli": (3000 + 7469, 2490),
    "panx": (20000, 10000),
    "pawsx_dev": (2000, 0),
    "qqp": (2000 + 7600, 0),
    "udpos": (21253, 3974),
    "xnli_dev": (2490, 0),
}


@pytest.mark.real
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_the_shared_training_sets_have_the_counts_that_the_readme_states(name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data beside the repository")
    data = Data.open(DataSpec(str(SHARED)))
    found = {split: data.training(name, split) for split in ("train", "dev")}
    assert (len(found["train"]), len(found["dev"])) == COUNTS[name]
    for example in found["train"] + found["dev"]:
        if isinstance(example, Pair):
            assert example.first.strip() and example.second.strip() and example.label in data.labels(name)
        elif isinstance(example, Tagged):
            assert example.words and example.tags and len(example.words) == len(example.tags)
        else:
            assert isinstance(example, Choice) and example.gold is not None
            assert len(example.options) == (5 if name == "commonsenseqa" else 4)


@pytest.mark.real
def test_native_pairs_of_the_shared_data_are_there_in_every_language() -> None:
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data beside the repository")
    data = Data.open(DataSpec(str(SHARED)))
    for name, languages, size in (
        ("xnli_dev", task("xnli").languages, 2490),
        ("pawsx_dev", task("pawsx").languages, 2000),
    ):
        own = [language for language in languages if language != "en"]
        assert {len(data.training(f"{name}@{language}", "train")) for language in own} == {size}
