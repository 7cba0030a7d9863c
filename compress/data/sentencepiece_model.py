"""XLM-R's sentencepiece.bpe.model, for a checkpoint that has no tokenizer.json."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xpareto.compress.core import InputError, quiet, read_file, what_else_it_is

BESIDE_VOCABULARY = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
"""Files of a checkpoint folder that add tokens to those of its sentencepiece model or vocab.txt."""


def convert_sentencepiece(folder: Path, name: str, target: Path) -> None:
    """Write the tokenizer.json of a checkpoint folder's sentencepiece model, as transformers' XLM-R reads it.

    Tokens that the folder's other files add are added. InputError where the file is none, or not of XLM-R's kind.
    Needs no library of sentencepiece: a model is a message of protobuf, which onnx brings.
    """
    import transformers
    from google.protobuf.message import DecodeError
    from transformers.convert_slow_tokenizer import import_protobuf

    file = folder / name
    content = read_file(file)
    if told := what_else_it_is(content[:64]):
        raise InputError(f"{file}: expected a sentencepiece model, found {told[0]}. {told[1]}")
    model = import_protobuf().ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise InputError(
            f"{file}: not readable as a sentencepiece model ({error}). Download it again."
        ) from error
    first = [piece.piece for piece in model.pieces[:3]]
    if model.trainer_spec.model_type != model.trainer_spec.UNIGRAM or first != ["<unk>", "<s>", "</s>"]:
        raise InputError(
            f"{file}: expected a Unigram model whose first pieces are <unk>, <s>, </s>, as XLM-R's, found "
            f"{', '.join(first) or 'none'}. Give the tokenizer.json of the checkpoint."
        )
    pieces = [(piece.piece, piece.score) for piece in model.pieces[3:]]
    vocab = [*((one, 0.0) for one in ("<s>", "<pad>", "</s>", "<unk>")), *pieces, ("<mask>", 0.0)]
    with TemporaryDirectory() as scratch, quiet():
        charsmap = model.normalizer_spec.precompiled_charsmap or None
        transformers.XLMRobertaTokenizer(vocab=vocab, _spm_precompiled_charsmap=charsmap).save_pretrained(
            scratch
        )
        save_as_read(transformers.XLMRobertaTokenizer, folder, BESIDE_VOCABULARY, Path(scratch), file, target)


def save_as_read(
    tokenizer: Any, folder: Path, names: Iterable[str], scratch: Path, file: Path, target: Path
) -> None:
    """Write the tokenizer.json of what a class of transformers reads of these files of a folder, and of `scratch`.

    InputError, of `file`, where they do not fit each other.
    """
    for name in names:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, scratch / name)
    try:
        made = tokenizer.from_pretrained(scratch)
    except (ValueError, OSError, RuntimeError, TypeError, KeyError) as error:
        raise InputError(
            f"{file}: the files beside it do not fit it ({error}). Give the tokenizer.json of the checkpoint."
        ) from error
    made.backend_tokenizer.save(str(target))
