"""A BERT, written as the XLM-R that computes the same.

Of BERT's architecture are BERT itself and LaBSE with their WordPiece (Devlin et al. 2019, arXiv 1810.04805; Feng et al.
2022, arXiv 2007.01852), and `microsoft/Multilingual-MiniLM-L12-H384` (Wang et al. 2020, arXiv 2002.10957) with XLM-R's
tokenizer. XLM-R's differs in names, in where positions start (BERT: 0; XLM-R: behind the id of the padding), in spare
rows of the table, and in segments: BERT adds an embedding of its own to the second of two texts (token_type_ids 1).
XLM-R's has the first segment alone, so two texts are read as one. A body that is trained here learns to; a head that
was fine-tuned on two texts would answer something else, which is why a plan refuses it (`has_segments`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xpareto.compress.architectures import PLAIN, architecture_named
from xpareto.compress.core import InputError, SpecialTokens, load_json, tokenizer_kind
from xpareto.compress.heads import HEADS
from xpareto.compress.models.weight_names import Names

_XLMR = architecture_named(PLAIN, "")
_FIRST = ["<s>", "<pad>", "</s>", "<unk>"]
_SHARED = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range", "layer_norm_eps",
    "classifier_dropout", "id2label", "label2id", "problem_type",
)  # fmt: skip
_POSITIONS = "embeddings.position_embeddings.weight"
_SEGMENTS = "embeddings.token_type_embeddings.weight"
_SEQUENCES = "XLMRobertaForSequenceClassification"
_CLASSES = {
    "BertForSequenceClassification": _SEQUENCES,
    "BertForTokenClassification": "XLMRobertaForTokenClassification",
    "BertForQuestionAnswering": "XLMRobertaForQuestionAnswering",
}
"""Classes whose head XLM-R's class computes as well."""


def named_as_xlmr(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a config.json whose class is XLM-R's, where it is a BERT's with a head that XLM-R has as well."""
    [name] = (config.get("architectures") or [""])[:1]
    made = _CLASSES.get(name) if config.get("model_type") == "bert" else None
    return config if made is None else {**config, "architectures": [made]}


def has_segments(config: Mapping[str, Any]) -> bool:
    """Does a config.json tell of a BERT that was trained to tell two texts apart by their segments?"""
    return config.get("model_type") == "bert" and config.get("type_vocab_size", 2) > 1


def with_heads(names: Names, stored: Iterable[str], config: Mapping[str, Any]) -> Names:
    """Return the names of a BERT's tensors with its head in XLM-R's names.

    BERT classifies what its pooler makes of the first token, tanh(W h + b): what XLM-R's head begins with.
    """
    if named_as_xlmr(config).get("architectures") != [_SEQUENCES]:
        return names
    heads = {
        name.replace("classifier.", "classifier.out_proj."): stored_name
        for name, stored_name in names.heads.items()
    }
    for name in stored:
        _, pooler, part = name.partition("pooler.dense.")
        heads |= {f"classifier.dense.{part}": name} if pooler else {}
    return replace(names, heads=heads)


def xlmr_class(names: Names, config: Mapping[str, Any]) -> str:
    """Return the class of XLM-R that a BERT becomes: that with its head, where XLM-R's computes it."""
    [named] = (named_as_xlmr(config).get("architectures") or [""])[:1]
    if named in _CLASSES.values():
        return str(named)
    lm_head = {f"lm_head.{part}" for part in ("dense.weight", "dense.bias", "layer_norm.weight", "bias")}
    whole = lm_head <= {*names.heads} and config.get("hidden_act", "gelu") == "gelu"  # XLM-R's GELU is fixed
    return _XLMR.class_name(HEADS["mlm" if whole else "encoder"].class_ending)


def check_tokenizer(file: Path) -> None:
    """Raise InputError where a tokenizer.json beside a BERT is neither WordPiece nor XLM-R's."""
    try:
        data = load_json(file)
        kind = tokenizer_kind(data)
        found = [piece for piece, _ in data["model"]["vocab"][:4]] if kind == "Unigram" else kind
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: expected a tokenizers file, found none ({error!r}).") from error
    if found == "WordPiece":
        SpecialTokens.read(file)
    elif found != _FIRST:
        raise InputError(
            f"{file}: a BERT is read where its tokenizer is WordPiece, or XLM-R's (Unigram, its first pieces "
            f"{', '.join(_FIRST)}), as multilingual MiniLM's is; found {found}. Give a checkpoint with one of these, "
            "such as google-bert/bert-base-multilingual-cased or FacebookAI/xlm-roberta-base."
        )


def write_as_xlmr(
    weights: Sequence[Path], names: Names, config: Mapping[str, Any], special: SpecialTokens, target: Path
) -> None:
    """Write config.json and model.safetensors of the XLM-R that computes what a BERT does on one segment.

    `special` are the tokens of its tokenizer. Position p of BERT is row p + pad + 1; the rows before belong to the
    padding and are zero, as it is masked. Segment 0's embedding is the only one. The table stays as it is.
    """
    import torch
    from safetensors.torch import load_file, save_file

    given = {name: value for file in weights for name, value in load_file(file).items()}
    model_class = xlmr_class(names, config)
    body = {name: given[stored].float() for name, stored in names.body.items()}
    positions = body[_POSITIONS]
    body[_POSITIONS] = torch.cat([positions.new_zeros(special.pad + 1, positions.shape[1]), positions])
    body[_SEGMENTS] = body[_SEGMENTS][:1].clone()
    state = {f"{_XLMR.body}.{name}": value.contiguous() for name, value in body.items()}
    roots = _XLMR.heads.get(_XLMR.ending(model_class), ())
    for name, stored in names.heads.items():
        if name.split(".")[0] in roots:
            state[name] = given[stored].float().contiguous()
    target.mkdir(parents=True, exist_ok=True)
    save_file(state, target / "model.safetensors", {"format": "pt"})
    made = {
        **{name: config[name] for name in _SHARED if name in config},
        "layer_norm_eps": config.get("layer_norm_eps", 1e-12),
        "model_type": "xlm-roberta",
        "architectures": [model_class],
        "vocab_size": config["vocab_size"],
        "max_position_embeddings": len(body[_POSITIONS]),
        "type_vocab_size": 1,
        "pad_token_id": special.pad,
        "bos_token_id": special.bos,
        "eos_token_id": special.eos,
    }
    (target / "config.json").write_text(json.dumps(made), encoding="utf-8")
