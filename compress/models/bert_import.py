"""A BERT that reads XLM-R's tokens, as multilingual MiniLM does, written as the XLM-R that computes the same.

`microsoft/Multilingual-MiniLM-L12-H384` (Wang et al. 2020, arXiv 2002.10957) is BERT's architecture with
XLM-R's tokenizer. The two differ in names, in where positions start (BERT: 0; XLM-R: behind the id of
<pad>), in a second segment's embedding, which XLM-R's input does not have, and in spare rows of the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, load_json
from xpareto.compress.models.weight_names import BODY, Names

_PAD, _BOS, _EOS = 1, 0, 2
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
_SHARED = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range", "layer_norm_eps",
)  # fmt: skip
_POSITIONS = "embeddings.position_embeddings.weight"
_SEGMENTS = "embeddings.token_type_embeddings.weight"


def xlmr_config(config: Mapping[str, Any], vocab_size: int, masked_lm: bool) -> dict[str, Any]:
    """Return the config.json of the XLM-R that a BERT becomes."""
    kept = {name: config[name] for name in _SHARED if name in config}
    return {
        **kept,
        "layer_norm_eps": config.get("layer_norm_eps", 1e-12),
        "model_type": "xlm-roberta",
        "architectures": ["XLMRobertaForMaskedLM" if masked_lm else "XLMRobertaModel"],
        "vocab_size": vocab_size,
        "max_position_embeddings": int(config["max_position_embeddings"]) + _PAD + 1,
        "type_vocab_size": 1,
        "pad_token_id": _PAD,
        "bos_token_id": _BOS,
        "eos_token_id": _EOS,
    }


def has_masked_lm(heads: Iterable[str], config: Mapping[str, Any]) -> bool:
    """Does a BERT, by XLM-R's names, have a whole masked LM head that XLM-R's computes as well (its GELU is fixed)?"""
    wanted = {f"lm_head.{part}" for part in ("dense.weight", "dense.bias", "layer_norm.weight", "bias")}
    return config.get("hidden_act", "gelu") == "gelu" and wanted <= set(heads)


def check_tokenizer(file: Path) -> None:
    """Raise InputError where a tokenizer.json beside a BERT is not XLM-R's."""
    try:
        data = load_json(file)
        model = data["model"]
        first = [piece for piece, _ in model["vocab"][:4]] if model["type"] == "Unigram" else model["type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: expected a tokenizers file, found none ({error!r}).") from error
    if first != _SPECIAL:
        raise InputError(
            f"{file}: a BERT is read where its tokenizer is XLM-R's (Unigram, its first pieces "
            f"{', '.join(_SPECIAL)}), as multilingual MiniLM's is; found {first}. Give a checkpoint with "
            "XLM-RoBERTa's architecture, such as FacebookAI/xlm-roberta-base."
        )


def write_as_xlmr(
    weights: Sequence[Path], names: Names, config: Mapping[str, Any], vocab_size: int, target: Path
) -> None:
    """Write config.json and model.safetensors of the XLM-R that computes what a BERT does.

    Position p of BERT is row p + 2; the two rows before belong to <pad> and are zero, as padding is masked.
    Segment 0's embedding is the only one. `vocab_size` goes to config.json; the table stays as it is.
    """
    import torch
    from safetensors.torch import load_file, save_file

    given = {name: value for file in weights for name, value in load_file(file).items()}
    masked_lm = has_masked_lm(names.heads, config)
    body = {name: given[stored].float() for name, stored in names.body.items()}
    positions = body[_POSITIONS]
    body[_POSITIONS] = torch.cat([positions.new_zeros(_PAD + 1, positions.shape[1]), positions])
    body[_SEGMENTS] = body[_SEGMENTS][:1].clone()
    state = {f"{BODY}{name}": value.contiguous() for name, value in body.items()}
    if masked_lm:
        state |= {name: given[stored].float() for name, stored in names.heads.items()}
    target.mkdir(parents=True, exist_ok=True)
    save_file(state, target / "model.safetensors", {"format": "pt"})
    made = xlmr_config(config, vocab_size, masked_lm)
    (target / "config.json").write_text(json.dumps(made), encoding="utf-8")
