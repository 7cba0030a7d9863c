"""BERT's vocab.txt, for a checkpoint that has no tokenizer.json."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xpareto.compress.core import InputError, quiet, read_file, read_json, what_else_it_is
from xpareto.compress.data.sentencepiece_model import BESIDE_VOCABULARY, save_as_read

_CLASSES = ("BertTokenizer", "DistilBertTokenizer", "PreTrainedTokenizer", "TokenizersBackend")
_OBEYED = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
"""Settings of a tokenizer_config.json that transformers' BERT obeys -> what its normalizer calls them."""


def convert_vocabulary(folder: Path, name: str, target: Path) -> None:
    """Write the tokenizer.json of a checkpoint folder's vocab.txt, one piece a line, as transformers' BERT reads it.

    Settings of tokenizer_config.json (do_lower_case, true where it does not say; strip_accents,
    tokenize_chinese_chars) are obeyed, and tokens that the folder's other files add are added. InputError where the
    file is none, or where another class reads it.
    """
    import transformers

    file, settings = folder / name, folder / BESIDE_VOCABULARY[0]
    content = read_file(file).removeprefix(codecs.BOM_UTF8)
    if told := what_else_it_is(content[:64]):
        raise InputError(f"{file}: expected a vocabulary, one piece a line, found {told[0]}. {told[1]}")
    try:
        pieces = {line.removesuffix("\r"): at for at, line in enumerate(content.decode("utf-8").split("\n"))}
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: expected a vocabulary in UTF-8, found other bytes ({error}).") from error
    said = read_json(settings) if settings.is_file() else {}
    read_by = str(said.get("tokenizer_class") or _CLASSES[0]).removesuffix("Fast")
    unknown = said.get("unk_token") or "[UNK]"
    unknown = str(unknown["content"] if isinstance(unknown, dict) else unknown)
    if read_by not in _CLASSES:
        raise InputError(
            f"{settings}: tokenizer_class: expected BertTokenizer, which reads {name} as WordPiece, found {read_by}, "
            "which splits texts in another way. Give the tokenizer.json of the checkpoint."
        )
    if unknown not in pieces:
        raise InputError(
            f"{file}: expected a vocabulary of BERT, one piece a line, {unknown} among them, found none. Give the "
            "file that belongs to the checkpoint."
        )
    with TemporaryDirectory() as scratch, quiet():
        kind = transformers.BertTokenizer
        save_as_read(kind, folder, (name, *BESIDE_VOCABULARY), Path(scratch), file, target)


def normalized_as_told(told: Mapping[str, Any], settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the content of a WordPiece's tokenizer.json with a normalizer that does what tokenizer_config.json says.

    Where the two differ, transformers' BertTokenizer obeys the latter. What it does not say stays as tokenizer.json has
    it, also the case of letters, which BertTokenizer would lower then.
    """
    normalizer = told.get("normalizer") or {}
    read_by_bert = str(settings.get("tokenizer_class") or "Bert").startswith("Bert")
    if normalizer.get("type") != "BertNormalizer" or not read_by_bert:
        return told
    obeyed = {ours: settings[name] for name, ours in _OBEYED.items() if name in settings}
    return {**told, "normalizer": {**normalizer, **obeyed}}
