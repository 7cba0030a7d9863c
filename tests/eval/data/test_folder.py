"""Which files belong to what in a data folder, and what is said when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.folder import Folder
from xpareto.eval.tasks import Pair, task, training_set

UDPOS, XNLI, TATOEBA, MNLI = task("udpos"), task("xnli"), task("tatoeba"), training_set("mnli")


def write(root: Path, files: dict[str, str]) -> Folder:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return Folder.open(root)


def test_the_download_folder_and_the_folder_around_it_give_the_same(tmp_path: Path) -> None:
    around = write(
        tmp_path, {"xtreme/udpos/test-en.tsv": "a\tNOUN\n", "xtreme/xnli/dev-en.tsv": "a\tb\tneutral\n"}
    )
    inside = Folder.open(tmp_path / "xtreme")
    assert around.examples(UDPOS, "en", "test") == inside.examples(UDPOS, "en", "test")
    assert around.training(MNLI, "dev") == inside.training(MNLI, "dev") == [Pair("a", "b", "neutral")]


def test_languages_come_in_the_task_s_order_and_only_when_complete(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "tatoeba/fr-en.fr": "un\n", "tatoeba/fr-en.en": "one\n", "tatoeba/de-en.de": "eins\n",
            "tatoeba/de-en.en": "one\n", "tatoeba/es-en.es": "uno\n", "tatoeba/tlh-en.en": "one\n",
        },
    )  # fmt: skip
    assert folder.languages(TATOEBA, "test") == ("de", "fr")
    assert folder.languages(TATOEBA, "dev") == ()


def test_a_missing_file_is_named_with_the_languages_that_are_there(tmp_path: Path) -> None:
    folder = write(tmp_path, {"udpos/test-en.tsv": "a\tNOUN\n", "udpos/test-de.tsv": "a\tNOUN\n"})
    with pytest.raises(
        InputError, match=r"test-fr\.tsv: no such file.*test-fr\.tsv in .*udpos.*there: de, en\."
    ):
        folder.examples(UDPOS, "fr", "test")


def test_a_language_that_the_task_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='udpos has no language "tlh"'):
        write(tmp_path, {"udpos/test-en.tsv": "a\tNOUN\n"}).examples(UDPOS, "tlh", "test")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match=r"expected XTREME's download folder .* found photos"):
        Folder.open(tmp_path)
    with pytest.raises(InputError, match=r"found nothing. Check --data"):
        Folder.open(tmp_path / "absent")


def line(word: str) -> str:
    return f'{{"sentence1": "{word}", "sentence2": "x", "label": "neutral"}}\n'


def firsts(folder: Folder) -> list[str]:
    return [example.first for example in folder.training(MNLI, "train") if isinstance(example, Pair)]


def test_shards_of_mnli_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    files = {f"intermediate/mnli/{name}.jsonl": line(name) for name in ("train-1", "train-0", "test", "dev")}
    folder = write(tmp_path, {**files, "xtreme/xnli/train-en.tsv": "copy\tb\tneutral\n"})
    assert firsts(folder) == ["train-0", "train-1", "test"]


def test_the_original_file_of_mnli_wins_over_samples_and_copies(tmp_path: Path) -> None:
    names = ("intermediate/mnli/multinli_1.0_train.jsonl", "intermediate/mnli/train.jsonl")
    folder = write(
        tmp_path, {name: line(name) for name in names} | {"xtreme/xnli/train-en.tsv": "c\tb\tneutral\n"}
    )
    assert firsts(folder) == [names[0]]


def test_xtreme_s_copy_of_mnli_comes_last_and_no_file_at_all_is_an_error(tmp_path: Path) -> None:
    folder = write(tmp_path, {"xnli/train-en.tsv": "copy\tb\tneutral\n"})
    assert firsts(folder) == ["copy"]
    (tmp_path / "xnli" / "train-en.tsv").unlink()
    with pytest.raises(
        InputError, match=r"no train data of mnli; expected one of: .*multinli_1\.0_train\.jsonl"
    ):
        folder.training(MNLI, "train")


def test_a_training_set_without_a_dev_file_has_no_dev_examples(tmp_path: Path) -> None:
    assert write(tmp_path, {"udpos/train-en.tsv": "a\tNOUN\n"}).training(training_set("udpos"), "dev") == []


def test_training_data_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train-en\.tsv:1: expected word, tab, tag"):
        write(tmp_path, {"udpos/train-en.tsv": "a\n"}).training(training_set("udpos"), "train")


def test_text_is_read_by_language_and_side_files_left_out(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {"xtreme/x": "", "text/bible/en.txt": "one\n\n", "text/bible/verse_ids.txt": "GEN 1\nGEN 2\n"},
    )
    assert folder.text("bible") == {"en": ["one", ""]}
    with pytest.raises(InputError, match="Texts there: bible"):
        folder.text("bibel")
