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

from xpareto.compress.core import InputError

_PAD, _BOS, _EOS = 1, 0, 2
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
_SHARED = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range", "layer_norm_eps",
)  # fmt: skip
_HEAD = {
    "cls.predictions.transform.dense.": "lm_head.dense.",
    "cls.predictions.transform.LayerNorm.": "lm_head.layer_norm.",
    "cls.predictions.bias": "lm_head.bias",
}
_POSITIONS = "embeddings.position_embeddings.weight"
_SEGMENTS = "embeddings.token_type_embeddings.weight"
_WORDS = "embeddings.word_embeddings.weight"


def xlmr_name(name: str) -> str | None:
    """Return what XLM-R calls a weight of BERT; None for what it has not (pooler, next sentence).

    >>> xlmr_name("bert.embeddings.LayerNorm.gamma"), xlmr_name("cls.predictions.transform.dense.bias")
    ('embeddings.LayerNorm.weight', 'lm_head.dense.bias')
    >>> xlmr_name("bert.pooler.dense.bias") is None
    True
    """
    name = name.removeprefix("bert.")
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):  # as the first checkpoints have it
        name = name.removesuffix(old) + new if name.endswith(old) else name
    if name.startswith(("embeddings.", "encoder.layer.")) and not name.endswith("_ids"):
        return name
    return next((new + name.removeprefix(old) for old, new in _HEAD.items() if name.startswith(old)), None)


def xlmr_config(config: Mapping[str, Any], vocab_size: int, masked_lm: bool, where: str) -> dict[str, Any]:
    """Return the config.json of the XLM-R that a BERT becomes; InputError where none computes the same."""
    kind = config.get("position_embedding_type", "absolute")
    if kind != "absolute" or config.get("is_decoder"):
        raise InputError(
            f"{where}: expected a BERT encoder with absolute positions, found "
            f"{kind if kind != 'absolute' else 'a decoder'}. Give a checkpoint with XLM-RoBERTa's architecture."
        )
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


def has_masked_lm(names: Iterable[str], config: Mapping[str, Any]) -> bool:
    """Does a BERT have a whole masked LM head that XLM-R's computes as well (its GELU is fixed)?"""
    xlmr_names = {xlmr_name(name) for name in names}
    wanted = {f"lm_head.{part}" for part in ("dense.weight", "dense.bias", "layer_norm.weight", "bias")}
    return config.get("hidden_act", "gelu") == "gelu" and wanted <= xlmr_names


def check_tokenizer(file: Path) -> None:
    """Raise InputError where a tokenizer.json beside a BERT is not XLM-R's."""
    try:
        data = json.loads(file.read_text(encoding="utf-8-sig"))
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


def write_as_xlmr(weights: Sequence[Path], config: Mapping[str, Any], vocab_size: int, target: Path) -> None:
    """Write config.json and model.safetensors of the XLM-R that computes what a BERT does.

    Rows of the table above `vocab_size` are spare and go. Position p of BERT is row p + 2; the two
    rows before belong to <pad> and are zero, as padding is masked. Segment 0's embedding is the only one.
    """
    import torch
    from safetensors.torch import load_file, save_file

    given = {name: value for file in weights for name, value in load_file(file).items()}
    masked_lm = has_masked_lm(given, config)
    xlmr_weights: dict[str, torch.Tensor] = {}
    for name, value in given.items():
        new_name = xlmr_name(name)
        if new_name is not None and (masked_lm or not new_name.startswith("lm_head.")):
            xlmr_weights[new_name] = value.float()
    for name in (_WORDS, "lm_head.bias"):
        if name in xlmr_weights:
            xlmr_weights[name] = xlmr_weights[name][:vocab_size].clone()
    positions = xlmr_weights[_POSITIONS]
    xlmr_weights[_POSITIONS] = torch.cat([positions.new_zeros(_PAD + 1, positions.shape[1]), positions])
    xlmr_weights[_SEGMENTS] = xlmr_weights[_SEGMENTS][:1].clone()
    prefix = "roberta." if masked_lm else ""
    state = {
        name if name.startswith("lm_head.") else prefix + name: value for name, value in xlmr_weights.items()
    }
    target.mkdir(parents=True, exist_ok=True)
    save_file(state, target / "model.safetensors", {"format": "pt"})
    made = xlmr_config(config, vocab_size, masked_lm, str(weights[0].parent / "config.json"))
    (target / "config.json").write_text(json.dumps(made), encoding="utf-8")
