"""Tasks that a recipe declares, planned: what is found, what is told, and what a change of a file makes anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.compress.heads import HEADS
from xpareto.eval.tasks import HEAD_OF_KIND, UNTRAINED
from xpareto.pipelines.planning.preparation import Options, Prepared, prepare

RECIPE = """\
xpareto: 1
name: mine
base: embedded
tasks:
TASKS
steps:
  - {step: train, label: fp32, on: each, max_steps: 2, batch_size: 4}
  - {step: export_onnx, label: onnx}
"""
INTENTS = (
    "  - {task: intents, kind: classify, files: FILES, columns: {text: said, label: is, language: lang}MORE}"
)
ROWS = [(f"{code} text {n}", "ab"[n % 2], code) for n in range(20) for code in ("de", "yue")]


def rows(
    folder: Path, name: str, content: Sequence[tuple[str, ...]] = tuple(ROWS), columns: str = "said,is,lang"
) -> None:
    (folder / name).write_text("\n".join([columns, *map(",".join, content)]) + "\n")


def planned(folder: Path, tasks: str, *sets: str, data: Path | None = None) -> Prepared:
    file = folder / "mine.yaml"
    file.write_text(RECIPE.replace("TASKS", tasks))
    return prepare(Options(str(file), sets, data=str(data) if data else None, store=folder / "store"))


def intents(files: str = "a.csv", more: str = "") -> str:
    return INTENTS.replace("FILES", files).replace("MORE", more)


def keys(ready: Prepared) -> dict[str, str]:
    return {node.label: key for key, node in ready.plan.nodes.items()}


def test_a_table_beside_a_recipe_is_a_task_with_languages_and_labels_of_its_own(tmp_path: Path) -> None:
    rows(tmp_path, "a.csv")
    ready = planned(tmp_path, intents())
    [work] = ready.work
    assert (
        work.languages == ("de", "yue")
        and work.task.labels == ("a", "b")
        and work.task.trained_on == "intents"
    )
    assert {name for candidate in ready.plan.candidates for name in candidate.artifacts} == {"intents"}
    note, unknown = (note for note in ready.notes if "intents" in note)
    assert "of yue neither script nor resources are known" in unknown
    assert "test 20% and dev 10% of train, by label and language" in note and "seed 0" in note


def test_what_depends_on_a_label_or_on_how_a_file_is_read_is_made_anew(tmp_path: Path) -> None:
    rows(tmp_path, "a.csv")
    before = planned(tmp_path, intents())
    again = planned(tmp_path, intents())
    assert keys(before) == keys(again) and before.plan.key == again.plan.key
    seeded = planned(tmp_path, intents(more=", cut: {seed: 1}"))
    rows(tmp_path, "a.csv", [("de text 0", "b", "de"), *ROWS[1:]])
    changed = planned(tmp_path, intents())
    for other in (seeded, changed):
        assert keys(other)["base"] == keys(before)["base"]
        assert all(keys(other)[label] != keys(before)[label] for label in ("fp32", "onnx"))
        assert other.work[0].fingerprints != before.work[0].fingerprints
    (tmp_path / "elsewhere").mkdir()
    rows(tmp_path / "elsewhere", "a.csv", [("de text 0", "b", "de"), *ROWS[1:]])
    assert keys(planned(tmp_path / "elsewhere", intents())) == keys(changed)


def test_files_lie_below_the_data_too_and_languages_are_in_their_names(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "en").mkdir(parents=True)
    (data / "pt-BR").mkdir()
    for code in ("en", "pt-BR"):
        for split in ("train", "validation", "test"):
            rows(data / code, f"{split}.csv", [(f"{code} {n}", "xyz"[n % 3]) for n in range(6)], "said,is")
    text = (
        "  - {task: topics, kind: classify, files: '{language}/{split}.csv', splits: {dev: validation}, "
        "columns: {text: said, label: is}, train_languages: [en], metrics: [accuracy]}"
    )
    ready = planned(tmp_path, text, data=data)
    [work] = ready.work
    assert work.languages == ("en", "pt-BR") and work.task.labels == ("x", "y", "z") and work.task.cut is None
    assert ready.start.data.own.learnt(work.task) == ("en",)
    assert not [note for note in ready.notes if "cut" in note]


def test_one_language_can_be_told_and_one_that_is_not_is_told(tmp_path: Path) -> None:
    rows(tmp_path, "a.csv", [(text, label) for text, label, _ in ROWS], "text,label")
    plain = "  - {task: t, kind: classify, files: a.csvMORE}"
    assert any("neither a file name nor a column tells its language" in note
               for note in planned(tmp_path, plain.replace("MORE", "")).notes)  # fmt: skip
    told = planned(tmp_path, plain.replace("MORE", ", languages: [gsw]"))
    assert told.work[0].languages == ("gsw",) and not any("tells its language" in note for note in told.notes)


def test_a_file_that_is_trained_on_is_not_tested_on(tmp_path: Path) -> None:
    rows(tmp_path, "a.csv")
    both = intents("{train: a.csv, test: a.csv}")
    with pytest.raises(InputError, match="its test split cannot be evaluated: the recipe trains on intents"):
        from xpareto.pipelines.planning.preflight import check_training

        ready = planned(tmp_path, both)
        check_training(ready.work, ready.plan, ready.start, ready.store)
    ready = planned(tmp_path, intents())
    check_training(ready.work, ready.plan, ready.start, ready.store)  # cut: one file, no row of both


def test_a_task_that_trains_nothing_is_answered_by_the_encoder(tmp_path: Path) -> None:
    (tmp_path / "faq.csv").write_text(
        "source,target\n" + "".join(f"answer {n},question {n}\n" for n in range(8))
    )
    ready = planned(tmp_path, "  - {task: faq, kind: retrieve, files: faq.csv, languages: [de]}")
    assert ready.work[0].task.trained_on == "encoder" and ready.work[0].split == "test"


def judged(folder: Path, names: Sequence[str]) -> None:
    """Write queries, a corpus and judgements, each file where it is named."""
    texts = "".join(f'{{"_id": "{n}", "text": "text {n}"}}\n' for n in range(4))
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(
            "query-id\tcorpus-id\tscore\n1\t2\t1\n" if name.endswith(".tsv") else texts
        )


def test_a_ranking_is_a_folder_for_each_language_or_three_files_of_which_some_are_shared(
    tmp_path: Path,
) -> None:
    beir = ("queries.jsonl", "corpus.jsonl", "qrels/test.tsv", "qrels/valid.tsv")
    judged(tmp_path, [f"{code}/{name}" for code in ("de", "sw") for name in beir])
    folders = (
        "  - {task: find, kind: ranking, files: '{language}', splits: {dev: valid}, prompts: {query: 'q: '}}"
    )
    ready = planned(tmp_path, folders)
    [work] = ready.work
    assert (
        work.languages == ("de", "sw") and work.task.trained_on == "encoder" and work.task.max_length == 512
    )
    assert {*work.task.files} == {"dev", "test"} and work.task.metrics[0] == "ndcg_at_10"
    assert len([note for note in ready.notes if "3 queries have no judgement in" in note]) == 2
    judged(tmp_path, ["queries-de.jsonl", "queries-fr.jsonl", "corpus.jsonl", "test.tsv"])
    files = "{queries: 'queries-{language}.jsonl', corpus: corpus.jsonl, judgements: '{split}.tsv'}"
    other = planned(tmp_path, f"  - {{task: find, kind: ranking, files: {files}}}")
    assert other.work[0].languages == ("de", "fr") and keys(other) == keys(ready)
    (tmp_path / "corpus.jsonl").write_text('{"_id": "2", "text": "another"}\n')
    changed = planned(tmp_path, f"  - {{task: find, kind: ranking, files: {files}}}")
    assert changed.work[0].fingerprints != other.work[0].fingerprints


def test_pairs_with_a_score_are_scored_in_each_language_and_train_nothing(tmp_path: Path) -> None:
    rows(
        tmp_path,
        "s.csv",
        [(f"a {n}", f"b {n}", str(n / 2), ("de", "en")[n % 2]) for n in range(8)],
        "a,b,how,lang",
    )
    text = "  - {task: sts, kind: similarity, files: s.csv, columns: {first: a, second: b, score: how, language: lang}}"
    [work] = planned(tmp_path, text).work
    assert (
        work.languages == ("de", "en")
        and work.split == "test"
        and work.task.metrics == ("spearman", "pearson")
    )
    assert not work.withheld and work.task.trained_on == "encoder"


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        (intents("gone.csv"), r"mine.yaml: tasks.intents.files: expected gone.csv, found no such file in "),
        (intents("{train: a.csv, test: gone.csv}"), r"tasks.intents.files.test: expected gone.csv"),
        (intents("'{lang}.csv'"), r"mine.yaml:5: tasks.0.files: expected {language} and {split} alone in braces"),
        (intents("'{language}.csv'"), "the files have {language} in their names, so no column says it"),
        (intents(more=", metrics: [acuracy]"), r'unknown metric "acuracy" of classify. Did you mean "accuracy"\?'),
        (intents(more=", labels: [a]"), "tasks.0.labels: expected at least 2 of them"),
        (intents(more=", languages: [de, sw]"), "sw: the files have no such language. They have: de and yue"),
        (intents(more=", train_languages: [sw]"), "tasks.intents.train_languages: intents has no sw. It has: de, yue"),
        (intents(more=", parallel: true"), "parallel: its test and dev would be cut from train by text"),
        (intents(more=", trained_on: mnl"), r'unknown training set "mnl". Did you mean "mnli"\?'),
        (intents(more=", trained_on: intents@de"), "learns from is said by its `train_languages`. Leave the @ out"),
        (intents(more=", trained_on: udpos"), "intents needs a training set of kind classify, found udpos of kind tag"),
        (intents(more=", hub: {repo: a/b}"), "the task intents needs either `files` or `hub`"),
        (intents().replace("said,", "one,").replace("is,", "two,"), "a.csv:2: expected a field one, found is"),
        (intents().replace("task: intents", "task: xnli"), "tasks.0.task: xnli is the name of a built-in task or set"),
        (intents().replace("task: intents", "task: My task"), "expected a name of lower-case letters"),
        (intents().replace("text: said", "txet: said"), r'unknown column "txet" of classify. Did you mean "text"\?'),
        (intents().replace("text: said", "first: said"), "a pair of texts needs both first and second"),
        ("  - {task: udpos, metrics: [f1]}", "metrics: only for a task of your own, which needs the key `kind`"),
        ("  - {task: t, kind: clasify, files: a.csv}", r"'span', 'retrieve', 'similarity' or 'ranking'"),
        ("  - {task: t, kind: classify, hub: {repo: a/b}}", "a task on the hub needs `languages`"),
        ("  - {task: t, kind: similarity, files: a.csv, labels: [a, b]}", "similarity has no labels"),
        ("  - {task: t, kind: similarity, files: a.csv, prompts: {query: a}}", "expected text of similarity, found q"),
        (intents(more=", prompts: {text: a}"), "expected no prompts of classify, found text"),
        ("  - {task: t, kind: similarity, files: a.csv, columns: {first: said, second: said, score: is}}",
         r"a.csv:2: is: expected a number such as 3.5, found 'a'"),
        ("  - {task: t, kind: ranking, files: gone}", r"tasks.t.files: expected gone/queries.jsonl, found"),
        ("  - {task: t, kind: ranking, files: {test: a.csv}}", "expected a folder, or queries, corpus, judgements"),
        ("  - {task: t, kind: ranking, files: x, columns: {text: a}}", "ranking has files with columns of set names"),
        ("  - {task: t, kind: ranking, hub: {repo: a/b}}", "a ranking is read from files. Download them"),
        (intents("{corpus: a.csv}"), "only a ranking has corpus. Name files by split"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_told_where_it_stands(tmp_path: Path, tasks: str, told: str) -> None:
    rows(tmp_path, "a.csv")
    with pytest.raises(InputError, match=told):
        planned(tmp_path, tasks)


def test_one_class_only_has_nothing_to_tell_apart(tmp_path: Path) -> None:
    rows(tmp_path, "a.csv", [(text, "a", code) for text, _, code in ROWS])
    with pytest.raises(
        InputError, match=r"expected two labels or more in the column is, found a\. There is nothing"
    ):
        planned(tmp_path, intents())


def test_languages_of_a_step_belong_into_the_task(tmp_path: Path) -> None:
    rows(tmp_path, "a.csv")
    with pytest.raises(
        InputError, match=r"languages=\[de\]: intents learns from all languages of its train split"
    ):
        planned(tmp_path, intents(), "fp32.languages=[de]")
    with pytest.raises(InputError, match=r'--base: unknown task "nobody"\. Known: intents, bucc2018'):
        prepare(Options(str(tmp_path / "mine.yaml"), base={"nobody": "a"}, store=tmp_path / "store"))


def test_the_kinds_that_train_nothing_are_those_of_the_bare_encoder() -> None:
    assert {kind for kind, head in HEAD_OF_KIND.items() if not HEADS[head].has_logits} == UNTRAINED
