"""Reader of SQuAD's JSON: questions on the paragraphs of articles. What is wrong is named by its id.

One form serves SQuAD 1.1 and 2.0, XQuAD, MLQA and TyDiQA-GoldP: data > paragraphs > qas > answers.
XTREME's own download nests one question per paragraph and withholds the gold of a test set: its
answers are one empty text at 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, parse_json
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import Answer, Question


def questions(file: Path, labelled: bool, machine_made: bool = False) -> list[Question]:
    """Return the questions in the order of the file; `answers` as eval.tasks.Question says.

    `labelled` demands the answers. A question that cannot be answered (is_impossible, SQuAD 2.0) has
    (). Where they are to be learnt (`labelled`), an answer that does not stand at its answer_start is an
    InputError; in `machine_made` data (translations, whose answers were aligned by a program) such a question is
    left out, as in XTREME's code, unless that would be more than half of them. Scores compare texts alone, so
    an evaluation file may have any answer_start. Ids that come more than once are told apart by `told_apart`.
    """
    kept_questions: list[Question] = []
    contexts: dict[str, str] = {}  # XTREME repeats a paragraph for each of its questions: keep it once
    times: Counter[str] = Counter()
    left_out = 0
    for where, context, entry in _entries(file):
        context = contexts.setdefault(context, context)
        question = _question(entry, context, where, labelled)
        question = replace(question, id=told_apart(question.id, times))
        wrong = misplaced(question) if labelled else ""
        if wrong and not machine_made:
            raise InputError(f"{where}: {wrong} Offsets count characters from 0.")
        if wrong:
            left_out += 1
        else:
            kept_questions.append(question)
    if left_out > len(kept_questions):
        raise InputError(
            f"{file}: of {left_out + len(kept_questions)} questions {left_out} have an answer that is not where "
            "answer_start says. Offsets count characters (not bytes) from 0."
        )
    kept_questions = settle_empty(kept_questions)
    if labelled and any(question.answers is None for question in kept_questions):
        withheld = next(question for question in kept_questions if question.answers is None)
        raise InputError(
            f"{file}: question {withheld.id!r}: expected answers, found none: the gold is withheld. "
            "Training needs a labelled file."
        )
    return kept_questions


def told_apart(name: str, times: Counter[str]) -> str:
    """Return the id of a question; where earlier ones bear it, with the number of this one behind it.

    Predictions go by id, and parts of TyDiQA-GoldP are passed on with ids that count anew in every paragraph.
    `times` counts the ids of the file so far.

    >>> times = Counter()
    >>> [told_apart(name, times) for name in ("a", "b", "a", "a")]
    ['a', 'b', 'a (2)', 'a (3)']
    """
    times[name] += 1
    return name if times[name] == 1 else told_apart(f"{name} ({times[name]})", times)


def question_of_row(row: Mapping[str, Any], columns: Mapping[str, str], where: str) -> Question:
    """Return the question of a hub's row; its answers are () where there is none, see `settle_empty`.

    `columns` is that of eval.tasks.HubSource.
    """
    value = {ours: row[theirs] for ours, theirs in columns.items()}
    raw_answers = value["answers"]
    if not isinstance(raw_answers, dict):
        raise InputError(
            f"{where}: answers: expected text and answer_start, found {type(raw_answers).__name__}."
        )
    answers = map(Answer, raw_answers["text"], raw_answers["answer_start"])
    return Question(str(value["id"]), value["question"], value["context"], tuple(answers))


def misplaced(question: Question) -> str:
    """Return what is wrong with the offsets of the answers, "" where nothing is.

    >>> misplaced(Question("1", "Who?", "It was he.", (Answer("he", 8),)))
    "answer 'he' at 8: the context has 'e.' there."
    >>> misplaced(Question("1", "Who?", "It was he.", (Answer("he", 7),)))
    ''
    """
    for answer in question.answers or ():
        there = question.context[answer.start : answer.start + len(answer.text)] if answer.start >= 0 else ""
        if there != answer.text or not answer.text:
            return f"answer {answer.text[:60]!r} at {answer.start}: the context has {there[:60]!r} there."
    return ""


def settle_empty(questions: Sequence[Question]) -> list[Question]:
    """Return the questions with answers None instead of () where no question of the set has any.

    An empty list means "not answerable" only in a set in which others are answered.

    >>> [one.answers for one in settle_empty([Question("1", "Who?", "He.", ())])]
    [None]
    """
    if any(question.answers for question in questions):
        return list(questions)
    return [replace(question, answers=None) for question in questions]


def _entries(file: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (where, context, entry) of every question."""
    content = rows.text(file)
    rows.refuse_halves(content, file)
    try:
        raw = parse_json(content)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise InputError(
            f"{file}:{line}: expected SQuAD's JSON ({error}). The file may be cut off; fetch it again."
        ) from error
    for a, article in enumerate(_list(raw, "data", str(file))):
        where = f"{file}: article {a}"
        for p, paragraph in enumerate(_list(article, "paragraphs", where)):
            where = f"{file}: article {a}, paragraph {p}"
            context = _text(paragraph, "context", where)
            for q, entry in enumerate(_list(paragraph, "qas", where)):
                name = entry.get("id") if isinstance(entry, dict) else None
                yield f"{where}, question {q if name is None else repr(name)}", context, entry


def _question(entry: dict[str, Any], context: str, where: str, labelled: bool) -> Question:
    question = _text(entry, "question", where)
    name = entry.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise InputError(f"{where}: id: expected text, found {name!r}.")
    if entry.get("is_impossible") is True:
        return Question(str(name), question, context, ())
    if "answers" not in entry:
        return Question(str(name), question, context, None)
    answers = tuple(_answer(answer, where, labelled) for answer in _list(entry, "answers", where))
    if len(answers) == 1 and not answers[0].text and (not labelled or answers[0].start == 0):
        return Question(str(name), question, context, None)
    return Question(str(name), question, context, answers)


def _answer(raw: Any, where: str, labelled: bool) -> Answer:
    text = _text(raw, "text", where)
    start = raw.get("answer_start")
    if not labelled and not isinstance(start, int):
        return Answer(text, -1)
    if not isinstance(start, int) or isinstance(start, bool):
        raise InputError(f"{where}: answer_start: expected a whole number, found {start!r}.")
    return Answer(text, start)


def _list(raw: Any, name: str, where: str) -> list[Any]:
    value = _field(raw, name, where)
    if not isinstance(value, list):
        raise InputError(f"{where}: {name}: expected a list, found {type(value).__name__}.")
    return value


def _text(raw: Any, name: str, where: str) -> str:
    value = _field(raw, name, where)
    if not isinstance(value, str):
        raise InputError(f"{where}: {name}: expected text, found {value!r}.")
    return value


def _field(raw: Any, name: str, where: str) -> Any:
    if not isinstance(raw, dict):
        raise InputError(f"{where}: expected an object with {name}, found {type(raw).__name__}.")
    if name not in raw:
        there = ", ".join(sorted(map(str, raw))) or "nothing"
        raise InputError(f"{where}: expected a field {name}, found {there}.")
    return raw[name]
