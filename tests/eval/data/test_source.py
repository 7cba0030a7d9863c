"""Data access: specs, limits, and fingerprints that follow the bytes."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import TASKS, TRAINING_SETS, task, training_set


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "udpos").mkdir()
    (tmp_path / "udpos" / "test-en.tsv").write_text("a\tNOUN\n\nb\tVERB\n\nc\tX\n")
    (tmp_path / "udpos" / "train-en.tsv").write_text("a\tNOUN\n\nb\tVERB\n")
    return tmp_path


def test_a_limit_keeps_the_first_examples(root: Path) -> None:
    data = Data.open(DataSpec(str(root)))
    everything = data.examples(task("udpos"), "en")
    assert len(everything) == 3
    assert data.examples(task("udpos"), "en", limit=2) == everything[:2]
    assert len(data.training("udpos", "train", limit=1)) == 1


def test_of_tagged_sentences_no_more_are_read_than_a_limit_asks_for(root: Path) -> None:
    data, file = Data.open(DataSpec(str(root))), root / "udpos" / "test-en.tsv"
    file.write_text(file.read_text() + "\nno tag\n")
    assert len(data.examples(task("udpos"), "en", limit=3)) == 3
    with pytest.raises(InputError, match=r"test-en\.tsv:7"):
        data.examples(task("udpos"), "en")


def test_a_spec_survives_json(root: Path) -> None:
    spec = DataSpec(str(root), hub=False, lock=None)
    assert DataSpec(**json.loads(json.dumps(asdict(spec)))) == spec


def test_data_is_synthetic_only_where_a_file_says_so(root: Path) -> None:
    assert not Data.open(DataSpec(str(root))).synthetic
    (root / "SYNTHETIC").touch()
    assert Data.open(DataSpec(str(root))).synthetic


def test_no_source_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="--data"):
        Data.open(DataSpec(None))


def test_a_fingerprint_follows_bytes_names_and_order_but_not_place(root: Path) -> None:
    data = Data.open(DataSpec(str(root)))
    test, train = root / "udpos" / "test-en.tsv", root / "udpos" / "train-en.tsv"
    before = data.fingerprint([test, train])
    assert data.fingerprint([test, train]) == before
    assert data.fingerprint([train, test]) != before
    elsewhere = root / "copy"
    elsewhere.mkdir()
    (elsewhere / test.name).write_bytes(test.read_bytes())
    assert data.fingerprint([elsewhere / test.name]) == data.fingerprint([test])
    test.write_text("a\tNOUN\n\nb\tVERB\n\nd\tX\n")  # as long as before
    os.utime(test, ns=(1, 1))
    assert data.fingerprint([test, train]) != before


def test_the_fingerprint_of_no_file_is_named_as_an_error(root: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        Data.open(DataSpec(str(root))).fingerprint([root / "absent"])


def test_the_files_of_a_task_and_a_training_set_are_listed(root: Path) -> None:
    data = Data.open(DataSpec(str(root)))
    assert data.task_files(task("udpos"), "en", "test") == (root / "udpos" / "test-en.tsv",)
    assert data.training_files("udpos", "train") == (root / "udpos" / "train-en.tsv",)
    assert data.training_files("udpos", "dev") == ()


def test_every_task_of_xtreme_declares_its_languages() -> None:
    official = {
        "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40, "xquad": 11, "mlqa": 7, "tydiqa": 9,
        "bucc2018": 4, "tatoeba": 36,
    }  # fmt: skip
    assert {name: len(task(name).languages) for name in official} == official


def test_every_declaration_fits_its_training_set_and_the_hub() -> None:
    for name, found in TASKS.all().items():
        assert found.name == name
        assert list(found.languages) == sorted(set(found.languages))
        if name == "bucc2018":
            assert found.hub is None  # the hub lacks what is to be mined
        if found.hub is not None:
            assert set(found.hub.language_names) in (set(), set(found.languages))
        if found.trained_on in TRAINING_SETS.names:
            wanted = training_set(found.trained_on)
            assert (wanted.labels, wanted.kind) == (found.labels, found.kind)
        else:
            assert found.trained_on == "encoder"


@pytest.mark.real
def test_the_shared_sample_has_the_counts_that_its_readme_states() -> None:
    folder = Path(__file__).parents[3].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the repository")
    data = Data.open(DataSpec(str(folder)))
    counts = {
        "xnli": 15, "pawsx": 2, "udpos": 28, "panx": 0, "xquad": 9, "mlqa": 0, "tydiqa": 0, "bucc2018": 0,
        "tatoeba": 30,
    }  # fmt: skip
    assert {name: len(data.languages(task(name))) for name in counts} == counts
    dev = {name: data.languages(task(name), "dev") for name in ("xnli", "pawsx", "panx", "mlqa", "bucc2018")}
    assert {name: len(languages) for name, languages in dev.items()} == {
        "xnli": 15, "pawsx": 7, "panx": 39, "mlqa": 7, "bucc2018": 1,
    }  # fmt: skip
    assert set(task("panx").languages) - set(dev["panx"]) == {"th"}
    small = dict.fromkeys(["jv", "my", "yo"], 100)
    middle = dict.fromkeys(["af", "bn", "hi", "kk", "ml", "mr", "ms", "sw", "ta", "te", "tl", "ur"], 1000)
    large = dict.fromkeys(["ar", "zh"], 10000)  # and 22 others
    for language, size in (small | middle | large).items():
        assert len(data.examples(task("panx"), language, "dev")) == size
    assert {len(data.examples(task("pawsx"), language, "dev")) for language in dev["pawsx"]} == {2000}
    assert [len(data.examples(task("pawsx"), language)) for language in ("de", "zh")] == [2000, 2000]
    assert len(data.examples(task("udpos"), "zh")) == 3455
    assert len(data.examples(task("xnli"), "sw")) == 5010
    assert len(data.examples(task("tatoeba"), "jv")) == 205
    assert len(data.training("mnli", "train")) == 3000 + 7469
    assert len(data.training("mnli", "dev")) == 2490
    assert len(data.training("udpos", "train")) == 21253
    assert {len(lines) for lines in data.text("parallel").values()} == {3000}
