"""Answers to questions: one JSON object, id -> text, against SQuAD's JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, parse_json
from xpareto.eval.data.readers import told_apart
from xpareto.eval.metrics import language_aware_f1, mlqa, squad
from xpareto.eval.submission.format import FileScore, Format, read_text
from xpareto.eval.tasks import Example, Prediction, Question, Task


class Answers(Format):
    """By exact match and token F1: MLQA's rules for mlqa, SQuAD 1.1's for the others, as in XTREME.

    `f1_language_aware` stands beside the official F1 of SQuAD (see eval.metrics.language_aware_f1).
    """

    suffix = "json"

    def text(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> str:
        questions = [example for example in examples if isinstance(example, Question)]
        answers_by_id = {question.id: text for question, text in zip(questions, predictions, strict=True)}
        return json.dumps(answers_by_id, ensure_ascii=False, indent=1) + "\n"

    def score(self, predictions: Path, gold: Path, task: Task, language: str) -> FileScore:
        ours, wanted = _predictions(predictions), _references(gold)
        sums = {"exact_match": 0.0, "f1": 0.0, "f1_language_aware": 0.0}
        for name, golds in wanted.items():
            if name not in ours:
                continue
            answer = ours[name]
            if task.name == "mlqa":
                sums["exact_match"] += mlqa.exact_match(answer, golds, language)
                sums["f1"] += mlqa.token_f1(answer, golds, language)
            else:
                sums["exact_match"] += squad.exact_match(answer, golds)
                sums["f1"] += squad.token_f1(answer, golds)
            sums["f1_language_aware"] += language_aware_f1.token_f1(answer, golds, language)
        return FileScore(
            {name: 100 * total / len(wanted) for name, total in sums.items() if name in task.metrics},
            len(wanted),
            unanswered=len(wanted.keys() - ours.keys()),
            unknown=len(ours.keys() - wanted.keys()),
        )


def _json(file: Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(pairs)
        if len(entries) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f'{file}: "{twice}" occurs twice in one object; which is meant?')
        return entries

    try:
        return parse_json(read_text(file), object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise InputError(f"{file}:{error.lineno}: expected JSON ({error.msg}). It may be cut off.") from error
    except ValueError as error:
        raise InputError(f"{file}: expected JSON, found {error}.") from error


def _predictions(file: Path) -> dict[str, str]:
    answers_by_id = _json(file)
    if not isinstance(answers_by_id, dict):
        raise InputError(
            f"{file}: expected one JSON object, id -> answer, found {type(answers_by_id).__name__}."
        )
    for name, answer in answers_by_id.items():
        if not isinstance(answer, str):
            raise InputError(f"{file}: {name}: expected an answer's text, found {json.dumps(answer)[:60]}.")
    return answers_by_id


def _references(file: Path) -> dict[str, list[str]]:
    """Return id -> reference answers of a file in SQuAD's form; InputError where answers are withheld."""
    content = _json(file)
    articles = content.get("data") if isinstance(content, dict) else content
    references: dict[str, list[str]] = {}
    times: Counter[str] = Counter()
    for i, article in enumerate(_list(articles, f"{file}: data")):
        for j, paragraph in enumerate(_list(_of(article, "paragraphs"), f"{file}: data[{i}].paragraphs")):
            at = f"{file}: data[{i}].paragraphs[{j}].qas"
            for k, question in enumerate(_list(_of(paragraph, "qas"), at)):
                name = _of(question, "id")
                if isinstance(name, int) and not isinstance(name, bool):
                    name = str(name)  # as the reader of evaluation files takes it
                if not isinstance(name, str):
                    raise InputError(f"{at}[{k}].id: expected text, found {json.dumps(name)[:60]}.")
                name = told_apart(name, times)
                answers = _list(_of(question, "answers"), f"{at}[{k}].answers")
                texts = [_of(answer, "text") for answer in answers]
                if not texts or not all(isinstance(text, str) for text in texts):
                    raise InputError(
                        f"{at}[{k}].answers: expected reference answers with a text, found "
                        f"{json.dumps(answers)[:60]}. Without gold nothing can be scored."
                    )
                references[name] = texts
    if not references:
        raise InputError(f"{file}: expected questions with their answers, found none.")
    return references


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list, as in SQuAD's files, found {type(value).__name__}.")
    return value
