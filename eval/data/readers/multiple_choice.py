"""Multiple-choice questions in the file formats of their authors; wrong content is named as file:line.

- CommonsenseQA ``*.jsonl``: question {stem, choices [{label, text}]}, answerKey.
- HellaSwag ``*.jsonl``: ctx, endings [text], label (the number of the right one).
- Lettered samples ``*.jsonl``: question, choices {letter: text}, answer (a letter).
- CosmosQA ``*.csv``, or the same fields as ``*.jsonl``: context, question, answer0 …, label (a number).

A file whose answers are withheld has no label, answer or answerKey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.data.readers import tables as table_rows
from xpareto.eval.tasks import Choice

_KNOWN = "question {stem, choices} (CommonsenseQA), endings (HellaSwag), choices or answer0 (CosmosQA)"


def choices(file: Path, labelled: bool) -> list[Choice]:
    """Return the questions of a file; `labelled` demands the answer of each."""
    read = table_rows.records(file) if file.suffix == ".csv" else rows.records(file)
    return [_choice(record, labelled, where) for where, record in read]


def choice_of_row(row: Mapping[str, Any], columns: Mapping[str, str], where: str) -> Choice:
    """Return the question of a hub's row; its right option is a number, from 0, or a letter, from A.

    `columns` is that of eval.tasks.HubSource.
    """
    texts = {ours: row[theirs] for ours, theirs in columns.items() if ours in ("context", "question")}
    options: list[str] = []
    for column in columns["options"].split(" + "):
        outer, _, inner = column.partition(".")
        value = row[outer][inner] if inner else row[outer]
        options += [value] if isinstance(value, str) else value
    label = str(row[columns["label"]])
    withheld = label in ("", "-1")
    letter = len(label) == 1 and label.isalpha()
    gold = ord(label) - ord("A") if letter else int(label) if label.isdigit() else -1
    if not withheld and not 0 <= gold < len(options):
        raise InputError(
            f"{where}: expected one of {len(options)} options as the right one, found {label!r}."
        )
    context, question = texts.get("context", ""), texts.get("question", "")
    return Choice(context, question, tuple(options), None if withheld else gold)


def _choice(record: Any, labelled: bool, where: str) -> Choice:
    context, question = "", ""
    gold: tuple[str, ...] = ("label",)
    if isinstance(record, dict) and isinstance(record.get("question"), dict):
        inner = record["question"]
        question, gold = rows.text_of(inner, ("stem",), where), ("answerKey",)
        named = _lettered(rows.value_of(inner, ("choices",), where), where)
    elif isinstance(record, dict) and "endings" in record:
        context = rows.text_of(record, ("ctx",), where)
        named = _numbered(record["endings"], "endings", where)
    elif isinstance(record, dict) and "choices" in record:
        question = rows.text_of(record, ("question",), where)
        gold = ("answer", "answerKey")
        named = _lettered(record["choices"], where)
    elif isinstance(record, dict) and "answer0" in record:
        context = rows.text_of(record, ("context",), where)
        question = rows.text_of(record, ("question",), where)
        names = sorted(name for name in record if name.startswith("answer") and name[6:].isdigit())
        named = _numbered([record[name] for name in names], "answer0", where)
    else:
        present = ", ".join(sorted(record)) if isinstance(record, dict) else "none"
        raise InputError(f"{where}: expected a question with {_KNOWN}; found the fields {present or 'none'}.")
    return Choice(context, question, tuple(named.values()), _gold(record, gold, list(named), labelled, where))


def _lettered(choices: Any, where: str) -> dict[str, str]:
    """Return {letter: text} of one of the two ways in which lettered choices are written."""
    if isinstance(choices, list):
        labels = [rows.text_of(item, ("label",), where) for item in choices]
        texts = [rows.text_of(item, ("text",), where) for item in choices]
    elif isinstance(choices, dict):
        labels, texts = list(choices), list(choices.values())
    else:
        labels, texts = [], []
    return _named(labels, texts, "choices", where)


def _numbered(choices: Any, field: str, where: str) -> dict[str, str]:
    texts = choices if isinstance(choices, list) else []
    return _named([str(number) for number in range(len(texts))], texts, field, where)


def _named(labels: Sequence[str], texts: Sequence[Any], field: str, where: str) -> dict[str, str]:
    named = dict(zip(labels, texts, strict=True))
    if len(named) < 2 or len(named) != len(labels) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where}: {field}: expected two or more options, found {str(texts)[:60]}.")
    return named


def _gold(
    record: dict[str, Any], fields: Sequence[str], names: Sequence[str], labelled: bool, where: str
) -> int | None:
    field = next((name for name in fields if name in record), None)
    if field is None:
        if labelled:
            raise InputError(f"{where}: expected a field {' or '.join(fields)}: training needs the answer.")
        return None
    gold = str(record[field])
    if gold not in names:
        raise InputError(f"{where}: {field}: expected one of {', '.join(names)}, found {gold!r}.")
    return names.index(gold)
