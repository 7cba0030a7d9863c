"""The examples of tasks, a type for each shape, and what a model predicts of one."""

from __future__ import annotations

from dataclasses import dataclass, field

Prediction = str | tuple[str, ...] | int | float
"""A label (classify), labels in the order of the task's (multilabel), one tag per word (tag), the text of an answer, ""
for none (span), the index of the retrieved sentence (retrieve) or of the option (choose), the cosine of two texts
(similarity), the ids of passages, the best first (ranking), or per sentence two ids of English ones, "" for none (mine:
the pair that is kept, and the pair that the threshold of the whole dev set keeps)."""


@dataclass(frozen=True)
class Text:
    """One text and its label (None where the gold is withheld)."""

    text: str
    label: str | None

    @property
    def gold(self) -> str | None:
        return self.label


@dataclass(frozen=True)
class Pair:
    """Two texts and their label (None where the gold is withheld)."""

    first: str
    second: str
    label: str | None

    @property
    def gold(self) -> str | None:
        return self.label


@dataclass(frozen=True)
class Labelled:
    """One text, or two, and the labels of it, each once, maybe none (None where the gold is withheld)."""

    texts: tuple[str, ...]
    labels: tuple[str, ...] | None

    @property
    def gold(self) -> tuple[str, ...] | None:
        return self.labels


@dataclass(frozen=True)
class Tagged:
    """Words and one tag per word (None where the gold is withheld)."""

    words: tuple[str, ...]
    tags: tuple[str, ...] | None

    @property
    def gold(self) -> tuple[str, ...] | None:
        return self.tags


@dataclass(frozen=True)
class Bitext:
    """A sentence and its English translation; the gold is one-to-one by position.

    Not `aligned`: the order of the English side hides the gold, and the target is some other sentence.
    """

    source: str
    target: str
    aligned: bool = True

    @property
    def gold(self) -> str | None:
        return self.target if self.aligned else None


@dataclass(frozen=True)
class Answer:
    """A reference answer and the character of the context at which it begins."""

    text: str
    start: int


@dataclass(frozen=True)
class Question:
    """A question on a context. `answers`: () where it has none in the context, None where withheld."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...] | None

    @property
    def gold(self) -> tuple[Answer, ...] | None:
        return self.answers


@dataclass(frozen=True)
class Choice:
    """Options that go on from, or answer, a question on a context ("" for none); `gold` is an index."""

    context: str
    question: str
    options: tuple[str, ...]
    gold: int | None


@dataclass(frozen=True)
class Sentence:
    """One sentence of a comparable corpus; `translations` are ids of the English side.

    For an English sentence (`english`) they are (); None where the gold is withheld.
    """

    id: str
    text: str
    english: bool
    translations: tuple[str, ...] | None

    @property
    def gold(self) -> tuple[str, ...] | None:
        return self.translations


@dataclass(frozen=True)
class Similar:
    """Two texts and how similar people find them, on any scale (None where the gold is withheld)."""

    first: str
    second: str
    score: float | None

    @property
    def gold(self) -> float | None:
        return self.score


@dataclass(frozen=True, eq=False)
class Corpus:
    """The passages that the queries of one language are answered from; `unjudged` is where left out queries stand."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """A query and the grades of the passages that were judged for it: (id, grade), above 0 where relevant."""

    id: str
    text: str
    judged: tuple[tuple[str, int], ...]
    corpus: Corpus = field(repr=False)

    @property
    def gold(self) -> tuple[tuple[str, int], ...]:
        return self.judged


# `gold` of an example is what is right, None where that is withheld.
Example = Text | Pair | Labelled | Tagged | Bitext | Question | Choice | Sentence | Similar | Query
