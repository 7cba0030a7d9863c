"""Names of what one can train on: ``mnli``, ``mnli@de``, ``mlm:parallel``, ``tlm:parallel``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from xpareto.compress.core.errors import hint
from xpareto.compress.core.step import DataNeed

EACH = "each"
ENCODER = "encoder"  # the training set of tasks that train nothing
ENGLISH = "en"
TEXT_KINDS = ("mlm", "tlm")


@dataclass(frozen=True)
class DataSource:
    """One source of training batches.

    `kind` "labelled": the training set `name` in `languages`. "mlm" and "tlm": masked and translation
    language modelling on the text `name`.
    """

    kind: Literal["labelled", "mlm", "tlm"]
    name: str
    languages: tuple[str, ...] = (ENGLISH,)

    @property
    def shown(self) -> str:
        """Return what the source is called in notes and messages, as in a recipe."""
        if self.kind != "labelled":
            return f"{self.kind}:{self.name}"
        return "+".join(self.sources)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the names under which the data provider knows the labelled data, one per language."""
        return tuple(with_language(self.name, language) for language in self.languages)

    def reads(self) -> tuple[DataNeed, ...]:
        """Return the data it reads; the dev split is English, whatever the languages."""
        if self.kind != "labelled":
            return (DataNeed("text", self.name),)
        names = dict.fromkeys([*self.sources, self.name])
        return tuple(DataNeed("training", name) for name in names)


def with_language(name: str, language: str) -> str:
    """Return the name of a training set in a language.

    >>> with_language("mnli", "en"), with_language("mnli", "de")
    ('mnli', 'mnli@de')
    """
    return name if language == ENGLISH else f"{name}@{language}"


def parse_source(text: str, languages: Sequence[str] | None = None) -> DataSource:
    """Return the data source that a name stands for; `languages` are those of a name that gives none.

    >>> parse_source("mnli@de").shown, parse_source("mlm:bible").shown
    ('mnli@de', 'mlm:bible')
    >>> parse_source("mnli", ["en", "de"]).sources
    ('mnli', 'mnli@de')
    """
    kind, colon, name = text.partition(":")
    if colon:
        return DataSource("tlm" if kind == "tlm" else "mlm", name)
    training_set, _, language = text.partition("@")
    return DataSource("labelled", training_set, (language,) if language else tuple(languages or (ENGLISH,)))


def unknown_source(
    text: str, training_sets: Collection[str], languages: Collection[str] | None = None
) -> str | None:
    """Return what is wrong with a name, with a near miss and what is known, or None.

    `languages` are the codes that may follow an @ (None: any). Which texts there are shows when the
    data are read.
    """
    known = sorted(training_sets)
    kind, colon, name = text.partition(":")
    if colon:
        if kind not in TEXT_KINDS:
            return f'unknown use of text "{kind}:".{hint(kind, TEXT_KINDS)} Known: mlm:TEXT, tlm:TEXT.'
        return None if name else f'"{text}" names no text. Write {kind}:TEXT, such as {kind}:parallel.'
    training_set, at, language = text.partition("@")
    if training_set not in known:
        return f'unknown training set "{training_set}".{hint(training_set, known)} Known: {", ".join(known)}.'
    if at and training_set in (EACH, ENCODER):
        return f'"{training_set}" has no languages. Name a training set before the @.'
    if at and (not language or (languages is not None and language not in languages)):
        return (
            f'unknown language "{language}" of {training_set} (ISO 639-1 codes as in XTREME).'
            f"{hint(language, languages or ())} Known: {', '.join(sorted(languages or ()))}."
        )
    return None


def checked_on(value: Any) -> Any:
    """Return what `on` of a training step says, unless its shape is wrong: then raise ValueError."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ValueError("expected a training set or a list of them, such as [mnli, squad_v1]")
    for name in value:
        if name in (EACH, ENCODER):
            raise ValueError(f"{name} cannot be part of a list")
        if value.count(name) > 1:
            raise ValueError(f"{name} stands twice in the list")
    return value


def title(on: object) -> str:
    """Return what a step trains on as one word.

    >>> title("mnli"), title(["mnli", "mlm:bible"])
    ('mnli', 'mnli+mlm:bible')
    """
    return "+".join(map(str, on)) if isinstance(on, list | tuple) else str(on)
