"""Ids of a tokenizer's special tokens: the one place that they are read from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from xpareto.compress.core.errors import InputError
from xpareto.compress.core.json_file import read_file, read_json

NAMES: Mapping[str, str] = {
    "bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>",
}  # fmt: skip
"""What XLM-R calls them."""

BERT_NAMES: Mapping[str, str] = {
    "bos": "[CLS]", "pad": "[PAD]", "eos": "[SEP]", "unk": "[UNK]", "mask": "[MASK]",
}  # fmt: skip
"""What BERT calls them."""

_TOLD: Mapping[str, tuple[str, ...]] = {"bos": ("bos", "cls"), "eos": ("eos", "sep")}
"""What tokenizer_config.json calls the roles that it may call by another name, too."""
_BETWEEN = {"BertProcessing": 1, "RobertaProcessing": 2}

_SETTINGS = "tokenizer_config.json"
_BESIDE = (_SETTINGS, "config.json")


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of one vocabulary of `size` entries; None for a token that it has not.

    `bos` and `eos` are what stands around a text: BERT's [CLS] and [SEP]. Between two texts there are as many `eos` as
    `separators` says: two in XLM-R's ``<s> A </s></s> B </s>``, one in BERT's ``[CLS] A [SEP] B [SEP]``. `pad` is what
    the model counts positions by. `special` are all ids that stand for no piece of text.
    """

    bos: int
    pad: int
    eos: int
    unk: int | None
    mask: int | None
    size: int
    special: frozenset[int]
    separators: int = 2
    file: str = field(default="tokenizer.json", compare=False)  # that they are of

    @staticmethod
    def read(tokenizer: Path) -> SpecialTokens:
        """Return the special tokens of a tokenizer.json and of the config files beside it.

        tokenizer_config.json says what they are called (else as XLM-R's or BERT's), tokenizer.json has their ids, and
        those that it lacks are in config.json. The padding is the model's, where there is a config.json.
        InputError where a sequence could not be written.
        """
        files = [tokenizer, *(tokenizer.with_name(name) for name in _BESIDE)]
        key = _content_key(file for file in files if file.is_file())
        if key not in _known:
            _known[key] = _read(tokenizer)
        return replace(_known[key], file=str(tokenizer))

    @cached_property
    def ordinary(self) -> np.ndarray:
        """Ids of the pieces of text, rising, int64."""
        return np.setdiff1d(np.arange(self.size), sorted(self.special))

    @cached_property
    def is_ordinary(self) -> np.ndarray:
        """One truth value for each id: does it stand for a piece of text?"""
        return ~np.isin(np.arange(self.size), sorted(self.special))

    @property
    def kept(self) -> tuple[int, ...]:
        """Ids that a smaller table keeps whatever the data show: the padding, and what it is counted from."""
        ids = {*range(self.pad + 1), self.bos, self.eos, *([] if self.unk is None else [self.unk])}
        return tuple(sorted(ids))

    def mapped(self, remap: Callable[[Sequence[Sequence[int]]], list[list[int]]]) -> SpecialTokens:
        """Return the tokens in the ids of a smaller table, which has no <mask>."""
        [[bos, pad, eos]] = remap([[self.bos, self.pad, self.eos]])
        unk = None if self.unk is None else remap([[self.unk]])[0][0]
        special = frozenset({bos, pad, eos, *([] if unk is None else [unk])})
        return replace(self, bos=bos, pad=pad, eos=eos, unk=unk, mask=None, special=special)

    def to_mask(self) -> int:
        """Return the id of the mask token; InputError, naming the tokenizer, where there is none."""
        if self.mask is None:
            raise InputError(
                f"{self.file}: masked language modelling expects a mask token, found none. Start from a checkpoint "
                "whose tokenizer has one, such as XLM-R's."
            )
        return self.mask


# What was read is known again by its bytes: every artifact has a copy of the same tokenizer.json, and to parse
# that of XLM-R takes longer than to load a small model.
_known: dict[bytes, SpecialTokens] = {}
_sizes: dict[bytes, int] = {}


def _content_key(files: Iterable[Path]) -> bytes:
    """Return a digest of what files hold; of one that cannot be read it is no one else's, so that it is read to
    tell why."""
    digest = hashlib.sha256()
    for file in files:
        try:
            content = read_file(file)
        except OSError:
            return str(file).encode()
        digest.update(f"{file.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.digest()


def _read(tokenizer: Path) -> SpecialTokens:
    data = read_json(tokenizer)
    size = _vocabulary_size(data, tokenizer)
    _sizes[_content_key([tokenizer])] = size
    named, model = (_beside(tokenizer, name) for name in _BESIDE)
    added = {token["content"]: int(token["id"]) for token in data.get("added_tokens") or []}
    marked = {int(token["id"]) for token in data.get("added_tokens") or [] if token.get("special")}
    by_bert = tokenizer_kind(data) == "WordPiece"
    usual = (BERT_NAMES, NAMES) if by_bert else (NAMES, BERT_NAMES)
    wanted = {role: _content(named, role) or tuple(names[role] for names in usual) for role in NAMES}
    vocab = data["model"]["vocab"]
    all_names = {name for names in wanted.values() for name in names}
    if isinstance(vocab, dict):
        known = {token: int(vocab[token]) for token in all_names if token in vocab}
    else:
        known = {piece: at for at, (piece, *_) in enumerate(vocab) if piece in all_names}
    known |= added
    ids: dict[str, int | None] = {
        role: next((known[name] for name in names if name in known), model.get(f"{role}_token_id"))
        for role, names in wanted.items()
    }
    ids["pad"] = model.get("pad_token_id", ids["pad"])
    for role in ("bos", "pad", "eos"):
        if ids[role] is None:
            raise InputError(
                f"{tokenizer}: expected the token {wanted[role][0]}, found none. Give a tokenizer with it, or say in "
                f"{_SETTINGS} what the {role}_token is called."
            )
    special = frozenset(marked | {one for one in ids.values() if one is not None})
    by_xlmr = not by_bert and ids["bos"] == known.get(NAMES["bos"])
    between = _separators(data.get("post_processor") or {}) or (2 if by_xlmr else 1)
    return SpecialTokens(**ids, size=size, special=special, separators=between, file=str(tokenizer))  # type: ignore[arg-type]


def _separators(processor: Mapping[str, Any]) -> int:
    """Return how many tokens the post_processor of a tokenizer.json puts between two texts; 0: it says nothing."""
    kind = processor.get("type")
    if kind == "Sequence":
        return next(filter(None, map(_separators, processor["processors"])), 0)
    if kind != "TemplateProcessing":
        return _BETWEEN.get(str(kind), 0)
    texts = [at for at, part in enumerate(processor.get("pair") or ()) if "Sequence" in part]
    return texts[1] - texts[0] - 1 if len(texts) == 2 else 0


def _beside(tokenizer: Path, name: str) -> Mapping[str, Any]:
    file = tokenizer.with_name(name)
    return read_json(file) if file.is_file() else {}


def _content(settings: Mapping[str, Any], role: str) -> tuple[str, ...]:
    """Return what a tokenizer_config.json calls a token, a text or an object with its content; () where it does not."""
    told = (settings.get(f"{name}_token") for name in _TOLD.get(role, (role,)))
    token = next(filter(None, told), None)
    return () if token is None else (str(token["content"] if isinstance(token, dict) else token),)


def tokenizer_kind(data: Mapping[str, Any]) -> str | None:
    """Return what splits a text, by the data of a tokenizer.json: Unigram, WordPiece, BPE, ...; None for none.

    Files of tokenizers' first versions do not name it.

    >>> tokenizer_kind({"model": {"type": "BPE"}}), tokenizer_kind({"model": {"unk_id": 0, "vocab": [["a", -1.0]]}})
    ('BPE', 'Unigram')
    """
    model = data.get("model") or {}
    if "type" in model or not model:
        return model.get("type")
    if isinstance(model.get("vocab"), list):
        return "Unigram"
    return "WordPiece" if "max_input_chars_per_word" in model else "BPE" if "merges" in model else None


def tokenizer_size(file: Path) -> int:
    """Return one more than the highest id in a tokenizer.json; InputError when it is not one."""
    key = _content_key([file])
    if key not in _sizes:
        _sizes[key] = _vocabulary_size(read_json(file), file)
    return _sizes[key]


def _vocabulary_size(data: Mapping[str, Any], file: Path) -> int:
    """Return one more than the highest id in the data of a tokenizer.json; InputError when it is not one."""
    try:
        vocab = data["model"]["vocab"]
        ids = list(vocab.values()) if isinstance(vocab, dict) else [len(vocab) - 1]
        ids += [token["id"] for token in data.get("added_tokens") or []]
        return int(max(ids)) + 1
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file}: expected a tokenizers file with model.vocab, found none ({error!r}). "
            "Save it anew with transformers: AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        ) from error
