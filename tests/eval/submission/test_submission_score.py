"""Scoring of leaderboard folders: what equals XTREME's evaluate.py, what is missing, what is malformed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.metrics import squad
from xpareto.eval.submission.answers import Answers
from xpareto.eval.submission.leaderboard import GROUPS, NINE, file_of, format_of, title
from xpareto.eval.submission.scoring import score_folder
from xpareto.eval.tasks import (
    KINDS,
    TASKS,
    Answer,
    Bitext,
    Example,
    Pair,
    Prediction,
    Question,
    Sentence,
    Tagged,
    Task,
    task,
)

GOLD_LINES = {
    "xnli": "neutral\nentailment\n",
    "pawsx": "0\n1\n",
    "udpos": "NOUN\nVERB\n\nDET\n",
    "panx": "B-PER\nI-PER\n\nO\n",
    "bucc2018": "{language}-1\ten-1\n{language}-2\ten-2\n",
    "tatoeba": "1\n0\n",
}
WRONG_LINES = {
    "xnli": "neutral\nneutral\n",
    "pawsx": "0\n0\n",
    "udpos": "NOUN\nNOUN\n\nDET\n",
    "panx": "B-PER\nI-PER\n\nB-LOC\n",
    "bucc2018": "{language}-2\ten-2\n",
    "tatoeba": "1\n1\n",
}


def squad_json(answers: dict[str, list[str]]) -> str:
    questions = [
        {"id": name, "question": "?", "answers": [{"text": text, "answer_start": 0} for text in texts]}
        for name, texts in answers.items()
    ]
    return json.dumps({"version": "1.1", "data": [{"paragraphs": [{"context": "c", "qas": questions}]}]})


def write_gold(folder: Path, found: Task, language: str) -> None:
    file = file_of(folder, found, language)
    file.parent.mkdir(parents=True, exist_ok=True)
    if found.kind == "span":
        file.write_text(squad_json({"q1": ["the Rhine", "Rhine river"], "q2": ["1990"]}), encoding="utf-8")
    else:
        file.write_text(GOLD_LINES[found.name].format(language=language), encoding="utf-8")


def write_predictions(folder: Path, found: Task, language: str) -> None:
    file = file_of(folder, found, language)
    file.parent.mkdir(parents=True, exist_ok=True)
    if found.kind == "span":
        file.write_text(json.dumps({"q1": "Rhine!", "q2": "in 1990"}), encoding="utf-8")
    else:
        file.write_text(WRONG_LINES[found.name].format(language=language), encoding="utf-8")


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return (predictions, labels) with every language of every task."""
    root = tmp_path_factory.mktemp("folders")
    for name in NINE:
        for language in task(name).languages:
            write_predictions(root / "predictions", task(name), language)
            write_gold(root / "labels", task(name), language)
    return root / "predictions", root / "labels"


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    """Return (predictions, labels) with one language of every task."""
    for name in NINE:
        write_predictions(tmp_path / "predictions", task(name), task(name).languages[0])
        write_gold(tmp_path / "labels", task(name), task(name).languages[0])
    return tmp_path / "predictions", tmp_path / "labels"


# -- what is scored -------------------------------------------------------------------------


def test_the_nine_tasks_are_those_of_the_catalogue_in_xtremes_groups() -> None:
    assert set(NINE) <= set(TASKS.names)
    assert {task(name).group for name in NINE} == set(GROUPS)
    counts = {name: len(task(name).languages) for name in NINE}
    assert counts == {
        "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40, "xquad": 11, "mlqa": 7, "tydiqa": 9,
        "bucc2018": 4, "tatoeba": 36,
    }  # fmt: skip


def test_scores_groups_and_averages_are_unweighted_means(complete: tuple[Path, Path]) -> None:
    scores = score_folder(*complete)
    found = {name: scored.score for name, scored in scores.tasks.items()}
    assert found == pytest.approx(
        {
            "xnli": 50, "pawsx": 50, "tatoeba": 50,
            "udpos": 100 * 2 * 1 / (2 + 3),  # NOUN NOUN is one chunk, so one of two is found of three
            "panx": 100 * 2 * 1 / (2 + 1),
            "bucc2018": 100 * 2 * 1 / (1 + 2),
            "xquad": (50 + (100 + 200 / 3) / 2) / 2,
            "mlqa": (50 / 7 + (500 / 6 + 6 * 200 / 3) / 7) / 2,  # only English drops its article
            "tydiqa": (50 + (100 + 200 / 3) / 2) / 2,
        },
        abs=1e-9,
    )  # fmt: skip
    assert scores.groups["qa"] == pytest.approx((found["xquad"] + found["mlqa"] + found["tydiqa"]) / 3)
    assert scores.groups["tagging"] == pytest.approx((found["udpos"] + found["panx"]) / 2)
    assert scores.overall == pytest.approx(sum(found.values()) / 9)
    seven = [value for name, value in found.items() if name not in {"bucc2018", "tatoeba"}]
    assert scores.overall_without_retrieval == pytest.approx(sum(seven) / 7)
    assert (dict(scores.absent), scores.ignored) == ({}, ())


def test_gold_scored_against_itself_is_perfect(complete: tuple[Path, Path], tmp_path: Path) -> None:
    _, labels = complete
    for name in NINE:
        for language in task(name).languages:
            write_gold(tmp_path, task(name), language)
            if task(name).kind == "span":
                file = file_of(tmp_path, task(name), language)
                file.write_text(json.dumps({"q1": "The Rhine", "q2": "1990"}), encoding="utf-8")
    assert score_folder(tmp_path, labels).overall == pytest.approx(100)


def test_every_metric_has_a_name_in_words_and_legacy_and_corrected_scores_both_stand(
    complete: tuple[Path, Path],
) -> None:
    scores = score_folder(*complete)
    names = {
        name: {metric: title(name, metric) for metric in item.metrics} for name, item in scores.tasks.items()
    }
    assert "legacy" in names["udpos"]["f1"] and "token accuracy" in names["udpos"]["accuracy"]
    for name in ("xquad", "tydiqa"):
        assert "official" in names[name]["f1"] and "not official" in names[name]["f1_language_aware"]
    for name, item in scores.tasks.items():
        assert set(item.metrics) <= set(item.task.metrics), name


def test_crlf_and_a_missing_last_line_feed_change_nothing(small: tuple[Path, Path]) -> None:
    before = score_folder(*small)
    for file in small[0].glob("*/*.tsv"):
        file.write_bytes(file.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n"))
    after = score_folder(*small)
    assert {name: item.metrics for name, item in after.tasks.items()} == {
        name: item.metrics for name, item in before.tasks.items()
    }


def test_further_blank_lines_are_empty_sentences_on_both_sides(small: tuple[Path, Path]) -> None:
    file = Path("panx") / f"test-{task('panx').languages[0]}.tsv"
    (small[1] / file).write_text("\n\nB-PER\n\n\nO\n\n")
    (small[0] / file).write_text("\n\nB-PER\n\n\nO\n\n")
    scored = score_folder(*small).tasks["panx"]
    (own,) = scored.languages.values()
    assert (own.metrics["f1"], own.examples) == (100, 5)


def test_tags_that_are_all_outside_score_zero_not_nan(small: tuple[Path, Path]) -> None:
    file = Path("panx") / f"test-{task('panx').languages[0]}.tsv"
    for folder in small:
        (folder / file).write_text("O\nO\n\nO\n")
    assert score_folder(*small).tasks["panx"].metrics == {"f1": 0.0, "accuracy": 100.0}


def test_nothing_mined_scores_zero(small: tuple[Path, Path]) -> None:
    (small[0] / "bucc2018" / "test-de.tsv").write_text("")
    assert score_folder(*small).tasks["bucc2018"].metrics == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


def test_a_pair_that_is_given_twice_counts_once(small: tuple[Path, Path]) -> None:
    (small[0] / "bucc2018" / "test-de.tsv").write_text("de-1\ten-1\nde-1\ten-1\n")
    assert score_folder(*small).tasks["bucc2018"].metrics["precision"] == 100


def test_unanswered_questions_score_zero_and_are_counted(small: tuple[Path, Path]) -> None:
    (small[0] / "xquad" / "test-ar.json").write_text(json.dumps({"q1": "Rhine", "other": "x"}))
    own = score_folder(*small).tasks["xquad"].languages["ar"]
    assert (own.examples, own.unanswered, own.unknown) == (2, 1, 1)
    assert own.metrics["exact_match"] == 50


def test_mlqa_is_scored_by_the_rules_of_its_language(small: tuple[Path, Path]) -> None:
    for language, f1 in (("de", 100), ("en", 200 / 3)):
        (small[1] / "mlqa" / f"test-{language}.json").write_text(squad_json({"q": ["Katze"]}))
        (small[0] / "mlqa" / f"test-{language}.json").write_text(json.dumps({"q": "die Katze"}))
        own = score_folder(*small).tasks["mlqa"].languages[language]
        assert own.metrics["f1"] == pytest.approx(f1)


# -- what is missing ------------------------------------------------------------------------


def test_missing_languages_are_named_with_the_side_that_lacks_them(
    complete: tuple[Path, Path], tmp_path: Path
) -> None:
    for name in NINE:
        for language in task(name).languages:
            write_predictions(tmp_path, task(name), language)
    (tmp_path / "xnli" / "test-th.tsv").unlink()
    scores = score_folder(tmp_path, complete[1])
    assert dict(scores.tasks["xnli"].missing) == {"th": "no predictions"}
    assert not scores.tasks["xnli"].complete
    assert "classification" not in scores.groups and "tagging" in scores.groups
    assert (scores.overall, scores.overall_without_retrieval) == (None, None)


def test_missing_tasks_are_named_and_no_average_is_given(small: tuple[Path, Path], tmp_path: Path) -> None:
    predictions, labels = small
    (predictions / "tatoeba").rename(tmp_path / "away")
    (labels / "pawsx").rename(tmp_path / "gone")
    (labels / "xquad" / "test-ar.json").rename(labels / "xquad" / "test-de.json")
    scores = score_folder(predictions, labels)
    assert dict(scores.absent) == {
        "pawsx": "no folder of labels",
        "xquad": "no labels; no predictions; no predictions and no labels in any of its languages",
        "tatoeba": "no folder of predictions",
    }
    assert scores.overall is None and scores.groups == {}


def test_what_belongs_to_no_task_is_told_with_a_near_miss(small: tuple[Path, Path]) -> None:
    predictions, _ = small
    (predictions / "xnil").mkdir()
    (predictions / ".git").mkdir()
    (predictions / "panx" / "test-xx.tsv").write_text("O\n")
    (predictions / "xquad" / "test-ar.tsv").write_text("O\n")
    ignored = score_folder(*small).ignored
    assert [line.split(": ", 1)[1].split(".")[0] for line in ignored] == [
        "not one of the nine tasks", "not a file of panx", "not a file of xquad",
    ]  # fmt: skip
    assert 'Did you mean "xnli"?' in ignored[0] and str(predictions / "panx" / "test-xx.tsv") in ignored[1]


# -- what is malformed ----------------------------------------------------------------------

MALFORMED = [
    ("xnli", "neutral\nneutrel\n", ':2: expected one of contradiction, entailment, neutral, found "neutrel".'),
    ("xnli", "neutral\n", ":2: expected 2 lines"),
    ("xnli", "neutral\nneutral\nneutral\n", ":3: expected 2 lines"),
    ("xnli", "neutral\n\n", ":2: expected one of"),
    ("xnli", "", ":1: expected 2 lines"),
    ("pawsx", "0\n2\n", ":2: expected one of 0, 1"),
    ("tatoeba", "1\n-1\n", ":2: expected a 0-based index"),
    ("tatoeba", "1\n0.5\n", ":2: expected a 0-based index"),
    ("tatoeba", "1\n٣\n", ":2: expected a 0-based index"),
    ("udpos", "NOUN\nNUON\n\nDET\n", ':2: expected one of ADJ'),
    ("udpos", "B-PER\nNOUN\n\nDET\n", ":1: expected one of ADJ"),
    ("udpos", "the\tDET\nNOUN\n\nDET\n", ":1: expected one of ADJ"),
    ("panx", "B-PER\n\nO\n", ":1: expected 2 tags in sentence 1"),
    ("panx", "B-PER\nI-PER\nO\n\nO\n", ":1: expected 2 tags in sentence 1"),
    ("panx", "B-PER\nI-PER\n\nO\nO\n", ":4: expected 1 tags in sentence 2"),
    ("panx", "B-PER\nI-PER\n\nO\n\nO\n", ":6: expected 2 sentences"),
    ("panx", "B-PER\nI-PER\nO\n", ": expected 2 sentences"),
    ("panx", "\n\n", ": expected a tag per line, found none"),
    ("bucc2018", "de-1\ten-1\t0.9\n", ":1: expected foreign id, tab, English id"),
    ("bucc2018", "de-1\ten-1\n\n", ":2: expected foreign id, tab, English id"),
    ("bucc2018", "de-1 en-1\n", ":1: expected foreign id, tab, English id"),
    ("xquad", "[1]", ": expected one JSON object"),
    ("xquad", '{\n"q1": "a",\n"q2', ":3: expected JSON"),
    ("xquad", "", ":1: expected JSON"),
    ("xquad", '{"q1": 3}', ": q1: expected an answer's text, found 3"),
    ("xquad", '{"q1": null}', ": q1: expected an answer's text, found null"),
    ("xquad", '{"q1": "a", "q1": "b"}', ': "q1" occurs twice'),
    ("xquad", "[" * 100_000, ": expected JSON, found lists or objects in each other deeper"),
]  # fmt: skip

GOLD_MALFORMED = [
    ('{"q1": "a"}', ": data: expected a list"),
    ("[]", ": expected questions with their answers, found none"),
    ('{"data": [{}]}', ": data[0].paragraphs: expected a list"),
    ('{"data": [{"paragraphs": [{"qas": 1}]}]}', ": data[0].paragraphs[0].qas: expected a list"),
    ('{"data": [{"paragraphs": [{"qas": [{"id": true}]}]}]}', "qas[0].id: expected text, found true"),
    (squad_json({"q1": []}), "qas[0].answers: expected reference answers"),
    (squad_json({"q1": ["a"]}).replace('"text"', '"texts"'), "qas[0].answers: expected reference answers"),
]


def one_file(folder: Path, name: str) -> Path:
    return file_of(folder, task(name), task(name).languages[0])


def refusal(small: tuple[Path, Path]) -> str:
    with pytest.raises(InputError) as caught:
        score_folder(*small)
    return str(caught.value)


@pytest.mark.parametrize(("name", "content", "words"), MALFORMED)
def test_a_malformed_prediction_file_is_named_with_the_line(
    small: tuple[Path, Path], name: str, content: str, words: str
) -> None:
    one_file(small[0], name).write_text(content, encoding="utf-8")
    assert refusal(small).startswith(f"{one_file(small[0], name)}{words}")


@pytest.mark.parametrize(("content", "words"), GOLD_MALFORMED)
def test_a_malformed_gold_file_of_questions_is_named_with_the_place(
    small: tuple[Path, Path], content: str, words: str
) -> None:
    one_file(small[1], "tydiqa").write_text(content, encoding="utf-8")
    message = refusal(small)
    assert message.startswith(str(one_file(small[1], "tydiqa"))) and words in message


@pytest.mark.parametrize("name", sorted(GOLD_LINES))
def test_a_malformed_gold_file_of_lines_is_the_one_that_is_named(small: tuple[Path, Path], name: str) -> None:
    one_file(small[1], name).write_text("?\n?\n", encoding="utf-8")
    assert refusal(small).startswith(f"{one_file(small[1], name)}:1: expected")


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("name", NINE)
def test_bytes_that_are_no_utf8_are_named_with_the_line(
    small: tuple[Path, Path], name: str, side: int
) -> None:
    one_file(small[side], name).write_bytes(b"\n\xff\n")
    assert refusal(small).startswith(f"{one_file(small[side], name)}:2: expected UTF-8, found the byte 0xff")


def test_gold_without_a_line_is_refused(small: tuple[Path, Path]) -> None:
    for folder in small:
        one_file(folder, "xnli").write_text("")
    assert refusal(small).startswith(
        f"{one_file(small[1], 'xnli')}: expected one gold answer per line, found none"
    )


@pytest.mark.parametrize("side", [0, 1])
def test_a_folder_that_is_not_there_or_is_a_file_is_refused(
    small: tuple[Path, Path], side: int, tmp_path: Path
) -> None:
    for path, found in ((tmp_path / "none", "nothing"), (one_file(small[0], "xnli"), "a file")):
        given = (path, small[1]) if side == 0 else (small[0], path)
        assert refusal(given).startswith(f"{path}: expected a folder of") and found in refusal(given)


def test_folders_without_a_common_task_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "xnli").mkdir(parents=True)
    (tmp_path / "b" / "panx").mkdir(parents=True)
    assert "nothing to score" in refusal((tmp_path / "a", tmp_path / "b"))


# -- files as the kinds' predictions make them ----------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def choices(name: str) -> st.SearchStrategy[tuple[list[Example], list[Prediction], list[Prediction]]]:
    """Return examples of a task, predictions, and gold in the shape of predictions."""
    labels = st.sampled_from(task(name).labels or ("",))
    if name == "xnli":
        rows = st.lists(st.tuples(labels, labels), min_size=1, max_size=6)
        return rows.map(
            lambda found: (
                [Pair("a", "b", gold) for gold, _ in found],
                [p for _, p in found],
                [g for g, _ in found],
            )
        )
    if name in ("udpos", "panx"):
        sentence = st.lists(st.tuples(labels, labels), min_size=1, max_size=5)
        return st.lists(sentence, min_size=1, max_size=4).map(
            lambda found: (
                [Tagged(("w",) * len(pairs), tuple(g for g, _ in pairs)) for pairs in found],
                [tuple(p for _, p in pairs) for pairs in found],
                [tuple(g for g, _ in pairs) for pairs in found],
            )
        )
    if name == "tatoeba":
        english = st.lists(st.sampled_from("abcdefghij"), min_size=1, unique=True)
        return english.flatmap(
            lambda texts: st.tuples(
                st.just([Bitext("x", text) for text in texts]),
                st.lists(st.integers(0, len(texts) - 1), min_size=len(texts), max_size=len(texts)),
                st.just(list(range(len(texts)))),
            )
        )
    translations = st.sampled_from(("", "en-0", "en-1", "en-2"))
    return st.lists(st.tuples(translations, translations), min_size=1, max_size=4).map(
        lambda found: (
            [Sentence(f"de-{i}", "x", False, (gold,) if gold else ()) for i, (gold, _) in enumerate(found)],
            [(kept, "") for _, kept in found],
            [(gold, "") for gold, _ in found],
        )
    )


@pytest.mark.parametrize("name", ["xnli", "udpos", "panx", "tatoeba", "bucc2018"])
def test_a_written_file_scores_what_its_kind_scores(name: str, tmp_path: Path) -> None:
    found = task(name)
    files = tmp_path / "ours", tmp_path / "gold"
    language = found.languages[0]

    @settings(deadline=None, max_examples=50)
    @given(choices(name))
    def check(drawn: tuple[list[Example], list[Prediction], list[Prediction]]) -> None:
        examples, predictions, gold = drawn
        files[0].write_text(format_of(found).text(examples, predictions), encoding="utf-8")
        files[1].write_text(format_of(found).text(examples, gold), encoding="utf-8")
        expected = KINDS.load(found.kind).score(examples, predictions, found, language).metrics
        scored = format_of(found).score(*files, found, language).metrics
        for metric, value in scored.items():
            assert value == pytest.approx(expected[metric], abs=1e-9)

    check()


def test_written_answers_score_what_their_kind_scores_in_any_script(tmp_path: Path) -> None:
    files = tmp_path / "ours.json", tmp_path / "gold.json"
    found = task("xquad")

    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=2)), min_size=1, max_size=4))
    def check(rows: list[tuple[str, list[str]]]) -> None:
        golds = {f"q{i}": texts for i, (_, texts) in enumerate(rows)}
        examples: list[Example] = [
            Question(name, "?", "c", tuple(Answer(text, 0) for text in texts))
            for name, texts in golds.items()
        ]
        predictions: list[Prediction] = [text for text, _ in rows]
        files[0].write_text(Answers().text(examples, predictions), encoding="utf-8")
        files[1].write_text(squad_json(golds), encoding="utf-8")
        scored = Answers().score(*files, found, "zh").metrics
        expected = KINDS.load("span").score(examples, predictions, found, "zh").metrics
        assert scored == pytest.approx(dict(expected), abs=1e-9)
        slow = sum(squad.token_f1(text, texts) for text, texts in rows) / len(rows)
        assert scored["f1"] == pytest.approx(100 * slow)

    check()


def test_tatoeba_lines_follow_the_sorted_english_sentences(tmp_path: Path) -> None:
    pairs: list[Example] = [Bitext("drei", "three"), Bitext("eins", "one"), Bitext("zwei", "two")]
    assert format_of(task("tatoeba")).text(pairs, [0, 1, 2]) == "1\n0\n2\n"


def test_sentences_without_a_pair_and_english_ones_are_not_written() -> None:
    sentences: list[Example] = [
        Sentence("de-1", "a", False, None), Sentence("de-2", "b", False, None), Sentence("en-1", "c", True, None),
    ]  # fmt: skip
    text = format_of(task("bucc2018")).text(sentences, [("", "en-9"), ("en-1", ""), ("", "")])
    assert text == "de-2\ten-1\n"
