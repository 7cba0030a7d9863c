"""A recipe from data: what is found, what is told of odd data with file and line, and that what is written plans."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.cli import app
from xpareto.pipelines.drafting.files import find_files, named
from xpareto.pipelines.drafting.looked_at import look
from xpareto.pipelines.drafting.model import Model, with_model
from xpareto.pipelines.drafting.odd import oddities
from xpareto.pipelines.planning.preparation import Options, Prepared, prepare
from xpareto.pipelines.recipe.checks import load_recipe

GOOD = [(f"{code} text {n}", ("yes", "no")[n % 2], code) for n in range(40) for code in ("de", "en", "yue")]
Ask = Callable[..., str]


def table(file: Path, rows: Sequence[Sequence[str]], columns: str = "text,label,language") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([columns, *map(",".join, rows)]) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return a function: words after `xpareto init` -> what it says; the working directory is a new one."""
    monkeypatch.chdir(tmp_path)

    def ask(*words: str) -> str:
        done = CliRunner().invoke(app, ["init", *words])
        if done.exception is not None:
            raise done.exception
        return done.output

    return ask


def planned(recipe: str, folder: Path) -> Prepared:
    return prepare(Options(recipe, store=folder / "store"))


def odd(*files: Path) -> list[str]:
    return list(oddities(look(find_files(files))))


def test_one_table_becomes_a_recipe_that_plans_with_no_edit(init: Ask, tmp_path: Path) -> None:
    table(tmp_path / "intents.csv", GOOD)
    said = init("intents.csv")
    assert "Wrote intents.yaml: classify on train 120 examples" in said
    assert "Check: no file name says which split it is" in said
    text = (tmp_path / "intents.yaml").read_text()
    assert "# By language: de 40, en 40, yue 40." in text and "# By label: yes 60, no 60." in text
    ready = planned("intents.yaml", tmp_path)
    [work] = ready.work
    assert work.languages == ("de", "en", "yue") and work.task.metrics == ("accuracy", "macro_f1", "mcc")
    assert work.task.labels == ("no", "yes") and work.task.cut is not None and ready.start.data_name
    assert str(tmp_path) not in text
    with pytest.raises(InputError, match=r"intents\.yaml: expected a new file, found one that is there"):
        init("intents.csv")


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (
            ("en/train", "en/test", "de/train", "de/test"),
            {"train": "{language}/train", "test": "{language}/test"},
        ),
        (
            ("train-en", "validation-en", "train-sw"),
            {"train": "train-{language}", "dev": "validation-{language}"},
        ),
        (("test.de", "test.zh"), {"train": "test.{language}"}),  # nothing else to learn from
        (("train", "is_test"), {"train": "train", "test": "is_test"}),  # no Icelandic
        (("en", "pt"), {"train": "{language}"}),
    ],
)
def test_names_of_files_say_split_and_language(
    init: Ask, tmp_path: Path, names: Sequence[str], files: Mapping[str, str]
) -> None:
    for name in names:
        table(
            tmp_path / "data" / f"{name}.csv", [(f"{name} {n}", "ab"[n % 2]) for n in range(40)], "text,label"
        )
    init("data", "--out", "mine.yaml")
    [choice] = load_recipe(tmp_path / "mine.yaml").recipe.tasks
    assert choice.files == {split: f"data/{name}.csv" for split, name in files.items()}


def test_columns_of_splits_and_languages_are_found_and_others_are_not_guessed(
    init: Ask, tmp_path: Path
) -> None:
    parts = ["train", "validation", "test"]
    rows = [
        (str(n), f"question {n} about something", "abc"[n % 3], ("en", "fr")[n % 2], parts[n // 2 % 3])
        for n in range(120)
    ]
    table(tmp_path / "mine.csv", rows, "id,asked,kind of it,loc,split")
    said = init("mine.csv")
    assert "the column kind of it is taken for the label" in said and "asked is taken for the text" in said
    [choice] = load_recipe(tmp_path / "mine.yaml").recipe.tasks
    assert choice.columns == {"text": "asked", "label": "kind of it", "language": "loc", "split": "split"}
    assert choice.splits == {"dev": "validation"} and choice.files == "mine.csv"
    [work] = planned("mine.yaml", tmp_path).work
    assert work.languages == ("en", "fr") and work.task.cut is None


def test_pairs_tags_questions_and_what_belongs_together(init: Ask, tmp_path: Path) -> None:
    pairs = [json.dumps({"premise": f"p{n}", "hypothesis": f"h{n}", "label": n % 3}) for n in range(30)]
    (tmp_path / "nli.jsonl").write_text("\n".join(pairs))
    (tmp_path / "ner.conll").write_text("\n".join(f"Anna{n} B-PER\nruns O\n" for n in range(30)))
    questions = [
        {"id": str(n), "question": f"q{n}?", "answers": [{"text": "It", "answer_start": 0}]}
        for n in range(30)
    ]
    paragraphs = [{"context": f"It is {at}.", "qas": [entry]} for at, entry in enumerate(questions)]
    (tmp_path / "qa.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    table(tmp_path / "faq.csv", [(f"answer {n}", f"question {n}") for n in range(30)], "answer,question")
    kinds = {"nli.jsonl": "classify", "ner.conll": "tag", "qa.json": "span", "faq.csv": "retrieve"}
    for name, kind in kinds.items():
        assert kind in init(name)
        recipe = f"{name.partition('.')[0]}.yaml"
        [work] = planned(recipe, tmp_path).work
        assert work.task.kind == kind and work.languages == ("und",)
    [choice] = load_recipe(tmp_path / "nli.yaml").recipe.tasks
    assert choice.columns == {"first": "premise", "second": "hypothesis", "label": "label"}
    assert choice.labels == ["0", "1", "2"]


def test_odd_data_are_told_with_file_and_line(tmp_path: Path) -> None:
    rows = [
        *GOOD,
        ("", "yes", "en"),
        ("en text 1", "yes", "en"),
        *[(f"mtu {n}", "no", "sw") for n in range(4)],
    ]
    train = table(tmp_path / "train.csv", rows)
    test = table(tmp_path / "test.csv", [("en text 3", "no", "en"), ("fresh", "maybe", "en")])
    assert odd(train, test) == [
        f'{test}:3: the label "maybe" is in test only, so nothing learns it and its examples count as wrong.',
        f"{train}:122: 1 text is empty.",
        f"{test}:2: 1 text of test is in train, too, the first at {train}:12: what is learnt by heart scores there.",
        f"{train}:6: 1 text has several labels, here no and yes.",
        f"{train}:124: the language sw has 4 examples: its score will say next to nothing. Collect more, or leave it "
        "out by `languages`.",
    ]
    assert odd(table(tmp_path / "clean" / "train.csv", GOOD)) == []


def test_a_test_set_alone_is_trained_on_unless_a_model_is_fine_tuned(init: Ask, tmp_path: Path) -> None:
    table(tmp_path / "test.csv", GOOD)
    assert "no file is called train, so that test is trained on" in init("test.csv", "--out", "mine.yaml")
    [choice] = load_recipe(tmp_path / "mine.yaml").recipe.tasks
    assert choice.files == {"train": "test.csv"}
    table(tmp_path / "a.csv", [(*row, "test") for row in GOOD], "text,label,language,split")
    with pytest.raises(InputError, match=r"a\.csv:2: expected rows of train in the column split, found none"):
        init("a.csv")


@pytest.mark.parametrize(
    ("rows", "columns", "told"),
    [
        ([(f"t{n}", f"{n}") for n in range(9)], "text,number",
         r"a\.csv:1: expected a column of labels, whose values come again, found none among text \(9 values\), number"),
        ([(f"t{n}", "x") for n in range(9)], "text,label",
         r"a\.csv:2: expected two labels or more in the column label, found one: x"),
        ([("a", "x"), ("b", ""), ("c", "x"), ("d", "y"), ("e", "y"), ("f", "y")], "text,label",
         r"a\.csv:3: expected a label, found nothing, as in 1 of 6 rows"),
        ([("x",), ("y",), ("x",), ("y",)], "label", r"a\.csv:1: expected a column of texts beside label, found label"),
        ([("t", "x", "more"), ("u", "y")], "text,label", r"a\.csv:2: expected 2 cells \(text, label\), found 3"),
        ([], "text,label", r"a\.csv: expected rows below the header, found none"),
        ([("a;x",)], "text;label", r"a\.csv:1: expected columns apart by commas, found 'text;label'\. Save"),
        ([("a", "b")], "text,text", r"a\.csv:1: expected columns of different names, found two called 'text'"),
    ],
)  # fmt: skip
def test_data_that_nothing_can_be_learnt_from_are_refused(
    tmp_path: Path, rows: Sequence[Sequence[str]], columns: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        odd(table(tmp_path / "a.csv", rows, columns))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['{"text": "a", "label": "x"}', "[1]"], r"a\.jsonl:2: expected an object with fields, found \[1\]"),
        (
            ['{"text": 1, "label": "x"}', '{"text": "b", "label": "x"}'],
            r"a\.jsonl:1: text: expected text, found 1",
        ),
    ],
)
def test_json_lines_that_are_no_rows_are_refused(tmp_path: Path, lines: Sequence[str], told: str) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    with pytest.raises(InputError, match=told):
        look([tmp_path / "a.jsonl"])


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    first, second = (table(tmp_path / name, GOOD) for name in ("one.csv", "two.csv"))
    with pytest.raises(InputError, match=r"one\.csv and two\.csv: expected names that say what each file is"):
        named([first, second])
    (tmp_path / "a.jsonl").write_text("{}")
    with pytest.raises(InputError, match=r"expected files of one kind, such as \.csv, found \.csv, \.jsonl"):
        find_files([tmp_path])
    with pytest.raises(InputError, match="expected a data file or a folder of them, found nothing"):
        find_files([tmp_path / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: expected files of data \(\.tsv"):
        find_files([tmp_path / "empty"])


def test_a_fine_tuned_model_is_tested_and_not_trained(tmp_path: Path) -> None:
    for split in ("train", "test"):
        table(tmp_path / f"{split}.csv", [(f"{split} {text}", label, code) for text, label, code in GOOD])
    found = look(find_files([tmp_path]))
    answered = with_model(found, Model("m", "classification", ("YES", "maybe", "no")))
    assert answered is not None
    tested, labels = answered
    assert [*tested.files] == ["test"] and labels == ("yes", "maybe", "no") and len(tested.rows) == len(GOOD)
    assert with_model(found, Model("m", "mlm", ())) is None
    assert with_model(found, Model("m", "tagging", ("yes", "no"))) is None
    told = r"test\.csv:2: expected labels of --model m, .* has LABEL_0 and LABEL_1; found no and yes\. Where they mean"
    with pytest.raises(InputError, match=told):
        with_model(found, Model("m", "classification", ("LABEL_0", "LABEL_1")))


def test_a_model_that_is_nowhere_is_told(init: Ask, tmp_path: Path) -> None:
    table(tmp_path / "a.csv", GOOD)
    with pytest.raises(InputError, match=r"--model \.\./no/such/folder: expected a folder or a hub id"):
        init("a.csv", "--model", "../no/such/folder")
    assert not (tmp_path / "a.yaml").exists()


def test_the_tasks_of_a_recipe_are_listed_with_what_their_files_show(init: Ask, tmp_path: Path) -> None:
    table(tmp_path / "intents.csv", GOOD)
    init("intents.csv")
    listed = CliRunner().invoke(app, ["list", "intents.yaml", "-v"]).output
    assert "intents" in listed and "accuracy, macro_f1, mcc" in listed and "de en yue" in listed


def test_pairs_with_a_number_are_similar_and_those_with_a_class_are_not(init: Ask, tmp_path: Path) -> None:
    pairs = [(f"a {n}", f"b {n}", str(n % 11 / 2), ("de", "en")[n % 2]) for n in range(80)]
    table(tmp_path / "sts.csv", pairs, "sentence1,sentence2,label,lang")
    assert "Wrote sts.yaml: similarity on test 80 examples" in init("sts.csv")
    [choice] = load_recipe(tmp_path / "sts.yaml").recipe.tasks
    assert choice.columns == {
        "first": "sentence1",
        "second": "sentence2",
        "score": "label",
        "language": "lang",
    }
    [work] = planned("sts.yaml", tmp_path).work
    assert work.languages == ("de", "en") and work.task.kind == "similarity"
    assert "train" not in (tmp_path / "sts.yaml").read_text().partition("steps:")[2]
    whole = [(one, other, str(n % 5), code) for n, (one, other, _, code) in enumerate(pairs)]
    assert (
        look(find_files([table(tmp_path / "whole.csv", whole, "text1,text2,score,lang")])).kind
        == "similarity"
    )
    assert look(find_files([table(tmp_path / "nli.csv", whole, "text1,text2,label,lang")])).kind == "classify"
    paraphrase = [(one, other, str(n % 2), code) for n, (one, other, _, code) in enumerate(pairs)]
    assert (
        look(find_files([table(tmp_path / "para.csv", paraphrase, "text1,text2,score,lang")])).kind
        == "classify"
    )


def test_a_folder_in_beir_s_layout_is_a_ranking(init: Ask, tmp_path: Path) -> None:
    for code in ("de", "sw"):
        (tmp_path / "faq" / code / "qrels").mkdir(parents=True)
        for name in ("queries", "corpus"):
            texts = "".join(json.dumps({"_id": str(n), "text": f"{name} {n}"}) + "\n" for n in range(35))
            (tmp_path / "faq" / code / f"{name}.jsonl").write_text(texts)
        judged = "".join(f"{n}\t{n}\t1\n" for n in range(35))
        for split in ("test", "valid"):
            file = tmp_path / "faq" / code / "qrels" / f"{split}.tsv"
            file.write_text("query-id\tcorpus-id\tscore\n" + judged)
    assert "Wrote faq.yaml: ranking on test 70, dev 70 examples" in init("faq")
    [choice] = load_recipe(tmp_path / "faq.yaml").recipe.tasks
    assert choice.files == "faq/{language}" and choice.splits == {"dev": "valid"}
    [work] = planned("faq.yaml", tmp_path).work
    assert work.languages == ("de", "sw") and work.task.kind == "ranking"
    assert "Check: no folder name tells the language" in init("faq/de", "--out", "de.yaml")
    (tmp_path / "faq" / "sw" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\t99\t1\n")
    with pytest.raises(
        InputError, match=r"sw/qrels/test\.tsv:2: expected an id that corpus\.jsonl has, found '99'"
    ):
        init("faq", "--out", "again.yaml")


SEVERAL = [
    (f"{code} text {n}", [label for label, of in (("war", 2), ("sport", 3), ("art", 5)) if n % of == 0], code)
    for n in range(60)
    for code in ("de", "en")
]


@pytest.mark.parametrize("form", ["separated", "marked", "lists"])
def test_several_labels_are_told_in_every_form_and_planned_with_no_edit(
    init: Ask, tmp_path: Path, form: str
) -> None:
    if form == "separated":
        rows = [(text, "|".join(labels), code) for text, labels, code in SEVERAL]
        name = table(tmp_path / "topics.csv", rows, "text,topics,language").name
        told = 'columns: {text: text, labels: topics, language: language}\n    separator: "|"'
    elif form == "marked":
        rows = [
            (text, *(str(int(label in labels)) for label in ("war", "sport", "art")), code)
            for text, labels, code in SEVERAL
        ]
        name = table(tmp_path / "topics.csv", rows, "text,war,sport,art,language").name
        told = "columns: {labels: [war, sport, art], text: text, language: language}"
    else:
        lines = [{"text": text, "labels": labels, "language": code} for text, labels, code in SEVERAL]
        name = "topics.jsonl"
        (tmp_path / name).write_text("\n".join(map(json.dumps, lines)))
        told = "columns: {text: text, labels: labels, language: language}"
    said = init(name)
    assert "Wrote topics.yaml: multilabel on train 120 examples" in said
    text = (tmp_path / "topics.yaml").read_text()
    assert told in text and "# By label: war 60, sport 40, (none) 32, art 24." in text
    assert 'the label "art" has 24 examples, under 30' in said
    [work] = planned("topics.yaml", tmp_path).work
    assert {*work.task.labels} == {"war", "sport", "art"} and work.languages == ("de", "en")
    assert work.task.metrics == ("micro_f1", "macro_f1", "subset_accuracy") and work.task.cut is not None


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (
            "text,label",
            [(f"t{n}", ("food; drink", "travel")[n % 2]) for n in range(40)],
        ),  # marks within one label
        (
            "text,label,seen",
            [(f"t{n}", "01"[n % 2], "01"[n % 3 == 0]) for n in range(40)],
        ),  # 0 and 1 beside a label
        ("text,label", [("a; b", ("x", "y")[n % 2]) for n in range(40)]),
        ("text,intent,tags", [(f"t{n}", "xyz"[n % 3], ("a;b", "a", "b")[n % 3]) for n in range(40)]),
    ],
)
def test_one_label_is_not_taken_for_several(
    tmp_path: Path, columns: str, rows: list[tuple[str, ...]]
) -> None:
    assert look(find_files([table(tmp_path / "a.csv", rows, columns)])).kind == "classify"


def test_odd_labels_are_told_with_file_and_line(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [(f"t{n}", ("a;b", "a", "b", "")[n % 4]) for n in range(80)], "text,labels")
    table(tmp_path / "test.csv", [("t0", "a;c"), ("", "a"), ("new", "b")], "text,labels")
    told = "\n".join(odd(tmp_path / "train.csv", tmp_path / "test.csv"))
    assert 'test.csv:2: the label "c" is in test only' in told
    assert "test.csv:3: 1 text is empty" in told
    assert "test.csv:2: 1 text of test is in train, too" in told
    assert "1 text has other labels in other rows, here a and b and a and c" in told
    assert 'the label "c" has 1 example, under 30' in told
    table(tmp_path / "test.csv", [("u0", ""), ("u1", "")], "text,labels")
    assert "no text of test has a label" in "\n".join(odd(tmp_path / "train.csv", tmp_path / "test.csv"))


def test_a_model_of_several_labels_is_tested_and_one_of_one_label_is_told(init: Ask, tmp_path: Path) -> None:
    table(
        tmp_path / "test.csv", [(t, ";".join(labels), c) for t, labels, c in SEVERAL], "text,topics,language"
    )
    found = look(find_files([tmp_path / "test.csv"]))
    answered = with_model(found, Model("m", "multi_label_classification", ("War", "Sport", "Art")))
    assert answered is not None and answered[1] == ("war", "sport", "art")
    assert with_model(found, Model("m", "classification", ("war", "sport", "art"))) is None
