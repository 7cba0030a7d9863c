"""A tokenizer.json of Unigram or WordPiece: read as its pieces, and written anew with some of them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.compress.core import InputError, read_json, tokenizer_kind

_WITHOUT_IDS = ("ByteLevel", "Metaspace")  # post-processors that name no id

# Why a text whose tokens are all kept is split exactly as before.
#
# Unigram. A Unigram model splits a text along the best path from its start to its end. Edges are the pieces that
# occur in the text, with their scores, and, for each character that is no piece itself, an unknown edge
# with the score u = (lowest score of all pieces) - 10 (huggingface/tokenizers, models/unigram/model.rs,
# after sentencepiece's unigram_model.cc).
#
# Leaving out pieces does two things: edges go, and characters whose own piece went get an unknown edge.
# Without care the second changes texts whose best path is all kept: where the lowest score rises, u
# rises with it, and a path over a character that was dear becomes cheap. `needed` keeps a piece with the
# lowest score, so u stays. A new unknown edge then scores u, less than the piece that it stands for. So
# every path of the new graph has a twin in the old one, along the same cuts, that scores at least as
# much, while the old best path, all kept, scores what it scored: it is best still.
#
# Ties: of equally good ways to a cut the search takes the one whose last edge starts first. At the cuts
# of the old best path the best score is what it was, and no way scores more than before (rounded
# addition is monotone), so a way that starts earlier, which scored less, still does.
#
# WordPiece. A word is split from its start: at each place the longest piece that the rest of the word begins with
# is taken, behind the first place one of those with ## (Wu et al. 2016; huggingface/tokenizers,
# models/wordpiece/mod.rs). Where all pieces of a word are kept, the longest at the first place is among what is
# left, and nothing that is left is longer, being part of what was there. So it is taken again, the next place is
# the same, and so on to the end.
#
# A word that is [UNK] as a whole has no pieces, so that they are all kept says nothing. With too many characters, or
# with one that is in no piece, it stays [UNK]. But it may have been [UNK] since its longest first piece led to where
# none went on; without that piece a shorter one may lead through, and the word is read from then on.


@dataclass(frozen=True)
class TokenizerFile(ABC):
    """A tokenizer.json. Ids run over the pieces and then over the added tokens that are no pieces."""

    data: Mapping[str, Any]
    file: Path

    @staticmethod
    def read(file: Path) -> TokenizerFile:
        """Return the tokenizer; InputError where it is none, or where its pieces cannot be left out one by one."""
        try:
            data = read_json(file)
        except InputError as error:
            raise InputError(f"expected a tokenizer.json, found no readable one: {error}") from error
        kind = tokenizer_kind(data)
        for known in (UnigramFile, WordPieceFile):
            if kind == known.kind:
                return known(data, file)
        raise InputError(
            f"{file}: expected a Unigram tokenizer, such as XLM-R's, or WordPiece, such as BERT's, found {kind}. The "
            "pieces of a BPE tokenizer are made of each other, so they cannot be left out one by one: leave out the "
            "step."
        )

    kind: ClassVar[str]

    @property
    @abstractmethod
    def pieces(self) -> list[str]:
        """The pieces by id, without the added tokens that are no pieces."""

    @property
    @abstractmethod
    def unknown(self) -> int | None:
        """The id of the unknown piece."""

    @abstractmethod
    def needed(self) -> np.ndarray:
        """Return the ids without which the tokenizer would be another one (int64, sorted)."""

    @abstractmethod
    def rank(self, at: int) -> tuple[float, int]:
        """Return what sorts ids by their use, the most useful first; added tokens come before the pieces."""

    @abstractmethod
    def _model(self, new: Mapping[int, int]) -> dict[str, Any]:
        """Return the model of the tokenizer.json with the old ids of `new`, each under its new one."""

    def letters(self, at: int) -> str:
        """Return what an id stands for in a text."""
        return self.tokens[at]

    @cached_property
    def tokens(self) -> list[str]:
        """The content of every id: the pieces, then the added tokens that are none."""
        extra = {token["id"]: token["content"] for token in self.data.get("added_tokens") or ()}
        size = max([len(self.pieces) - 1, *extra]) + 1
        return [*self.pieces, *(extra.get(at, "") for at in range(len(self.pieces), size))]

    @cached_property
    def added(self) -> frozenset[int]:
        """The ids of the added tokens, the special ones among them."""
        return frozenset(int(token["id"]) for token in self.data.get("added_tokens") or ())

    def keeping(self, kept: np.ndarray) -> dict[str, Any]:
        """Return the tokenizer.json that has the kept ids only, in their order, numbered anew.

        `kept` is sorted and holds `needed`. Scores, normalizer, pre-tokenizer and decoder stay; the ids
        of added tokens and post-processor follow. Padding and truncation are left out, as in `import_tokenizer`.
        """
        new = {int(old): at for at, old in enumerate(kept)}
        data = copy.deepcopy({name: part for name, part in self.data.items() if name != "model"})
        data["model"] = self._model(new)
        for token in data.get("added_tokens") or ():
            token["id"] = new[token["id"]]
        data |= {name: None for name in ("padding", "truncation") if data.get(name)}
        if data.get("post_processor"):
            self._renumber(data["post_processor"], new)
        return data

    def _renumber(self, processor: dict[str, Any], new: Mapping[int, int]) -> None:
        kind = processor["type"]
        if kind == "Sequence":
            for part in processor["processors"]:
                self._renumber(part, new)
        elif kind == "TemplateProcessing":
            for token in processor["special_tokens"].values():
                token["ids"] = [self._of(old, new) for old in token["ids"]]
        elif kind in ("BertProcessing", "RobertaProcessing"):
            for name in ("sep", "cls"):
                processor[name] = [processor[name][0], self._of(processor[name][1], new)]
        elif kind not in _WITHOUT_IDS:
            raise InputError(
                f"{self.file}: post_processor: expected TemplateProcessing as XLM-R has it, found {kind}."
            )

    def _of(self, old: int, new: Mapping[int, int]) -> int:
        if old not in new:
            raise InputError(
                f"{self.file}: post_processor: id {old} is set around texts, but it is no added token. "
                "Add it to added_tokens."
            )
        return new[old]


class UnigramFile(TokenizerFile):
    """One whose model is Unigram (Kudo 2018), as XLM-R's sentencepiece model becomes one."""

    kind = "Unigram"

    @cached_property
    def pieces(self) -> list[str]:
        return [piece for piece, _ in self.data["model"]["vocab"]]

    @cached_property
    def scores(self) -> np.ndarray:
        """The log probability of each piece (float64)."""
        return np.array([score for _, score in self.data["model"]["vocab"]], dtype=np.float64)

    @property
    def unknown(self) -> int | None:
        unknown_id = self.data["model"].get("unk_id")
        return None if unknown_id is None else int(unknown_id)

    def needed(self) -> np.ndarray:
        """Return the special and other added tokens, the unknown piece, the 256 bytes where the model falls back on
        them, and a piece with the lowest score, from which the score of an unknown character is taken (see the proof
        above)."""
        needed = set(self.added)
        if self.unknown is not None:
            needed.add(self.unknown)
        if self.data["model"].get("byte_fallback"):
            bytes_ = {f"<0x{byte:02X}>" for byte in range(256)}
            needed |= {at for at, piece in enumerate(self.pieces) if piece in bytes_}
        lowest = np.flatnonzero(self.scores == self.scores.min())
        if not needed & set(lowest.tolist()):
            needed.add(int(lowest[0]))
        return np.array(sorted(needed), dtype=np.int64)

    def rank(self, at: int) -> tuple[float, int]:
        """Return the score, negated, and the id."""
        return (-float(self.scores[at]) if at < len(self.scores) else -np.inf, at)

    def _model(self, new: Mapping[int, int]) -> dict[str, Any]:
        vocab = self.data["model"]["vocab"]
        model = {**self.data["model"], "vocab": [vocab[old] for old in new if old < len(vocab)]}
        if self.unknown is not None:
            model["unk_id"] = new[self.unknown]
        return model


class WordPieceFile(TokenizerFile):
    """One whose model is WordPiece (Schuster & Nakajima 2012; Wu et al. 2016, arXiv 1609.08144), as BERT's is."""

    kind = "WordPiece"

    @cached_property
    def pieces(self) -> list[str]:
        vocab: Mapping[str, int] = self.data["model"]["vocab"]
        by_id = {at: piece for piece, at in vocab.items()}
        return [by_id.get(at, "") for at in range(max(by_id, default=-1) + 1)]

    @property
    def unknown(self) -> int | None:
        unknown_id = self.data["model"]["vocab"].get(self.data["model"].get("unk_token", "[UNK]"))
        return None if unknown_id is None else int(unknown_id)

    def letters(self, at: int) -> str:
        """Return a piece without the mark of one that goes on a word; ## alone is what it says."""
        piece = self.tokens[at]
        return piece.removeprefix(self.data["model"].get("continuing_subword_prefix", "##")) or piece

    def needed(self) -> np.ndarray:
        """Return the special and other added tokens, and the unknown piece."""
        needed = self.added | (set() if self.unknown is None else {self.unknown})
        return np.array(sorted(needed), dtype=np.int64)

    def rank(self, at: int) -> tuple[float, int]:
        """Return the id: a vocabulary has its pieces in the order in which its training found them, and no scores."""
        return (-np.inf if at in self.added else 0.0, at)

    def _model(self, new: Mapping[int, int]) -> dict[str, Any]:
        vocab = self.data["model"]["vocab"].items()
        return {**self.data["model"], "vocab": {piece: new[at] for piece, at in vocab if at in new}}
