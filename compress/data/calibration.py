"""Examples in chosen languages, by which a compression step sees what the model does."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from xpareto.compress.core import (
    EACH,
    ENCODER,
    DataNeed,
    DataProvider,
    Head,
    IncompatibleStep,
    InputError,
    SpecialTokens,
    hint,
    parse_source,
    unknown_source,
    with_language,
)
from xpareto.compress.data.batching import Batch, Rows, collated, example_lengths, pad, sorted_order
from xpareto.compress.data.mlm import join
from xpareto.compress.data.tokenizer_files import open_tokenizer

Weighting = Literal["equal", "natural", "worst"]

_AUDITED = 256  # lines of a language whose subwords are counted for `worst`


class Calibration(BaseModel):
    """Which data a step calibrates on: lines of a text, or a labelled training set.

    `languages: [en]` is English-only calibration, all languages with `weighting: equal` is stratified
    calibration. Shares of the languages, each of which gets at least one example:

    equal: the same for all. natural: as the lines that there are. worst: by the rank of what the
    tokenizer charges, that is the mean number of subwords of a line (Petrov et al. 2023, section 3: on
    parallel text, the tokenization premium), an unknown piece counting all its characters: of n
    languages the dearest gets n shares, the next n - 1, and the cheapest one.

    A language with too few lines gives all it has; the others make up for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: str | None = Field("parallel", description="a text of the data: parallel, mono, bible")
    on: str | None = Field(
        None, description="a labelled training set in place of a text; null: the text", examples=["udpos"]
    )
    languages: list[str] | None = Field(
        None,
        min_length=1,
        description="languages to draw from; null: all that the text has, of a training set en",
        examples=[["en"]],
    )
    weighting: Weighting = Field("equal", description="shares of the languages: equal, natural or worst")
    examples: int = Field(256, ge=1, description="examples in all; a question with its options is one")
    max_length: int = Field(128, ge=8, description="longest example in subwords")

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, data: Any) -> Any:
        if isinstance(data, dict):
            if data.get("on") is not None:
                if data.get("text") is not None:
                    raise ValueError("give a text or a training set (on), not both")
                return {**data, "text": None}
            if "text" in data and data["text"] is None:
                raise ValueError("give a text, such as parallel, or a training set (on)")
        return data

    @field_validator("on")
    @classmethod
    def _check_on(cls, value: str | None) -> str | None:
        if value in (EACH, ENCODER) or (value is not None and ":" in value):
            raise ValueError(f"expected a labelled training set, such as udpos, found {value}")
        return value

    @field_validator("languages")
    @classmethod
    def _check_languages(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and len(set(value)) < len(value):
            raise ValueError("each language once")
        return value

    @property
    def sources(self) -> dict[str, str]:
        """Return language -> the name under which the data provider knows the labelled data of it."""
        if self.on is None:
            return {}
        data_source = parse_source(self.on, self.languages)
        return {language: with_language(data_source.name, language) for language in data_source.languages}

    def reads(self) -> tuple[DataNeed, ...]:
        """Return the data that drawing reads."""
        if self.on is None:
            return (DataNeed("text", str(self.text)),)
        return tuple(DataNeed("training", name) for name in self.sources.values())

    def check(self, step: str, heads: Mapping[str, Head]) -> None:
        """Raise IncompatibleStep, naming the step, where `on` is no known training set."""
        if self.on is None:
            return
        if "@" in self.on and self.languages is not None:
            raise IncompatibleStep(
                f"{step}: calibration: a language is named by @ already; leave `languages` out, or the @."
            )
        wrong = unknown_source(self.on, list(heads))
        if wrong is not None:
            raise IncompatibleStep(f"{step}: calibration: on: {wrong}")


@dataclass(frozen=True)
class CalibrationBatch:
    """Padded sequences and the language of each: input_ids and attention_mask (rows, longest), int64."""

    input_ids: np.ndarray
    attention_mask: np.ndarray
    languages: tuple[str, ...]


@dataclass(frozen=True)
class CalibrationSet:
    """Encoded examples, special tokens included, and the language of each example."""

    rows: Rows
    language_of: tuple[str, ...]  # per example
    labelled: bool
    special: SpecialTokens
    training_set: str | None = None

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages there are, sorted."""
        return tuple(sorted(set(self.language_of)))

    @cached_property
    def by_language(self) -> Mapping[str, list[list[int]]]:
        """The sequences of each language; those of a question are its options."""
        rows_by_language: dict[str, list[list[int]]] = {language: [] for language in self.languages}
        for language, row in zip(self._sequence_languages, self.rows.input_ids, strict=True):
            rows_by_language[language].append(list(row))
        return rows_by_language

    @property
    def labels(self) -> Sequence[int] | Sequence[Sequence[int]] | None:
        """The label of each example as `compress.core.data_protocol.Examples` has them; None for text."""
        return self.rows.labels if self.labelled else None

    @property
    def examples(self) -> int:
        return len(self.language_of)

    @cached_property
    def _sequence_languages(self) -> tuple[str, ...]:
        if self.rows.options is None:
            return self.language_of
        pairs = zip(self.language_of, self.rows.options, strict=True)
        return tuple(language for language, count in pairs for _ in range(count))

    def batches(self, batch_size: int) -> Iterator[CalibrationBatch]:
        """Yield every sequence once, those of similar length together, the longest first."""
        for at in sorted_order([len(row) for row in self.rows.input_ids], batch_size):
            ids = pad([self.rows.input_ids[index] for index in at], self.special.pad)
            yield CalibrationBatch(
                ids,
                (ids != self.special.pad).astype(np.int64),
                tuple(self._sequence_languages[index] for index in at),
            )

    def labelled_batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield every example once with its labels, in the shape that losses read; see batching.collated."""
        assert self.labelled, "a text has no labels"
        for at in sorted_order(example_lengths(self.rows), batch_size):
            yield collated(self.rows, at, self.special.pad)

    def notes(self) -> dict[str, Any]:
        """Return what was drawn, as plain data for a manifest."""
        counts = {language: self.language_of.count(language) for language in self.languages}
        tokens = {
            language: sum(len(row) for row in rows) for language, rows in sorted(self.by_language.items())
        }
        return {"examples": counts, "tokens": tokens, "labelled": self.labelled}


def draw(
    calibration: Calibration, provider: DataProvider, tokenizer: Path, most_tokens: int, seed: int
) -> CalibrationSet:
    """Return the examples that a calibration asks for; InputError where the data cannot give them.

    `tokenizer` is a tokenizer.json, `most_tokens` the longest input of the model, special tokens
    included. What is drawn of a language depends on the seed, that language's lines and its share only.
    """
    longest = min(calibration.max_length, most_tokens)
    if calibration.on is None:
        return _draw_text(calibration, provider, tokenizer, longest, seed)
    return _draw_labelled(calibration, provider, tokenizer, longest, seed)


def counts(available: Sequence[int], weights: Sequence[float], total: int) -> list[int]:
    """Return how many examples each language gives: at least one, at most what it has.

    The rest goes, one by one, to the language that is furthest below its share (the highest ratio of
    weight to what it would have: Webster's method), so that the shares hold as well as whole numbers
    can; ties go to the first.

    >>> counts([10, 10, 10], [1, 1, 1], 7)
    [3, 2, 2]
    >>> counts([100, 2, 100], [1, 1, 2], 11)
    [3, 2, 6]
    """
    given = [1] * len(available)
    for _ in range(min(total, sum(available)) - len(available)):
        open_ = [at for at, most in enumerate(available) if given[at] < most]
        given[max(open_, key=lambda at: (weights[at] / (2 * given[at] + 1), -at))] += 1
    return given


def shares(weighting: Weighting, available: Sequence[int], prices: Sequence[float]) -> list[float]:
    """Return the weights of the languages; see `Calibration`. `prices`: mean subwords of a line.

    >>> shares("worst", [5, 5, 5], [20.0, 31.0, 24.0])
    [1.0, 3.0, 2.0]
    """
    if weighting == "natural":
        return [float(count) for count in available]
    if weighting == "worst":
        order = sorted(range(len(prices)), key=lambda at: (prices[at], at))
        return [float(order.index(at) + 1) for at in range(len(prices))]
    return [1.0] * len(available)


def _draw_text(
    calibration: Calibration, provider: DataProvider, tokenizer: Path, longest: int, seed: int
) -> CalibrationSet:
    name = str(calibration.text)
    text = provider.text(name)
    for language in calibration.languages or ():
        if not any(text.get(language, ())):
            raise InputError(
                f'calibration: languages: the text {name} has no line in "{language}".{hint(language, text)} '
                f"It has: {', '.join(sorted(text)) or 'none'}."
            )
    lines = {
        language: [line for line in text[language] if line.strip()]
        for language in sorted(calibration.languages or text)
    }
    lines = {language: rows for language, rows in lines.items() if rows}
    if not lines:
        raise InputError(f"calibration: text: {name} holds no line. Check its files.")
    special = SpecialTokens.read(tokenizer)
    loaded = open_tokenizer(tokenizer)
    orders = {language: _order(language, len(rows), seed) for language, rows in lines.items()}
    prices = [0.0] * len(lines)
    if calibration.weighting == "worst":
        prices = [
            _price(loaded, special.unk, [lines[at][row] for row in orders[at][:_AUDITED]]) for at in lines
        ]
    wanted = _counts(calibration, {at: len(rows) for at, rows in lines.items()}, prices)
    ids: list[list[int]] = []
    languages: list[str] = []
    for language, count in wanted.items():
        picked = [lines[language][row] for row in orders[language][:count]]
        for one in loaded.encode_batch_fast(picked, add_special_tokens=False):
            ids.append(join(one.ids, None, longest, special))
            languages.append(language)
    return CalibrationSet(Rows(ids, [0] * len(ids)), tuple(languages), labelled=False, special=special)


def _draw_labelled(
    calibration: Calibration, provider: DataProvider, tokenizer: Path, longest: int, seed: int
) -> CalibrationSet:
    examples_by_language = {
        language: provider.examples(name, "train", tokenizer, longest, None)
        for language, name in calibration.sources.items()
    }
    for language, name in calibration.sources.items():
        if not len(examples_by_language[language].labels):
            raise InputError(
                f"calibration: on: the training set {name} has no example. Check its files, or leave "
                f'"{language}" out.'
            )
    sizes = {language: len(examples.labels) for language, examples in examples_by_language.items()}
    prices = [
        float(np.mean([len(row) for row in examples.input_ids])) for examples in examples_by_language.values()
    ]
    ids: list[Sequence[int]] = []
    labels: list[Any] = []
    options: list[int] = []
    languages: list[str] = []
    for language, count in _counts(calibration, sizes, prices).items():
        examples = examples_by_language[language]
        widths = examples.options or [1] * sizes[language]
        ends = np.cumsum(widths)
        for at in _order(language, sizes[language], seed)[:count]:
            ids += examples.input_ids[ends[at] - widths[at] : ends[at]]
            labels.append(examples.labels[at])
            options.append(widths[at])
            languages.append(language)
    has_options = any(examples.options is not None for examples in examples_by_language.values())
    rows = Rows(ids, labels, options if has_options else None)
    name = parse_source(str(calibration.on)).name
    return CalibrationSet(
        rows, tuple(languages), labelled=True, special=SpecialTokens.read(tokenizer), training_set=name
    )


def _counts(
    calibration: Calibration, available: Mapping[str, int], prices: Sequence[float]
) -> dict[str, int]:
    if calibration.examples < len(available):
        raise InputError(
            f"calibration: examples: expected at least one for each of {len(available)} languages, found "
            f"{calibration.examples}. Raise examples, or name fewer languages."
        )
    sizes = list(available.values())
    given = counts(sizes, shares(calibration.weighting, sizes, prices), calibration.examples)
    return dict(zip(available, given, strict=True))


def _order(language: str, size: int, seed: int) -> list[int]:
    """Return a random order of a language's lines that does not depend on the other languages."""
    random = np.random.default_rng([seed, zlib.crc32(language.encode())])
    return random.permutation(size).tolist()


def _price(tokenizer: Any, unknown: int | None, lines: Sequence[str]) -> float:
    """Return the mean number of subwords of a line, an unknown piece counting its characters."""
    total = 0
    for one in tokenizer.encode_batch(list(lines), add_special_tokens=False):
        spans = zip(one.ids, one.offsets, strict=True)
        total += sum(max(1, end - start) if piece == unknown else 1 for piece, (start, end) in spans)
    return total / len(lines)
