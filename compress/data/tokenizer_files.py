"""The tokenizer's files in a checkpoint folder: found, measured, converted, copied."""

from __future__ import annotations

import codecs
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xpareto.compress.core import (
    BERT_NAMES,
    NAMES,
    InputError,
    parse_json,
    read_file,
    read_json,
    tokenizer_kind,
    tokenizer_size,
)
from xpareto.compress.data.sentencepiece_model import convert_sentencepiece
from xpareto.compress.data.wordpiece_vocabulary import convert_vocabulary, normalized_as_told

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SENTENCEPIECE = "sentencepiece.bpe.model"
VOCABULARY = "vocab.txt"
MOST_SPARE = 1023
"""Rows of a table behind the tokenizer's last entry: none belongs to a token where it was padded to 1,024."""

_XLMR_TOKENIZER_CONFIG = {
    "add_prefix_space": True,
    **{f"{role}_token": name for role, name in NAMES.items()},
    "cls_token": NAMES["bos"],
    "model_max_length": 512,
    "sep_token": NAMES["eos"],
}
_BERT_TOKENIZER_CONFIG = {
    **{f"{role}_token": name for role, name in BERT_NAMES.items() if role not in ("bos", "eos")},
    "cls_token": BERT_NAMES["bos"],
    "model_max_length": 512,
    "sep_token": BERT_NAMES["eos"],
}


def tokenizer_file(folder: Path) -> str:
    """Return the name of a folder's tokenizer file; InputError where it has none."""
    for name in (TOKENIZER, SENTENCEPIECE, VOCABULARY):
        if (folder / name).is_file():
            return name
    raise InputError(
        f"{folder}: expected {TOKENIZER}, {SENTENCEPIECE} or {VOCABULARY}, found none. Copy the tokenizer's files "
        "from where the checkpoint comes from."
    )


def open_tokenizer(file: Path) -> Any:
    """Return a tokenizer of the `tokenizers` library that gives the pieces of a text, all of them and nothing else.

    Padding, truncation and what is put around a text are the models', not the file's: what a tokenizer.json
    says of them is left out. InputError where it is not readable.
    """
    from tokenizers import Tokenizer

    try:
        opened: Any = Tokenizer.from_buffer(read_file(file).removeprefix(codecs.BOM_UTF8))
    except OSError as error:
        raise InputError(f"{file}: expected a tokenizer.json, {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{file}: not a readable tokenizer.json ({error}).") from error
    opened.no_padding()
    opened.no_truncation()
    opened.post_processor = None
    return opened


def check_tokenizer_size(file: Path, entries: int, vocab_size: int) -> None:
    """Raise InputError where a tokenizer's entries are not those of a model's table, but for spare rows behind them."""
    spare = vocab_size - entries
    if spare < 0 or spare > MOST_SPARE:
        padding = f", more than a table's padding leaves (up to {MOST_SPARE})" if spare > 0 else ""
        raise InputError(
            f"{file}: the tokenizer has {entries} entries, but config.json and the word embeddings have "
            f"{vocab_size}{padding}. Give the tokenizer that belongs to the weights."
        )


def import_tokenizer(folder: Path, target: Path, vocab_size: int) -> None:
    """Write a checkpoint folder's tokenizer into `target` as tokenizer.json and tokenizer_config.json.

    A sentencepiece model or a vocab.txt is converted; it has to have `vocab_size` entries, or a few less. Padding and
    truncation that a tokenizer.json asks for are left out: who reads the model's texts sets them.
    """
    file = folder / TOKENIZER_CONFIG
    settings = read_json(file) if file.is_file() else {}
    name = tokenizer_file(folder)
    if name == TOKENIZER:
        content = read_file(folder / TOKENIZER).removeprefix(codecs.BOM_UTF8)
        told = parse_json(content.decode("utf-8"))
        kind = tokenizer_kind(told)
        meant = normalized_as_told(told | {"padding": None, "truncation": None}, settings)
        if any(told.get(part) != meant[part] for part in meant):
            content = json.dumps(meant, ensure_ascii=False).encode()
        (target / TOKENIZER).write_bytes(content)
    else:
        by_xlmr = name == SENTENCEPIECE
        kind = "Unigram" if by_xlmr else "WordPiece"
        (convert_sentencepiece if by_xlmr else convert_vocabulary)(folder, name, target / TOKENIZER)
        check_tokenizer_size(folder / name, tokenizer_size(target / TOKENIZER), vocab_size)
    write_tokenizer_config(target, settings, kind)


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy tokenizer.json and tokenizer_config.json, unless they are there already."""
    for name in (TOKENIZER, TOKENIZER_CONFIG):
        if source.resolve() != target.resolve():
            shutil.copyfile(source / name, target / name)


def write_tokenizer_config(
    target: Path, settings: Mapping[str, Any] | None = None, kind: str | None = "Unigram"
) -> None:
    """Write tokenizer_config.json, without any code reference.

    Its settings are the usual ones of a `kind` of tokenizer.json, XLM-R's of Unigram and BERT's of WordPiece,
    overridden by `settings`.
    """
    usual = {"Unigram": _XLMR_TOKENIZER_CONFIG, "WordPiece": _BERT_TOKENIZER_CONFIG}.get(str(kind), {})
    merged = {**usual, **(settings or {})}
    merged = {name: value for name, value in merged.items() if name not in ("auto_map", "name_or_path")}
    # transformers 4 named the fast class apart; one name serves both there and here.
    merged["tokenizer_class"] = "XLMRobertaTokenizer" if kind == "Unigram" else "PreTrainedTokenizerFast"
    if kind != "Unigram":
        # That class takes tokenizer.json as it is, where BertTokenizer makes another one of its settings; and our
        # models know no token types.
        merged["model_input_names"] = ["input_ids", "attention_mask"]
    text = json.dumps(merged, indent=2, sort_keys=True, ensure_ascii=False)
    (target / TOKENIZER_CONFIG).write_text(text + "\n", encoding="utf-8")
