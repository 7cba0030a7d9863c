"""Text to token ids with the `tokenizers` library alone, so that a fresh process stays light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from xpareto.compress.core import BERT_NAMES, NAMES, InputError, read_file
from xpareto.eval.tasks import Pair, Tagged

_ENCODED_AT_ONCE = 256  # texts with offsets, which take much memory until they are arrays
_RARE = "\U0010fffd"  # for private use: no piece of any vocabulary
IGNORED = -100  # the label of a token on which no loss is wanted


@dataclass(frozen=True)
class Encoded:
    """Token sequences of some examples and what is needed to find the way back.

    owners[s] is the example that sequence s is a piece of, or a window on. `starts` is for tagging:
    starts[s] holds the position in sequence s of the first subword of every word that begins there.
    """

    input_ids: list[list[int]]
    examples: int
    labels: tuple[str, ...] = ()
    owners: list[int] = field(default_factory=list)
    starts: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class TrainingExamples:
    """Encoded examples with their labels (satisfies compress.core.data_protocol.Examples)."""

    input_ids: list[list[int]]
    labels: list[int] | list[list[int]]
    options: list[int] | None = None
    metric: Callable[[Sequence[np.ndarray]], float] | None = None


class TextEncoder:
    """A tokenizer.json. Equal text gives equal ids, whatever was encoded before.

    What is put around texts is the file's own template: `bos` before, `eos` behind, and between two texts as many `eos`
    as `separators` says, two in XLM-R's ``<s> A </s></s> B </s>``, one in BERT's ``[CLS] A [SEP] B [SEP]``. A file
    without a template has that of these two whose tokens it has. `default`: what each of `texts` begins with,
    where nothing else is said; `prompts` are others by name.
    """

    def __init__(self, file: Path, default: str = "", prompts: Mapping[str, str] | None = None) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_buffer(read_file(file))
        except OSError as error:
            raise InputError(f"{file}: expected a tokenizer.json, {error.strerror}.") from error
        except ValueError as error:
            raise InputError(f"{file}: not a readable tokenizer.json ({error}).") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.bos, self.eos, self.separators = self._template(file)
        self._default, self._prompts = default, dict(prompts or {})
        named = (getattr(self._tokenizer.model, "unk_token", None), NAMES["unk"], BERT_NAMES["unk"])
        known = map(self._tokenizer.token_to_id, filter(None, named))
        unknown = next((at for at in known if at is not None), None)
        if unknown is None and not self._reads_bytes():
            raise InputError(
                f"{file}: expected a tokenizer with an unknown token, such as <unk> or [UNK], or one that falls back "
                "on bytes, found neither. Give the tokenizer.json that belongs to the model."
            )
        # One that falls back on bytes needs none: for a word without pieces stands the end then.
        self.unknown: int = self.eos if unknown is None else unknown
        self.size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)

    def _template(self, file: Path) -> tuple[int, int, int]:
        """Return bos, eos and how many eos are between two texts, and leave the template out of the tokenizer."""
        special, paired = self._tokenizer.encode("").ids, self._tokenizer.encode("", "").ids
        self._tokenizer.post_processor = None  # it says what is put around a text, and no more
        if not special and not paired:  # it says nothing
            usual = [(NAMES, 2), (BERT_NAMES, 1)]
            by_bert = type(self._tokenizer.model).__name__ == "WordPiece"
            for names, separators in reversed(usual) if by_bert else usual:
                found = [self._tokenizer.token_to_id(names[role]) for role in ("bos", "eos")]
                if None not in found:
                    special, paired = found, [*found, *found[1:] * separators]
                    break
        separators = len(paired) - 2
        if len(special) != 2 or separators not in (1, 2) or paired != [*special, *special[1:] * separators]:
            raise InputError(
                f"{file}: expected a tokenizer that makes <s> A </s></s> B </s> of a pair, as XLM-R's, or [CLS] A "
                f"[SEP] B [SEP], as BERT's; an empty text gives {special}, an empty pair {paired}. Give the "
                "tokenizer.json of an encoder."
            )
        return (*special, separators)

    def _reads_bytes(self) -> bool:
        try:
            return bool(self._tokenizer.encode(_RARE, add_special_tokens=False).ids)
        except Exception:  # what the library raises for a text that it cannot encode is of no other class
            return False

    @cached_property
    def space(self) -> str:
        """Return what a text begins with to go on another one: " " where pieces hold the space before a word."""
        alone, behind = "a", " a"
        ids = self.ids([alone, behind])
        return "" if ids[alone] == ids[behind] else " "

    @property
    def around_pair(self) -> int:
        """Return how many special tokens a pair has."""
        return 2 + self.separators

    def pair(self, first: Sequence[int], second: Sequence[int]) -> list[int]:
        """Return ``<s> A </s></s> B </s>`` of the subwords of two texts, as the template says."""
        return [self.bos, *first, *[self.eos] * self.separators, *second, self.eos]

    def prompt(self, names: Sequence[str]) -> str:
        """Return the first of these prompts that there is, the default without any, as sentence-transformers does."""
        return next((self._prompts[name] for name in names if name in self._prompts), self._default)

    def texts(self, texts: Sequence[str], max_length: int, prompt: str | None = None) -> list[list[int]]:
        """Return ``<s> prompt text </s>`` for each, cut on the right to `max_length` tokens.

        Without a prompt (None) it is the default one.
        """
        lead = self._default if prompt is None else prompt
        texts = [lead + text for text in texts] if lead else texts
        ids = self.ids(texts)
        return [[self.bos, *ids[text][: max_length - 2], self.eos] for text in texts]

    def pairs(self, pairs: Sequence[tuple[str, str]], max_length: int) -> list[list[int]]:
        """Return ``<s> A </s></s> B </s>`` for each, the longer part cut first to `max_length`."""
        ids = self.ids([text for pair in pairs for text in pair])  # XNLI has each premise three times
        sequences = []
        for one, other in pairs:
            first, second = ids[one], ids[other]
            keep, keep_other = longest_first(len(first), len(second), max_length - self.around_pair)
            sequences.append(self.pair(first[:keep], second[:keep_other]))
        return sequences

    def ids(self, texts: Sequence[str]) -> dict[str, list[int]]:
        """Return the subwords of each distinct text, no special tokens."""
        distinct = list(dict.fromkeys(texts))
        encodings = self._tokenizer.encode_batch_fast(distinct, add_special_tokens=False)
        return {text: encoding.ids for text, encoding in zip(distinct, encodings, strict=True)}

    def spans(self, texts: Sequence[str]) -> dict[str, tuple[list[int], np.ndarray]]:
        """Return the subwords of each distinct text and the characters [start, end) of each, (subwords, 2).

        Characters are those of the text as it is given (code points, as Python counts them), whatever
        the tokenizer makes of it.
        """
        distinct = list(dict.fromkeys(texts))
        spans_by_text = {}
        for at in range(0, len(distinct), _ENCODED_AT_ONCE):
            some = distinct[at : at + _ENCODED_AT_ONCE]
            encodings = self._tokenizer.encode_batch(some, add_special_tokens=False)
            for text, encoding in zip(some, encodings, strict=True):
                offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
                spans_by_text[text] = (encoding.ids, offsets)
        return spans_by_text

    def words(self, words: Sequence[str]) -> dict[str, list[int]]:
        """Return the subwords of each distinct word, no special tokens.

        Words are tokenised one by one, as for text that is split into words, so each distinct word
        needs the tokenizer only once. A word that gives nothing (zero-width characters) becomes
        <unk>, as in XTREME, so that it keeps its place and gets a tag.
        """
        distinct = list(dict.fromkeys(words))
        encodings = self._tokenizer.encode_batch_fast(
            [[word] for word in distinct], is_pretokenized=True, add_special_tokens=False
        )
        return {
            word: encoding.ids or [self.unknown] for word, encoding in zip(distinct, encodings, strict=True)
        }


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Return how many tokens to keep of two parts so that both fit in `room`, the longer cut first.

    Follows the `tokenizers` library: parts that are both too long get half each, and an odd token
    goes to the longer one (the second, where they are equal).

    >>> longest_first(10, 3, room=8), longest_first(10, 9, room=7), longest_first(2, 3, room=8)
    ((5, 3), (4, 3), (2, 3))
    """
    if first + second <= room:
        return first, second
    short = min(first, second, room // 2)
    return (short, room - short) if first <= second else (room - short, short)


def encode_pairs(examples: Sequence[Pair], tokenizer: TextEncoder, max_length: int) -> list[list[int]]:
    """Return one sequence per pair."""
    return tokenizer.pairs([(pair.first, pair.second) for pair in examples], max_length)


def encode_tagged(
    examples: Sequence[Tagged], tokenizer: TextEncoder, max_length: int, labels: tuple[str, ...] = ()
) -> Encoded:
    """Return the sequences of tagged sentences; a long sentence becomes several, none is truncated.

    A piece holds whole words as long as they fit; a word longer than a piece runs on in the next.
    """
    # XTREME counts as many special tokens as a text and a separator have, so XLM-R's 128 leave 125 subwords to a piece.
    reserve = 1 + tokenizer.separators
    room = max_length - reserve
    if room < 1:
        raise InputError(f"max_length: tagging needs at least {reserve + 1} tokens, found {max_length}.")
    subwords = tokenizer.words([word for example in examples for word in example.words])
    encoded = Encoded([], len(examples), labels)
    for owner, example in enumerate(examples):
        for ids, starts in _pieces([subwords[word] for word in example.words], room):
            encoded.input_ids.append([tokenizer.bos, *ids, tokenizer.eos])
            encoded.starts.append(starts)
            encoded.owners.append(owner)
    return encoded


def _pieces(words: Sequence[Sequence[int]], room: int) -> list[tuple[list[int], list[int]]]:
    """Return (ids, positions of first subwords counting <s>) of each piece of at most `room` ids.

    >>> _pieces([[7], [8, 9], [5]], room=2)
    [([7], [1]), ([8, 9], [1]), ([5], [1])]
    >>> _pieces([[7], [1, 2, 3, 4, 5], [6]], room=2)
    [([7], [1]), ([1, 2], [1]), ([3, 4], []), ([5, 6], [2])]
    """
    pieces: list[tuple[list[int], list[int]]] = []
    ids: list[int] = []
    starts: list[int] = []
    for word in words:
        if ids and len(ids) + len(word) > room:
            pieces.append((ids, starts))
            ids, starts = [], []
        starts.append(len(ids) + 1)
        ids.extend(word)
        while len(ids) > room:
            pieces.append((ids[:room], starts))
            ids, starts = ids[room:], []
    if ids or not pieces:
        pieces.append((ids, starts))
    return pieces
