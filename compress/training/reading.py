"""Read what a step learns from: the data sources of a training, or the examples and the text of a distillation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpareto.compress.core import (
    DataProvider,
    DataSource,
    InputError,
    Manifest,
    SpecialTokens,
    hint,
    parse_source,
)
from xpareto.compress.data import IGNORED, Rows, encode_lines
from xpareto.compress.heads import HEADS
from xpareto.compress.training.datasets import Dataset, Text, TrainingData
from xpareto.compress.training.multitask import TaskHead

LM_TASK = "mlm"  # the name of the one head that all text shares


@dataclass(frozen=True)
class Reading:
    """How the data of a step are read."""

    tokenizer: Path
    most_tokens: int  # the longest input of the model
    max_length: int | None  # None: what suits each head
    limit: int | None
    dev_limit: int | None
    text_languages: Sequence[str] | None
    own_metric: bool  # dev examples are scored by their training set's metric

    @staticmethod
    def of(settings: Any, tokenizer: Path, most_tokens: int) -> Reading:
        """Return what a step with the fields max_length, limit, dev_limit, text_languages, dev_metric asks for."""
        return Reading(
            tokenizer, most_tokens, settings.max_length, settings.limit, settings.dev_limit,
            settings.text_languages, settings.dev_metric == "task",
        )  # fmt: skip

    def length(self, task: TaskHead) -> int:
        """Return the longest example in subwords: 384 for spans, 256 for choices, 128 else."""
        wanted = self.max_length or HEADS[task.head].max_length
        return min(wanted, self.most_tokens)


def read_training_data(
    sources: Sequence[DataSource], provider: DataProvider, reading: Reading, mask: float
) -> TrainingData:
    """Read all sources; InputError when one has no example, no label, or no such text or language.

    `mask` is the share of the tokens of a text to be guessed.
    """
    tasks: dict[str, TaskHead] = {}
    for data_source in sources:
        if data_source.kind == "labelled":
            head, labels = provider.head(data_source.name), provider.labels(data_source.name)
            tasks.setdefault(data_source.name, TaskHead(data_source.name, head, labels))
        else:
            tasks.setdefault(LM_TASK, TaskHead(LM_TASK, "mlm"))
    special = SpecialTokens.read(reading.tokenizer)
    if LM_TASK in tasks:
        special.to_mask()
    names, lengths = list(tasks), [reading.length(task) for task in tasks.values()]
    datasets: list[Dataset] = []
    dev: dict[int, Rows] = {}
    for data_source in sources:
        task = names.index(data_source.name if data_source.kind == "labelled" else LM_TASK)
        if data_source.kind == "labelled":
            rows = read_rows(data_source, provider, reading, lengths[task])
            datasets.append(Dataset(data_source.shown, task, len(rows.labels), rows))
            dev_rows = (
                read_dev(data_source.name, provider, reading, lengths[task]) if task not in dev else None
            )
            if dev_rows is not None:
                dev[task] = dev_rows
            continue
        text = read_text("train", "on", data_source.shown, data_source.name, provider, reading)
        if data_source.kind == "tlm" and (len(text) < 2 or not _is_parallel(text)):
            counts = ", ".join(f"{language} {len(rows)}" for language, rows in sorted(text.items()))
            raise InputError(
                f"train: on: {data_source.shown} needs two languages or more with the same number of lines, so that "
                f"line i is one sentence; found {counts}. Give parallel text, or use mlm:{data_source.name}."
            )
        lines = encode_lines(text, reading.tokenizer)
        size = sum(1 for rows in lines.values() for row in rows if len(row))
        translation = 1.0 if data_source.kind == "tlm" else 0.0
        datasets.append(Dataset(data_source.shown, task, size, Text(lines, lengths[task], translation, mask)))
    return TrainingData(tuple(tasks.values()), tuple(datasets), dev, special, max(lengths))


def read_distillation_data(
    step: str,
    provider: DataProvider,
    reading: Reading,
    student: Manifest,
    *,
    on: DataSource | None,
    dev: str | None,
    text: str | None,
    translation: float = 0.0,
    mask: float = 0.0,
) -> TrainingData:
    """Return what a student learns from: labelled examples, then text; InputError where they do not suit its head.

    `dev` names the training set of the dev examples. `mask` is the share of the tokens of a text that are
    hidden from a masked LM whose answers are learned.
    """
    head = student.head
    names = list(dict.fromkeys([*([on.name] if on else []), *([parse_source(dev).name] if dev else [])]))
    for name in names:
        its_head, labels = provider.head(name), provider.labels(name)
        if (its_head, labels) != (head, student.labels):
            raise InputError(
                f"{step}: {name} has the head {its_head} with the labels {', '.join(labels) or '(none)'}, but the "
                f"student is a model of {student.training_set or 'text'} with the head {head}. Name its own "
                "training set: on: each."
            )
    task = TaskHead(names[-1] if names else "", head, student.labels)
    length = reading.length(task)
    special = SpecialTokens.read(reading.tokenizer)
    datasets = []
    if on is not None:
        rows = read_rows(on, provider, reading, length)
        datasets.append(Dataset(on.shown, 0, len(rows.labels), rows))
    if text is not None:
        given = read_text(step, "text", text, text, provider, reading)
        if translation and not _is_parallel(given):
            raise InputError(
                f"{step}: translation: {text} has not the same number of lines in every language, so line i is "
                "not one sentence. Give parallel text, or set translation: 0."
            )
        masked = mask if HEADS[head].predicts_tokens else 0.0
        if masked:
            special.to_mask()
        lines = encode_lines(given, reading.tokenizer)
        size = sum(map(len, lines.values()))
        datasets.append(Dataset(text, 0, size, Text(lines, length, translation, masked)))
    dev_rows = read_dev(names[-1], provider, reading, length) if names else None
    return TrainingData((task,), tuple(datasets), {} if dev_rows is None else {0: dev_rows}, special, length)


def read_rows(data_source: DataSource, provider: DataProvider, reading: Reading, length: int) -> Rows:
    """Return the training examples of all languages of a source, one language after the other."""
    parts = []
    for name in data_source.sources:
        examples = provider.examples(name, "train", reading.tokenizer, length, reading.limit)
        if not len(examples.input_ids):
            raise InputError(f"training set {name}: expected training examples, found none. Check its files.")
        if not any(label != IGNORED for label in _flat(examples.labels)):
            raise InputError(f"training set {name}: expected labels, found none in any example.")
        parts.append(examples)
    if len(parts) == 1:
        return Rows(parts[0].input_ids, parts[0].labels, parts[0].options)
    options = [part.options for part in parts if part.options is not None]
    return Rows(
        [row for part in parts for row in part.input_ids],
        [label for part in parts for label in part.labels],  # type: ignore[arg-type]
        [count for part in options for count in part] if options else None,
    )


def read_dev(name: str, provider: DataProvider, reading: Reading, length: int) -> Rows | None:
    """Return the English dev examples of a training set, None where it has none."""
    examples = provider.examples(name, "dev", reading.tokenizer, length, reading.dev_limit)
    if not len(examples.input_ids):
        return None
    metric = examples.metric if reading.own_metric else None
    return Rows(examples.input_ids, examples.labels, examples.options, metric)


def read_text(
    step: str, field: str, shown: str, name: str, provider: DataProvider, reading: Reading
) -> dict[str, Sequence[str]]:
    """Return the lines of a text by language, the empty ones too, so that parallel ones stay so.

    InputError, naming the step and what its field shows, where it has no line in a language, or none at all.
    """
    text, languages = provider.text(name), reading.text_languages
    for language in languages or ():
        if not any(text.get(language, ())):
            raise InputError(
                f'{step}: text_languages: the text {name} has no line in "{language}".{hint(language, text)} '
                f"It has: {', '.join(sorted(text)) or 'none'}."
            )
    chosen = {
        language: rows[: reading.limit]
        for language, rows in text.items()
        if not languages or language in languages
    }
    if not any(line for rows in chosen.values() for line in rows):
        raise InputError(f"{step}: {field}: {shown} holds no line. Check the files of the text {name}.")
    return chosen


def _is_parallel(text: Mapping[str, Sequence[str]]) -> bool:
    return len({len(rows) for rows in text.values()}) == 1


def _flat(labels: Sequence[int] | Sequence[Sequence[int]]) -> Iterator[int]:
    for label in labels:
        if isinstance(label, Sequence):
            yield from label
        else:
            yield label
