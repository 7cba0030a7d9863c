"""Questions as SQuAD's JSON has them, and what is said of files that are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.readers.squad import questions
from xpareto.eval.submission.answers import Answers
from xpareto.eval.tasks import Answer, Question, task

CONTEXT = "Der Rhein fließt 😀 nach Köln, 在那里。"


def write(folder: Path, *articles: Any, name: str = "q.json") -> Path:
    file = folder / name
    file.write_text(json.dumps({"version": "1.1", "data": list(articles)}), encoding="utf-8")
    return file


def article(*entries: Any, context: str = CONTEXT) -> dict[str, Any]:
    return {"title": "t", "paragraphs": [{"context": context, "qas": list(entries)}]}


def entry(name: Any = "q1", answers: Any = None, **more: Any) -> dict[str, Any]:
    found = [{"text": "Rhein", "answer_start": 4}] if answers is None else answers
    return {"id": name, "question": "Was?", "answers": found, **more}


def test_nested_and_flattened_files_give_the_same_questions(tmp_path: Path) -> None:
    both = [entry("a"), entry("b", [{"text": "Köln", "answer_start": CONTEXT.index("Köln")}])]
    nested = questions(write(tmp_path, article(*both)), labelled=True)
    flat = questions(write(tmp_path, *(article(one) for one in both), name="f.json"), labelled=True)
    assert nested == flat
    assert nested[1] == Question("b", "Was?", CONTEXT, (Answer("Köln", CONTEXT.index("Köln")),))
    assert flat[0].context is flat[1].context  # XTREME repeats it for each question


def test_offsets_count_characters_not_bytes_and_not_utf_16(tmp_path: Path) -> None:
    answer = {"text": "在那里", "answer_start": CONTEXT.index("在")}
    assert questions(write(tmp_path, article(entry(answers=[answer]))), labelled=True)
    late = {"text": "在那里", "answer_start": len(CONTEXT[: CONTEXT.index("在")].encode("utf-16-le")) // 2}
    with pytest.raises(InputError, match=r"article 0, paragraph 0, question 'q1': answer '在那里' at \d+"):
        questions(write(tmp_path, article(entry(answers=[late]))), labelled=True)


@pytest.mark.parametrize("start", [5, -3, None, "4"])
def test_an_evaluation_file_is_scored_by_texts_whatever_its_offsets(tmp_path: Path, start: Any) -> None:
    file = write(tmp_path, article(entry(7, [{"text": "Rhein", "answer_start": start}])))
    [question] = questions(file, labelled=False)
    assert question.id == "7" and [answer.text for answer in question.answers or ()] == ["Rhein"]
    (tmp_path / "p.json").write_text('{"7": "Rhein"}')
    assert Answers().score(tmp_path / "p.json", file, task("xquad"), "de").metrics["exact_match"] == 100


def test_ids_that_come_again_are_told_apart_by_reader_and_score_alike(tmp_path: Path) -> None:
    answers = [{"text": "Rhein", "answer_start": 0}]
    file = write(tmp_path, article(entry(7, answers), entry("7", answers), entry("7 (2)", answers)))
    ids = [question.id for question in questions(file, labelled=False)]
    assert ids == ["7", "7 (2)", "7 (2) (2)"]
    predictions = tmp_path / "p.json"
    predictions.write_text(json.dumps(dict(zip(ids, ["Rhein", "Rhein", "Elbe"], strict=True))))
    assert Answers().score(predictions, file, task("xquad"), "de").metrics["exact_match"] == pytest.approx(
        200 / 3
    )
    predictions.write_text('{"7": "Rhein"}')  # of the first
    assert Answers().score(predictions, file, task("xquad"), "de").unanswered == 2


@pytest.mark.parametrize("raw", [{"answers": [{"text": "", "answer_start": 0}]}, {}])
def test_withheld_answers_are_none_and_refused_for_training(tmp_path: Path, raw: dict[str, Any]) -> None:
    file = write(tmp_path, article({"id": "x", "question": "Was?", **raw}))
    assert questions(file, labelled=False) == [Question("x", "Was?", CONTEXT, None)]
    with pytest.raises(InputError, match=r"q\.json: question 'x': expected answers, .*withheld"):
        questions(file, labelled=True)


def test_a_question_without_an_answer_in_the_context_has_none_of_them(tmp_path: Path) -> None:
    plausible = {"plausible_answers": [{"text": "Köln", "answer_start": 24}]}
    file = write(
        tmp_path, article(entry("a", is_impossible=False), entry("b", [], is_impossible=True, **plausible))
    )
    assert [one.answers for one in questions(file, labelled=True)] == [(Answer("Rhein", 4),), ()]


def test_translated_questions_whose_answer_was_lost_are_left_out(tmp_path: Path) -> None:
    lost = entry("lost", [{"text": "Rhein", "answer_start": 5}])
    file = write(tmp_path, article(entry("a"), lost))
    assert [one.id for one in questions(file, labelled=True, machine_made=True)] == ["a"]
    file = write(tmp_path, article(entry("a"), lost, lost))
    with pytest.raises(InputError, match="of 3 questions 2 have an answer that is not where"):
        questions(file, labelled=True, machine_made=True)


def test_a_file_that_is_cut_off_is_named_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path, article(entry()))
    file.write_text('{"data": [\n' + json.dumps(article(entry()))[:60], encoding="utf-8")
    with pytest.raises(InputError, match=r"q\.json:2: expected SQuAD's JSON .*cut off"):
        questions(file, labelled=True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"rows": []}, "expected a field data, found rows"),
        ([], "expected an object with data, found list"),
        ({"data": {}}, "data: expected a list, found dict"),
        ({"data": [{"title": "t"}]}, "article 0: expected a field paragraphs, found title"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, "article 0, paragraph 0: expected a field context"),
        ({"data": [article({"id": "q7", "answers": []})]}, "question 'q7': expected a field question"),
        (
            {"data": [article({"question": "Was?", "answers": []})]},
            "question 0: id: expected text, found None",
        ),
        (
            {"data": [article(entry("q7", [{"text": "Rhein"}]))]},
            "'q7': answer_start: expected a whole number",
        ),
        ({"data": [article(entry("q7", [{"answer_start": 4}]))]}, "'q7': expected a field text"),
        ({"data": [article(entry("q7", "Rhein"))]}, "'q7': answers: expected a list, found str"),
        ({"data": [article("Was?")]}, "question 0: expected an object with question, found str"),
    ],
)
def test_what_is_missing_is_named_with_its_place(tmp_path: Path, data: Any, said: str) -> None:
    file = tmp_path / "q.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        questions(file, labelled=True)
