"""Batches for masked and translation language modelling, without end and seeded."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np

from xpareto.compress.core import SpecialTokens, read_file
from xpareto.compress.data.batching import IGNORED, Batch, grouped_order, pad
from xpareto.compress.data.tokenizer_files import open_tokenizer

_POOL = 50

Lines = Mapping[str, Sequence[Sequence[int]]]  # language -> one row of ids per line, no special tokens


_KEPT_IDS = 1 << 24  # 64 MiB of them
_kept: OrderedDict[tuple[str, str], list[array[int]]] = OrderedDict()


def encode_lines(text: Mapping[str, Sequence[str]], tokenizer: Path) -> Lines:
    """Return the ids of every line by language, no special tokens; an empty line gives none.

    The steps of a plan, which run in one process, read the same texts again and again: what was encoded last is
    kept, by what the tokenizer and the lines say. So nothing may change the rows.
    """
    vocabulary = sha256(read_file(tokenizer)).hexdigest()
    keys = {language: (vocabulary, _digest(rows)) for language, rows in text.items()}
    loaded = open_tokenizer(tokenizer) if any(key not in _kept for key in keys.values()) else None
    encoded = {}
    for language, rows in text.items():
        key = keys[language]
        if key not in _kept:
            assert loaded is not None, "it is open where a language is not kept"
            of_rows = loaded.encode_batch_fast(list(rows), add_special_tokens=False)
            _kept[key] = [array("i", one.ids) for one in of_rows]
        _kept.move_to_end(key)
        encoded[language] = _kept[key]
    left = sum(len(row) for rows in _kept.values() for row in rows) - _KEPT_IDS
    while left > 0:
        _, oldest = _kept.popitem(last=False)
        left -= sum(map(len, oldest))
    return encoded


def _digest(lines: Sequence[str]) -> str:
    """Return the sha256 of some lines; their lengths tell apart what a line feed within one would join."""
    digest = sha256(",".join(str(len(line)) for line in lines).encode())
    digest.update("".join(lines).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def mask_tokens(
    input_ids: np.ndarray, special: SpecialTokens, share: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return (corrupted ids, labels): `share` of the ordinary tokens are to be guessed.

    Of these, 80 % become <mask>, 10 % a random piece, 10 % stay (Devlin et al. 2019, section 3.1).
    Labels are IGNORED elsewhere.
    """
    chosen = (random.random(input_ids.shape) < share) & special.is_ordinary[input_ids]
    labels = np.where(chosen, input_ids, IGNORED)
    fate = random.random(input_ids.shape)
    other = special.ordinary[random.integers(0, len(special.ordinary), input_ids.shape)]
    corrupted = np.where(chosen & (fate < 0.8), special.to_mask(), input_ids)
    return np.where(chosen & (fate >= 0.9), other, corrupted), labels


def join(
    first: Sequence[int], second: Sequence[int] | None, max_length: int, special: SpecialTokens
) -> list[int]:
    """Return ``<s> A </s>``, or ``<s> A </s></s> B </s>`` with both cut to equal halves where too long.

    Written in XLM-R's tokens: `special` says what the tokenizer calls them, and how many separate two texts.
    """
    bos, eos = special.bos, special.eos
    if second is None:
        return [bos, *first[: max_length - 2], eos]
    half = (max_length - 2 - special.separators) // 2
    return [bos, *first[:half], *[eos] * special.separators, *second[:half], eos]


@dataclass
class MaskedBatches:
    """Batches without end: a line of a random language, or two translations of one line.

    `translation` is the probability of the latter (Conneau & Lample 2019, section 3.3). Languages are
    drawn uniformly: a small one is seen as often as a large one. One stream of random numbers makes
    the batches in order: going forward draws those left out (about 1 ms each), going back starts anew.
    """

    lines: Lines
    batch_size: int
    max_length: int
    special: SpecialTokens
    share: float  # 0: nothing is masked
    translation: float
    seed: int

    def __post_init__(self) -> None:
        self._filled = {
            language: [at for at, row in enumerate(rows) if len(row)] for language, rows in self.lines.items()
        }
        self._languages = sorted(language for language, rows in self._filled.items() if rows)
        self._stream = self._batches()
        self._next = 0

    def batch(self, number: int) -> Batch:
        """Return batch `number`."""
        if number < self._next:
            self._stream, self._next = self._batches(), 0
        batch = next(islice(self._stream, number - self._next, None))
        self._next = number + 1
        return batch

    def _batches(self) -> Iterator[Batch]:
        random = np.random.default_rng(self.seed)
        while True:
            rows = [self._draw(random) for _ in range(_POOL * self.batch_size)]
            order_seed = int(random.integers(1 << 31))
            for indices in grouped_order([len(row) for row in rows], self.batch_size, order_seed):
                ids = pad([rows[index] for index in indices], self.special.pad)
                corrupted, labels = ids, np.full_like(ids, IGNORED)
                if self.share:
                    corrupted, labels = mask_tokens(ids, self.special, self.share, random)
                yield {
                    "input_ids": corrupted,
                    "attention_mask": (ids != self.special.pad).astype(np.int64),
                    "labels": labels,
                }

    def _draw(self, random: np.random.Generator) -> list[int]:
        lines, languages = self.lines, self._languages
        first = languages[random.integers(len(languages))]
        at = self._filled[first][random.integers(len(self._filled[first]))]
        if random.random() < self.translation:
            others = [name for name in languages if name != first and len(lines[name][at])]
            if others:
                second = others[random.integers(len(others))]
                return join(lines[first][at], lines[second][at], self.max_length, self.special)
        return join(lines[first][at], None, self.max_length, self.special)
