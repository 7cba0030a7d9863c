"""The tokenizer's files in a checkpoint folder: found, measured, converted, copied."""

from __future__ import annotations

import codecs
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xpareto.compress.core import NAMES, InputError, parse_json, read_file, read_json, tokenizer_size
from xpareto.compress.data.sentencepiece_model import convert_sentencepiece

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SENTENCEPIECE = "sentencepiece.bpe.model"
MOST_SPARE = 1023
"""Rows of a table behind the tokenizer's last entry: none belongs to a token where it was padded to 1,024."""

_DEFAULT_TOKENIZER_CONFIG = {
    "add_prefix_space": True,
    **{f"{role}_token": name for role, name in NAMES.items()},
    "cls_token": NAMES["bos"],
    "model_max_length": 512,
    "sep_token": NAMES["eos"],
    "tokenizer_class": "XLMRobertaTokenizer",
}


def tokenizer_file(folder: Path) -> str:
    """Return the name of a folder's tokenizer file; InputError where it has none."""
    for name in (TOKENIZER, SENTENCEPIECE):
        if (folder / name).is_file():
            return name
    raise InputError(
        f"{folder}: expected {TOKENIZER} or {SENTENCEPIECE}, found neither. Copy the tokenizer's files "
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

    A sentencepiece model is converted; it has to have `vocab_size` entries, or a few less. Padding and
    truncation that a tokenizer.json asks for are left out: who reads the model's texts sets them.
    """
    file = folder / TOKENIZER_CONFIG
    settings = read_json(file) if file.is_file() else {}
    if tokenizer_file(folder) == TOKENIZER:
        content = read_file(folder / TOKENIZER).removeprefix(codecs.BOM_UTF8)
        told = parse_json(content.decode("utf-8"))
        if told.get("padding") or told.get("truncation"):
            content = json.dumps(told | {"padding": None, "truncation": None}, ensure_ascii=False).encode()
        (target / TOKENIZER).write_bytes(content)
    else:
        convert_sentencepiece(folder, SENTENCEPIECE, target / TOKENIZER)
        check_tokenizer_size(folder / SENTENCEPIECE, tokenizer_size(target / TOKENIZER), vocab_size)
    write_tokenizer_config(target, settings)


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy tokenizer.json and tokenizer_config.json, unless they are there already."""
    for name in (TOKENIZER, TOKENIZER_CONFIG):
        if source.resolve() != target.resolve():
            shutil.copyfile(source / name, target / name)


def write_tokenizer_config(target: Path, settings: Mapping[str, Any] | None = None) -> None:
    """Write tokenizer_config.json: XLM-R's settings, overridden by `settings`, without any code reference."""
    merged = {**_DEFAULT_TOKENIZER_CONFIG, **(settings or {})}
    merged = {name: value for name, value in merged.items() if name not in ("auto_map", "name_or_path")}
    # transformers 4 named the fast class apart; one name serves both there and here.
    merged["tokenizer_class"] = "XLMRobertaTokenizer"
    text = json.dumps(merged, indent=2, sort_keys=True, ensure_ascii=False)
    (target / TOKENIZER_CONFIG).write_text(text + "\n", encoding="utf-8")
