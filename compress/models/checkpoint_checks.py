"""What is wrong with a checkpoint, told from its config.json and the headers of its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xpareto.compress.architectures import Architecture
from xpareto.compress.core import InputError, read_json, shortened
from xpareto.compress.models.heterogeneous_config import Shape
from xpareto.compress.models.heterogeneous_layers import expected_shapes
from xpareto.compress.models.weight_files import FLOATS, Stored
from xpareto.compress.models.weight_names import BERT, Names, unread_tensors

_PLAIN_ENCODER: Mapping[str, tuple[Any, ...]] = {
    "position_embedding_type": ("absolute", None),
    "is_decoder": (False, None),
    "add_cross_attention": (False, None),
}
"""Settings of config.json that XLM-R's own class does not obey, or that make no encoder, and their right values."""

_ACTIVATIONS = frozenset(
    [
        "gelu",
        "gelu_10",
        "gelu_accurate",
        "gelu_fast",
        "gelu_new",
        "gelu_python",
        "gelu_python_tanh",
        "gelu_pytorch_tanh",
        "hardswish",
        "laplace",
        "leaky_relu",
        "linear",
        "mish",
        "quick_gelu",
        "relu",
        "relu2",
        "relu6",
        "sigmoid",
        "silu",
        "sqrtsoftplus",
        "swish",
        "tanh",
    ]
)
"""Functions that transformers knows by name; those with weights of their own (prelu, xielu) are no XLM-R's."""

_MOST = {
    "vocab_size": 10_000_000, "hidden_size": 100_000, "num_hidden_layers": 1000, "max_position_embeddings": 10_000_000,
    "num_attention_heads": 10_000, "intermediate_size": 1_000_000,
}  # fmt: skip
MOST_LABELS = 100_000
"""Far above any encoder: what is beyond is damage, of which lists and tensors would be made until memory is full."""


def check_adapter(folder: Path) -> None:
    """Refuse a folder with an adapter, which transformers would load into the model where PEFT is installed."""
    file = folder / "adapter_config.json"
    if file.is_file():
        raise InputError(
            f"{file}: expected a plain model, found an adapter with it, which xpareto does not read. Merge it into "
            "the weights (PEFT: merge_and_unload) and save the model anew, or, where the model without it is meant, "
            "move this file away."
        )


def check_place(folder: Path) -> None:
    """Refuse a folder whose checkpoint lies further in, with the name of that folder."""
    if (folder / "config.json").exists():
        return
    for pattern in ("*/config.json", "snapshots/*/config.json"):
        for inner in sorted(folder.glob(pattern)):
            if "model_type" not in read_json(inner):
                continue
            beside = (folder / "modules.json").is_file()  # sentence-transformers' first layout
            fix = (
                f"Move the files of {inner.parent.name} beside modules.json."
                if beside
                else f"Give {inner.parent}."
            )
            raise InputError(
                f"{folder}: expected a checkpoint, found none here but one in {inner.parent}. {fix}"
            )


def check_config(config: Mapping[str, Any], file: Path, architecture: Architecture) -> None:
    """Refuse a config.json, which lies at `file`, of a model that transformers' class does not compute, or of none."""
    for name in ("quantization_config", "compression_config"):
        if config.get(name):
            told = config[name]
            method = told.get("quant_method") if isinstance(told, dict) else None
            raise InputError(
                f"{file}: {name}: expected weights as they were trained, found ones quantized elsewhere"
                f"{f' ({method})' if method else ''}. Give the checkpoint that they were made of; xpareto quantizes."
            )
    named = architecture.activation
    activation = config.get(named, "gelu")
    if not isinstance(activation, str) or activation not in _ACTIVATIONS:
        raise InputError(
            f"{file}: {named}: expected a function of transformers, such as gelu, found {shortened(activation)}."
        )
    for name, right in _PLAIN_ENCODER.items():
        if config.get(name) not in right:
            raise InputError(
                f"{file}: {name}: expected an encoder with absolute positions, found "
                f"{str(config[name]) if name.startswith('position') else 'a decoder'}. Give a checkpoint with "
                "XLM-RoBERTa's architecture."
            )
    for name in ("vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings"):
        value, least = config.get(name), int(name != "num_hidden_layers")  # 0: it ends at its embeddings
        if type(value) is not int or not least <= value <= _MOST[name]:
            raise InputError(
                f"{file}: {name}: expected a positive integer, at most {_MOST[name]}, found {shortened(value)}."
            )
    for name in ("num_attention_heads", "intermediate_size"):
        if isinstance(config.get(name), int) and config[name] > _MOST[name]:
            raise InputError(
                f"{file}: {name}: expected at most {_MOST[name]}, found {shortened(config[name])}."
            )
    check_labels(config, file)
    pad, most = config.get("pad_token_id", 1), config["vocab_size"]
    counted = architecture.positions_behind_padding and config.get("model_type") != BERT
    if counted:
        most = min(most, config["max_position_embeddings"] - 1)
    if not isinstance(pad, int) or not 0 <= pad < most:
        behind = " and of the positions, which are counted from behind it" if counted else ""
        raise InputError(
            f"{file}: pad_token_id: expected an id below {most}, of vocab_size{behind}, found {pad!r}."
        )


def check_labels(config: Mapping[str, Any], file: Path) -> None:
    """Refuse names of classes and labels that are none: transformers makes as many as the config says."""
    classes = config.get("architectures") or []
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise InputError(f"{file}: architectures: expected a list of names, found {shortened(classes)}.")
    count = config.get("num_labels", 2)
    if type(count) is not int or not 0 <= count <= MOST_LABELS:
        raise InputError(f"{file}: num_labels: expected at most {MOST_LABELS}, found {shortened(count)}.")
    labels = config.get("id2label") or {}
    if (
        not isinstance(labels, dict)
        or len(labels) > MOST_LABELS
        or not all(
            re.fullmatch("[0-9]{1,6}", key) and isinstance(name, str | int) for key, name in labels.items()
        )
    ):
        raise InputError(
            f"{file}: id2label: expected a name for each of at most {MOST_LABELS} numbers, found {shortened(labels)}."
        )
    if not isinstance(config.get("label2id") or {}, dict):
        raise InputError(
            f"{file}: label2id: expected a number for each name, found {shortened(config['label2id'])}."
        )


def check_weights(
    folder: Path,
    config: Mapping[str, Any],
    shape: Shape,
    names: Names,
    stored: Mapping[str, Stored],
    architecture: Architecture,
) -> None:
    """Raise InputError where the weights are not those that the config tells of, or are codes of some.

    Of an architecture whose shapes are transformers' own alone, the words and the number of layers are compared:
    its class compares the rest, when it is loaded.
    """
    body, words = {name: stored[key] for name, key in names.body.items()}, f"{architecture.words}.weight"
    if not any(name.startswith(f"{architecture.words}.") for name in body):
        wrapped = next((key for key in stored if key.endswith(f".{words}")), "")
        before = wrapped.removesuffix(words).removesuffix(f"{architecture.body}.").removesuffix("bert.")
        if before:
            raise InputError(
                f"{folder}: expected tensors named as transformers names them, found {wrapped}: what the model was "
                f"wrapped in when it was saved put {before!r} before its names (module. is DataParallel's, _orig_mod. "
                "torch.compile's). Save the model that is inside with save_pretrained, or take this prefix off the "
                "names."
            )
        raise InputError(f"{folder}: the weights hold no {words}: not a checkpoint of {architecture.called}.")
    for key in (*names.body.values(), *names.heads.values()):
        if stored[key].dtype not in FLOATS:
            raise InputError(
                f"{folder}: {key}: expected weights as {', '.join(FLOATS[:-1])} or {FLOATS[-1]}, found "
                f"{stored[key].dtype}: codes of a quantization made elsewhere. Give the checkpoint that they were "
                "made of; xpareto quantizes."
            )
    inside = f"{architecture.layers}."
    layers = {name.removeprefix(inside).split(".")[0] for name in body if name.startswith(inside)}
    if len(layers) != config["num_hidden_layers"]:
        raise InputError(
            f"{folder}: config.json says num_hidden_layers = {config['num_hidden_layers']}, but the weights "
            f"hold {len(layers)} layers. Give the config that belongs to the weights."
        )
    whole = architecture.own_shapes
    table = (config["vocab_size"], config["hidden_size"])
    wanted_shapes = expected_shapes(shape, config) if whole else {words: table}
    for name, wanted in wanted_shapes.items():
        stored_shape = body[name].shape if name in body else wanted  # what is missing is told below
        if stored_shape != wanted:
            what, whose = f"that {name} is", "own"
            if name == words:
                what, whose = "vocab_size x hidden_size =", "word embeddings"
            raise InputError(
                f"{folder}: config.json says {what} {_times(wanted)}, but the weights' {whose} are "
                f"{_times(stored_shape)}. Give the config that belongs to the weights."
            )
    unread = [key for name, key in names.body.items() if name not in wanted_shapes]
    if whole and unread:
        raise unread_tensors(folder, unread)
    missing = [name for name, wanted in wanted_shapes.items() if wanted and name not in body]
    if missing:
        raise InputError(
            f"{folder}: the weights lack {missing[0]} (and {len(missing) - 1} more). Give a complete checkpoint."
        )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "not there"
