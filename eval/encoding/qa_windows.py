"""Questions and their contexts as token windows with the way back to the characters (Devlin et al. 2019).

XTREME's settings: 384 tokens, the question cut to 64, and windows that advance by 128 tokens. Note that
`stride` of the `tokenizers` library means the overlap of two windows; here, as in BERT's code and in
XTREME's, it is the distance between the first tokens of two windows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.encoding.text import Encoded, TextEncoder, TrainingExamples
from xpareto.eval.tasks import Question

STRIDE = 128
LONGEST_QUESTION = 64


@dataclass(frozen=True)
class Windows:
    """What the windows of some questions are windows on. N windows, E examples, T tokens in all contexts.

    Position p of window w is token ``shift[w] + p`` of the table `offsets`, where ``can_start`` and
    ``can_end`` at ``base[w] + p`` say that an answer may begin and end there: a token of the context
    with characters of its own, and to begin, one that no other window shows with more context around.
    """

    shift: np.ndarray  # (N,) int64
    base: np.ndarray  # (N,) int64
    can_start: np.ndarray  # bool, all windows one after the other
    can_end: np.ndarray
    offsets: np.ndarray  # (T, 2) int32: the characters [start, end) of a token in its context
    contexts: tuple[str, ...]  # (E,)
    unanswerable: bool  # some question of the set has no answer: "" is an answer that can be given


@dataclass(frozen=True)
class _Context:
    ids: list[int]
    offsets: np.ndarray  # (tokens, 2), white space at both sides trimmed
    has_characters: np.ndarray  # (tokens,) bool: has characters that do not begin the next token, too
    first: int  # its first row in the table of all offsets


@dataclass(frozen=True)
class _Window:
    owner: int
    question: list[int]
    context: _Context
    start: int  # the first token of the context that it shows
    best: np.ndarray  # (tokens shown,) bool: no other window shows the token better
    lead: int  # the position of the first token of the context

    def ids(self, tokenizer: TextEncoder) -> list[int]:
        return tokenizer.pair(self.question, self.context.ids[self.start : self.start + len(self.best)])


@dataclass(frozen=True)
class EncodedQuestions(Encoded):
    """The windows of questions as sequences, and what they are windows on."""

    windows: Windows = field(kw_only=True)


def encode_questions(
    examples: Sequence[Question], tokenizer: TextEncoder, max_length: int, labels: tuple[str, ...] = ()
) -> EncodedQuestions:
    """Return the windows of every question, in the order of examples, none longer than `max_length`.

    InputError when `max_length` leaves no room.
    """
    windows, offsets = _windows(examples, tokenizer, max_length)
    ids = [window.ids(tokenizer) for window in windows]
    base = np.concatenate([[0], np.cumsum([len(row) for row in ids], dtype=np.int64)])
    can_start, can_end = np.zeros((2, int(base[-1])), dtype=bool)
    for window, at in zip(windows, base[:-1], strict=True):
        shown = slice(at + window.lead, at + window.lead + len(window.best))
        has_characters = window.context.has_characters[window.start : window.start + len(window.best)]
        can_end[shown] = has_characters
        can_start[shown] = has_characters & window.best
    return EncodedQuestions(
        ids,
        len(examples),
        labels,
        owners=[window.owner for window in windows],
        windows=Windows(
            np.array([w.context.first + w.start - w.lead for w in windows], dtype=np.int64),
            base[:-1].astype(np.int64),
            can_start,
            can_end,
            offsets,
            tuple(example.context for example in examples),
            any(example.answers == () for example in examples),
        ),
    )


def training_windows(
    examples: Sequence[Question], tokenizer: TextEncoder, max_length: int
) -> TrainingExamples:
    """Return all windows with the positions (start, end) of the first answer's first and last token.

    (0, 0), which is <s>, where the window does not show the whole answer, or there is none. An answer
    that begins or ends inside a token is widened to it.
    """
    if any(example.answers is None for example in examples):
        raise InputError("The answers of this training set are withheld. Training needs labelled questions.")
    windows, _ = _windows(examples, tokenizer, max_length)
    labels: list[list[int]] = []
    for window in windows:
        answers = examples[window.owner].answers
        span = token_span(window.context.offsets, window.context.has_characters, answers[0].start,
                          answers[0].start + len(answers[0].text)) if answers else None  # fmt: skip
        if span is None or span[0] < window.start or span[1] >= window.start + len(window.best):
            labels.append([0, 0])
        else:
            labels.append([token - window.start + window.lead for token in span])
    return TrainingExamples([window.ids(tokenizer) for window in windows], labels)


def token_span(
    offsets: np.ndarray, has_characters: np.ndarray, start: int, end: int
) -> tuple[int, int] | None:
    """Return the first and the last token that hold the characters [start, end); None where none does.

    >>> offsets = np.array([[0, 1], [0, 3], [4, 6], [6, 9]])
    >>> token_span(offsets, np.array([False, True, True, True]), start=4, end=7)
    (2, 3)
    """
    held = has_characters & (offsets[:, 1] > start) & (offsets[:, 0] < end)
    tokens = np.flatnonzero(held)
    return (int(tokens[0]), int(tokens[-1])) if len(tokens) else None


@lru_cache(maxsize=1024)
def cut(tokens: int, room: int, stride: int) -> tuple[tuple[int, np.ndarray], ...]:
    """Return (first token, best) of each window of `room` tokens on a context, `stride` apart.

    best[i] says that no other window shows the window's token i with more context: the smaller of the
    tokens at its left and at its right in the window, plus a hundredth of the window's length, counts;
    of equals the first is best (BERT's "max context").

    >>> [(start, best.tolist()) for start, best in cut(5, room=4, stride=2)]
    [(0, [True, True, True, False]), (2, [False, True, True])]
    """
    starts = [0]
    while starts[-1] + room < tokens:
        starts.append(starts[-1] + stride)
    ends = [min(start + room, tokens) for start in starts]
    place = np.arange(tokens)
    score = np.full((len(starts), tokens), -np.inf)
    for row, start, end in zip(score, starts, ends, strict=True):
        shown = place[start:end]
        row[start:end] = np.minimum(shown - start, end - 1 - shown) + 0.01 * (end - start)
    best = score.argmax(axis=0) if tokens else place
    return tuple(
        (start, best[start:end] == w) for w, (start, end) in enumerate(zip(starts, ends, strict=True))
    )


def _windows(
    examples: Sequence[Question], tokenizer: TextEncoder, max_length: int
) -> tuple[list[_Window], np.ndarray]:
    """Return the windows of all examples, and the offsets of the tokens of all contexts, (T, 2)."""
    special = tokenizer.around_pair
    if max_length < special + 2:
        raise InputError(
            f"max_length: question answering needs at least {special + 2} tokens, found {max_length}."
        )
    longest = min(LONGEST_QUESTION, (max_length - special) // 2)
    asked = tokenizer.spans([example.question for example in examples])
    contexts: dict[str, _Context] = {}
    first = 0
    for text, (ids, offsets) in tokenizer.spans([example.context for example in examples]).items():
        contexts[text] = _context(text, ids, offsets, first)
        first += len(ids)
    windows = []
    for owner, example in enumerate(examples):
        context = contexts[example.context]
        question = asked[example.question][0][:longest]
        room = max_length - special - len(question)
        lead = len(question) + special - 1
        # Official windows show 316 tokens or more; shorter ones advance by half, so that all overlap.
        for start, best in cut(len(context.ids), room, min(STRIDE, (room + 1) // 2)):
            windows.append(_Window(owner, question, context, start, best, lead))
    tables = [context.offsets for context in contexts.values()]
    return windows, np.concatenate([np.zeros((0, 2), np.int32), *tables])


def _context(text: str, ids: list[int], offsets: np.ndarray, first: int) -> _Context:
    """Return a context whose tokens have no white space at their ends.

    The lone mark of a word's beginning claims the first character of the word that follows, which the
    next token begins with, too: it has no characters of its own, so no answer begins or ends there.
    """
    space = np.array([character.isspace() for character in text], dtype=bool)
    place = np.arange(len(text) + 1)
    # the first character at or after i, and the end of the last one before i, that is no white space
    after = np.minimum.accumulate(np.append(np.where(space, len(text), place[:-1]), len(text))[::-1])[::-1]
    before = np.maximum.accumulate(np.append(0, np.where(space, 0, place[1:])))
    starts = np.minimum(after[offsets[:, 0]], offsets[:, 1])
    ends = np.maximum(before[offsets[:, 1]], starts)
    # A normalizer that joins a letter and its marks into one character places that at the letter alone.
    until = np.append(starts[1:], len(text))
    for token in np.flatnonzero((ends > starts) & (ends < until) & ~np.append(space, True)[ends]):
        while ends[token] < until[token] and unicodedata.category(text[ends[token]])[0] not in "ZC":
            ends[token] += 1
    has_characters = ends > starts
    has_characters[:-1] &= starts[1:] > starts[:-1]
    return _Context(ids, np.stack([starts, ends], axis=1).astype(np.int32), has_characters, first)
