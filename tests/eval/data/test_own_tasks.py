"""Tasks that a recipe declares: their rows by language and split, in every format, and what is cut from train."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eval.data.test_hub import COMMIT, publish
from xpareto.compress.core.errors import InputError
from xpareto.eval.data.cut import cut_off
from xpareto.eval.data.hub import Hub
from xpareto.eval.data.readers.conll import word_columns
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import Cut, Example, HubSource, Task, Text, task, task_of

ROWS = [(f"{code} text {n}", "ab"[n % 2], code) for n in range(20) for code in ("de", "en", "zh")]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def declared(folder: Path, name: str = "rows.csv", **changed: object) -> Task:
    given_task = Task(
        name="mine", kind="classify", group="classification", languages=("de", "en", "zh"), trained_on="mine",
        metrics=("accuracy",), labels=("a", "b"), files={"train": (str(folder / name),)},
        columns={"text": "said", "label": "is"}, own=True,
        where={"lang": "{language}"}, cut=Cut({"test": 0.2, "dev": 0.1}),
    )  # fmt: skip
    return replace(given_task, **changed)  # type: ignore[arg-type]


def opened(*tasks: Task) -> Data:
    spec = DataSpec(None, own=tuple(asdict(one) for one in tasks))
    return Data.open(DataSpec(**json.loads(json.dumps(asdict(spec)))))  # as a worker is told


def write(folder: Path, name: str, rows: Sequence[tuple[str, str, str]] = tuple(ROWS)) -> None:
    import datasets

    file = folder / name
    records = [{"said": text, "is": label, "lang": code} for text, label, code in rows]
    if file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    elif file.suffix == ".parquet":
        label = datasets.ClassLabel(names=["b", "a"])  # whose numbers are in no order of ours
        numbered = [{**record, "is": label.str2int(record["is"])} for record in records]
        features = {"said": datasets.Value("string"), "is": label, "lang": datasets.Value("string")}
        datasets.Dataset.from_list(numbered, features=datasets.Features(features)).to_parquet(str(file))
    else:
        mark = "," if file.suffix == ".csv" else "\t"
        lines = [mark.join(("said", "is", "lang")), *(mark.join(row) for row in rows)]
        file.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")


def texts(examples: Sequence[Example]) -> list[str]:
    return [example.text for example in examples if isinstance(example, Text)]


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.jsonl", "rows.parquet"])
def test_one_file_of_any_format_gives_each_language_its_rows(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    mine = declared(tmp_path, name, cut=None, files={"test": (str(tmp_path / name),)})
    data = opened(mine)
    assert data.task("mine") == mine == task_of(json.loads(json.dumps(asdict(mine))))
    assert data.languages(mine) == ("de", "en", "zh") and data.languages(mine, "dev") == ()
    for code in mine.languages:
        expected = [Text(text, label) for text, label, language in ROWS if language == code]
        assert data.examples(mine, code) == expected and data.examples(mine, code, limit=3) == expected[:3]


def test_what_is_cut_is_the_same_for_whoever_asks_and_whole(tmp_path: Path) -> None:
    write(tmp_path, "rows.csv")
    mine = declared(tmp_path)
    data, other = opened(mine), opened(mine)
    for code in mine.languages:
        parts = {split: texts(data.examples(mine, code, split)) for split in ("train", "dev", "test")}
        assert {split: len(part) for split, part in parts.items()} == {"train": 14, "dev": 2, "test": 4}
        assert sorted(text for part in parts.values() for text in part) == sorted(
            text for text, _, language in ROWS if language == code
        )
        labels = Counter(example.gold for example in data.examples(mine, code, "test"))
        assert labels == {"a": 2, "b": 2}
        assert texts(other.examples(mine, code, "test")) == parts["test"]
    assert len(data.training("mine", "train")) == 42 and len(data.training("mine", "dev")) == 6
    assert len(data.training("mine@de", "train")) == 14
    assert [*data.learnt("mine")] == ["de", "en", "zh"] and [*data.learnt("mine@de")] == ["de"]
    german = opened(replace(mine, train_languages=("de",)))
    assert german.training("mine", "train") == data.training("mine@de", "train")
    seeds = [replace(mine, cut=Cut({"test": 0.2}, seed)) for seed in (1, 2)]
    one, two = (texts(opened(seeded).examples(seeded, "de")) for seeded in seeds)
    assert one != two and len(one) == len(two) == 4


@given(
    st.dictionaries(
        st.sampled_from(["de", "en"]),
        st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xy")), max_size=40),
        min_size=1,
    ),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 5),
)
def test_no_text_is_on_two_sides_and_none_is_lost(
    rows: dict[str, list[tuple[str, str]]], test: float, dev: float, seed: int
) -> None:
    whole = {code: [Text(text, label) for text, label in pairs] for code, pairs in rows.items()}
    parts = cut_off(whole, Cut({"test": test, "dev": dev}, seed))
    sides = {split: {e.text for es in by.values() for e in es} for split, by in parts.items()}  # type: ignore[union-attr]
    assert not sides["train"] & sides["test"] and not sides["train"] & sides["dev"]
    assert not sides["dev"] & sides["test"]
    for code, examples in whole.items():
        found = [example for by_language in parts.values() for example in by_language[code]]
        assert Counter(found) == Counter(examples)


def test_files_by_language_and_a_column_of_splits(tmp_path: Path) -> None:
    for code in ("de", "pt-BR"):
        (tmp_path / f"{code}.tsv").write_text(
            f"said\tis\tpart\n{code} one\ta\ttrain\n{code} two\tb\tvalidation\n{code} three\ta\ttest\n"
        )
    path = str(tmp_path / "{language}.tsv")
    mine = declared(
        tmp_path, languages=("de", "pt-BR", "sw"), files=dict.fromkeys(("train", "dev", "test"), (path,)), cut=None,
        where={"part": "{split}"}, splits={"dev": "validation"},
    )  # fmt: skip
    data = opened(mine)
    assert data.languages(mine) == ("de", "pt-BR")
    assert texts(data.examples(mine, "pt-BR", "dev")) == ["pt-BR two"]
    assert texts(data.training("mine", "train")) == ["de one", "pt-BR one"]
    [one], [other] = data.evaluated(mine, "de", "test"), data.learnt("mine")["de"]
    assert one.file == other.file and not one.overlaps(other)


def test_a_pair_words_with_tags_and_what_belongs_to_a_text(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text(
        '{"q1": "a", "q2": "b", "same": 1}\n{"q1": "c", "q2": "d", "same": null}\n'
    )
    pairs = declared(
        tmp_path, "pairs.jsonl", cut=None, where={}, languages=("en",), labels=("0", "1"),
        columns={"first": "q1", "second": "q2", "label": "same"}, files={"test": (str(tmp_path / "pairs.jsonl"),)},
    )  # fmt: skip
    found = opened(pairs).examples(pairs, "en")
    assert [(one.first, one.second, one.label) for one in found] == [("a", "b", "1"), ("c", "d", None)]  # type: ignore[union-attr]
    (tmp_path / "t.conll").write_text("-DOCSTART- -X- O\n\nAnna NNP B-PER\nruns VBZ O\n\n. . O\n")
    (tmp_path / "t.jsonl").write_text(
        '{"tokens": ["Anna", "runs"], "ner": ["B-PER", "O"]}\n{"tokens": ["."], "ner": ["O"]}\n'
    )
    for name, columns in (("t.conll", {}), ("t.jsonl", {"words": "tokens", "tags": "ner"})):
        tags = declared(
            tmp_path, kind="tag", labels=("B-PER", "O"), columns=columns, where={}, cut=None, languages=("en",),
            files={"test": (str(tmp_path / name),)},
        )  # fmt: skip
        read = opened(tags).examples(tags, "en")
        assert [(one.words, one.gold) for one in read] == [
            (("Anna", "runs"), ("B-PER", "O")),
            ((".",), ("O",)),
        ]  # type: ignore[union-attr]
    (tmp_path / "faq.csv").write_text('question,answer\nHow?,"So, and so."\n')
    faq = declared(
        tmp_path, kind="retrieve", labels=(), where={}, cut=None, languages=("en",),
        columns={"source": "answer", "target": "question"}, files={"test": (str(tmp_path / "faq.csv"),)},
    )  # fmt: skip
    [one] = opened(faq).examples(faq, "en")
    assert (one.source, one.target) == ("So, and so.", "How?")  # type: ignore[union-attr]


def test_universal_dependencies_are_read_as_they_are_published(tmp_path: Path) -> None:
    file = tmp_path / "a.conllu"
    file.write_text(
        "# text = Zum Haus\n1-2\tZum\t_\t_\n1\tZu\tzu\tADP\n2\tdem\tder\tDET\n2.1\tx\tx\tX\n3\tHaus\tHaus\tNOUN\n\n"
    )
    [one] = word_columns(file, {}, (), True)
    assert one.words == ("Zu", "dem", "Haus") and one.tags == ("ADP", "DET", "NOUN")
    assert word_columns(file, {"words": "3"}, (), True)[0].words == ("zu", "der", "Haus")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "said,is,lang\nhi,c,de\n", r'a.csv:2: label "c" is not one of a, b'),
        ("a.csv", "said,is,lang\nhi,,de\n", "a.csv:2: is: expected a label, found nothing"),
        ("a.csv", "said,is,lang\nhi,a,\n", "a.csv:2: lang: expected a value, found nothing"),
        ("a.csv", "text,is,lang\nhi,a,de\n", "a.csv:2: expected a field said, found is, lang, text"),
        ("a.csv", "said,is\nhi,a\n", "a.csv:2: expected a field lang"),
        ("a.csv", "said,is,lang\nhi,a,de,x\n", "a.csv:2: expected 3 cells"),
        ("a.parquet", "not parquet at all", "a.parquet: expected a Parquet file"),
        ("a.xlsx", "x", "expected a table as .tsv, .csv, .jsonl or .parquet, found .xlsx"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=told):
        opened(declared(tmp_path, name)).training("mine", "train")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a X\nb\n", "a.conll:2: expected 2 columns"),
        ("a X\nb Y\n", r'a.conll:2: label "Y" is not one of X'),
        ("a\nb\n", "a.conll:1: expected a word and its tag on a line"),
    ],
)
def test_wrong_columns_of_words_are_told_with_their_line(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "a.conll"
    file.write_text(content)
    with pytest.raises(InputError, match=told):
        word_columns(file, {}, ("X",), True)


def test_a_declaration_is_known_by_all_but_where_its_files_lie(tmp_path: Path) -> None:
    mine = declared(tmp_path)
    moved = declared(tmp_path / "elsewhere")
    assert opened(mine).own.digest("mine") == opened(moved).own.digest("mine")
    others = [
        replace(mine, labels=("b", "a")),
        replace(mine, cut=Cut({"test": 0.2}, 1)),
        replace(mine, where={}),
    ]
    assert len({opened(one).own.digest("mine") for one in (mine, *others)}) == 4
    scored = replace(mine, metrics=("macro_f1", "mcc"))  # which changes no example
    assert opened(scored).own.digest("mine") == opened(mine).own.digest("mine")


@pytest.mark.usefixtures("offline")
def test_a_data_set_of_the_hub_is_read_at_one_commit(tmp_path: Path) -> None:
    from datasets import ClassLabel, Features, Value

    label = ClassLabel(names=["bad", "good"])
    features = Features({"body": Value("string"), "stars": label})
    repo = tmp_path / "repo"
    for code in ("de", "en"):
        for split, count in (("train", 20), ("test", 6)):
            columns = {
                "body": [f"{code} {split} {n}" for n in range(count)],
                "stars": [n % 2 for n in range(count)],
            }
            publish(repo, f"reviews_{code}", split, columns, features)  # type: ignore[arg-type]
    card = "".join(
        f"- config_name: reviews_{code}\n  data_files:\n"
        + "".join(f"  - split: {split}\n    path: reviews_{code}/{split}-*\n" for split in ("train", "test"))
        for code in ("de", "en")
    )
    (repo / "README.md").write_text(f"---\nconfigs:\n{card}---\n")
    source = HubSource(
        str(repo),
        "reviews_{language}",
        {"train": "train", "test": "test"},
        {"text": "body", "label": "stars"},
    )
    mine = declared(
        tmp_path,
        files={},
        hub=source,
        languages=("de", "en"),
        labels=("bad", "good"),
        where={},
        cut=Cut({"dev": 0.1}),
    )
    data = Data(None, None, (mine,), lambda: Hub({str(repo): COMMIT}, None, frozen=True))
    assert data.languages(mine) == data.languages(mine, "dev") == ("de", "en")
    assert data.examples(mine, "de", limit=2) == [Text("de test 0", "bad"), Text("de test 1", "good")]
    assert [len(data.training("mine", split)) for split in ("train", "dev")] == [36, 4]
    [file] = data.task_files(mine, "en")
    assert str(file) == f"{repo}@{COMMIT}/reviews_en/test"


def test_built_in_tasks_need_a_folder_beside_own_ones(tmp_path: Path) -> None:
    write(tmp_path, "rows.csv")
    data = opened(declared(tmp_path))
    with pytest.raises(InputError, match=r"expected one, found none\. Give --data DIR"):
        data.languages(task("xnli"))
    own = asdict(declared(tmp_path))
    assert (
        Data.open(DataSpec(str(tmp_path), own=(own,))).languages(task("xnli")) == ()
    )  # any folder will do then
