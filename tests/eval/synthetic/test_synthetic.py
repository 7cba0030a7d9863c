from __future__ import annotations

import csv
import json
import math
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import pytest

from xpareto.eval.synthetic import comparable, named, reading, sentences, write_data
from xpareto.eval.synthetic.inference import LABELS, pair
from xpareto.eval.synthetic.languages.meaning import Clause, Sentence, Thing
from xpareto.eval.synthetic.realize import LANGUAGES, text, words

SIZES = sentences.SIZES | named.SIZES | reading.SIZES | comparable.SIZES
UPOS = {"ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT",
        "SCONJ", "SYM", "VERB", "X"}  # fmt: skip
SCRIPTS = {
    "de": "LATIN", "el": "GREEK", "en": "LATIN", "hi": "DEVANAGARI", "ru": "CYRILLIC", "zh": "CJK",
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedded")
    write_data(folder)
    return folder


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def pairs(file: Path) -> list[tuple[str, str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return [(a, b, label) for a, b, label in csv.reader(stream, delimiter="\t")]


def mnli(root: Path) -> list[tuple[str, str, str]]:
    rows = (json.loads(line) for line in lines(root / "intermediate" / "mnli" / "train.jsonl"))
    return [(row["sentence1"], row["sentence2"], row["label"]) for row in rows]


def tagged(file: Path) -> list[list[tuple[str, str]]]:
    blocks = file.read_text(encoding="utf-8").split("\n\n")
    split = [[row.split("\t") for row in block.split("\n")] for block in blocks if block]
    return [[(token, tag) for token, tag in rows] for rows in split]


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_equal_seeds_give_equal_bytes_and_other_seeds_give_others(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(tmp_path / "again")
    first = content(root)
    assert content(tmp_path / "again") == first
    for module in (sentences, named, reading, comparable):
        for name in module.SIZES:
            monkeypatch.setitem(module.SIZES, name, 12)
    for split in comparable.BUCC_SIZES:
        monkeypatch.setitem(comparable.BUCC_SIZES, split, (12, 14, 3))
    write_data(tmp_path / "other", seed=1)
    other = content(tmp_path / "other")
    assert other.keys() == first.keys()
    assert not any(other[name] == first[name] for name in first)


def test_there_are_six_languages_in_five_scripts(root: Path) -> None:
    assert set(LANGUAGES) == set(SCRIPTS)
    assert (len(LANGUAGES), len(set(SCRIPTS.values()))) == (6, 5)
    for code in LANGUAGES:
        letters = [c for c in (root / "text/parallel" / f"{code}.txt").read_text("utf-8") if c.isalpha()]
        found = Counter(unicodedata.name(letter).split()[0] for letter in letters)
        assert set(found) == {SCRIPTS[code]}, (code, found)  # names are transliterated too


def test_every_tag_is_universal_and_every_sentence_has_a_verb_or_a_quality(root: Path) -> None:
    for file in (root / "xtreme" / "udpos").iterdir():
        sentences = tagged(file)
        tags = [{tag for _, tag in sentence} for sentence in sentences]
        assert set.union(*tags) <= UPOS, file
        assert all(found & {"VERB", "ADJ"} and "PUNCT" in found for found in tags)
        assert all(token and not any(c.isspace() for c in token) for s in sentences for token, _ in s), file
    assert len(tagged(root / "xtreme/udpos/train-en.tsv")) == SIZES["udpos-train"]


def test_the_english_tag_frequency_does_not_decide_another_language(root: Path) -> None:
    for code in LANGUAGES:
        tags = Counter(tag for s in tagged(root / f"xtreme/udpos/test-{code}.tsv") for _, tag in s)
        assert tags.most_common(1)[0][1] < 0.4 * tags.total(), code


def test_line_i_says_the_same_everywhere_so_all_files_have_equal_length(root: Path) -> None:
    folder = root / "text" / "parallel"
    assert {len(lines(file)) for file in folder.iterdir()} == {SIZES["parallel"]}
    for split in ("dev", "test"):
        files = [pairs(root / f"xtreme/xnli/{split}-{code}.tsv") for code in LANGUAGES]
        assert all([row[2] for row in rows] == [row[2] for row in files[0]] for rows in files)
    english = lines(root / "xtreme/tatoeba/de-en.en")
    assert len(set(english)) == len(english) == SIZES["tatoeba"]
    for code in set(LANGUAGES) - {"en"}:
        assert lines(root / f"xtreme/tatoeba/{code}-en.en") == english
        assert len(lines(root / f"xtreme/tatoeba/{code}-en.{code}")) == len(english)


def test_no_evaluation_sentence_is_in_the_parallel_text_or_in_training(root: Path) -> None:
    training: dict[str, set[str]] = {
        code: {_glued(line) for line in lines(root / "text/parallel" / f"{code}.txt")} for code in LANGUAGES
    }
    english = {sentence for row in mnli(root) for sentence in row[:2]}
    english |= {text(list(map(_word, s)), "en") for s in tagged(root / "xtreme/udpos/train-en.tsv")}
    training["en"] |= set(map(_glued, english))
    for code in LANGUAGES:
        held = {text(list(map(_word, s)), code) for s in tagged(root / f"xtreme/udpos/test-{code}.tsv")}
        for split in ("dev", "test"):
            held |= {one for row in pairs(root / f"xtreme/xnli/{split}-{code}.tsv") for one in row[:2]}
        if code != "en":
            held |= set(lines(root / f"xtreme/tatoeba/{code}-en.{code}"))
        assert not set(map(_glued, held)) & training[code], code
    assert not set(map(_glued, lines(root / "xtreme/tatoeba/de-en.en"))) & training["en"]


def _glued(line: str) -> str:
    """Every other line of the parallel text has its words apart; without spaces they are comparable."""
    return line.replace(" ", "")


def test_every_other_parallel_line_has_its_words_apart_as_the_tagging_data_do(root: Path) -> None:
    for code in ("zh", "hi", "de"):
        content = lines(root / "text/parallel" / f"{code}.txt")
        assert all(line.endswith((" .", " 。", " ।", " ?", " ？")) for line in content[1::2]), code
        assert not any(line.endswith((" .", " 。", " ।", " ?", " ？")) for line in content[::2]), code
    assert not any(" " in line for line in lines(root / "text/parallel/zh.txt")[::2])


def _word(row: tuple[str, str]):  # type: ignore[no-untyped-def]
    from xpareto.eval.synthetic.languages.lexicon import Word

    return Word(*row)


def test_labels_are_balanced_and_neither_hypothesis_nor_overlap_gives_them_away(root: Path) -> None:
    train, test = mnli(root), pairs(root / "xtreme/xnli/test-en.tsv") + pairs(root / "xtreme/xnli/dev-en.tsv")
    counts = Counter(label for _, _, label in train)
    assert set(counts) == set(LABELS)
    assert max(counts.values()) - min(counts.values()) <= 1

    def hypothesis(row: tuple[str, str, str]) -> list[str]:
        return row[1].lower().rstrip(".").split()

    def overlap(row: tuple[str, str, str]) -> list[str]:
        first, second = set(row[0].lower().rstrip(".").split()), set(hypothesis(row))
        return [f"new{min(4, len(second - first))}", f"gone{min(4, len(first - second))}"]

    assert naive_bayes(train, test, hypothesis) < 0.55
    assert naive_bayes(train, test, overlap) < 0.60


def naive_bayes(train, test, features) -> float:  # type: ignore[no-untyped-def]
    """Accuracy of a multinomial naive Bayes classifier, the simplest reader of artefacts."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in train:
        counts[row[2]].update(features(row))
    vocabulary = len(set().union(*counts.values()))

    def score(label: str, row: tuple[str, str, str]) -> float:
        total = counts[label].total() + vocabulary
        return sum(math.log((counts[label][one] + 1) / total) for one in features(row))

    return sum(max(LABELS, key=lambda label: score(label, row)) == row[2] for row in test) / len(test)


def test_negation_occurs_under_every_label() -> None:
    for label in LABELS:
        drawn = [pair(label, Random(number)) for number in range(300)]
        assert all(first != second for first, second in drawn)
        share = sum(second.negated for _, second in drawn) / len(drawn)
        assert 0.1 < share < 0.7, label


BUYS = Sentence(Clause((Thing("woman"),), "buy", Thing("car", 1, "indef", "new"), place="city"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", "The woman buys a new car in the city."),
        ("de", "Die Frau kauft ein neues Auto in der Stadt."),
        ("ru", "Женщина покупает новую машину в городе."),
        ("el", "Η γυναίκα αγοράζει ένα καινούριο αυτοκίνητο στην πόλη."),
        ("hi", "औरत शहर में एक नई गाड़ी ख़रीदती है।"),
        ("zh", "女人在城市里买一辆新的汽车。"),
    ],
)
def test_each_language_has_its_own_order_and_agreement(code: str, expected: str) -> None:
    assert text(words(BUYS, code), code) == expected


def test_german_negates_an_indefinite_object_with_its_article() -> None:
    denied = Sentence(Clause((Thing("Anna", 1, "none"),), "eat", Thing("apple", 1, "indef"), negated=True))
    assert text(words(denied, "de"), "de") == "Anna isst keinen Apfel."
    assert text(words(denied, "zh"), "zh") == "安娜不吃一个苹果。"


def test_german_puts_the_verb_last_after_because() -> None:
    reason = Clause((Thing("man"),), "eat", Thing("apple"), modal="want")
    both = Sentence(Clause((Thing("man"),), "wait"), "because", reason)
    assert text(words(both, "de"), "de") == "Der Mann wartet, weil der Mann den Apfel essen will."


def test_the_notice_says_that_the_data_are_synthetic(root: Path) -> None:
    assert "synthetic" in (root / "SYNTHETIC").read_text(encoding="utf-8")
