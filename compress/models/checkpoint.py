"""A checkpoint folder in Hugging Face's layout: checked, imported, loaded with a head, saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from xpareto.compress.core import Head, InputError, StepResult, quiet, read_json
from xpareto.compress.data import (
    TOKENIZER,
    check_tokenizer_size,
    copy_tokenizer,
    import_tokenizer,
    tokenizer_file,
    tokenizer_size,
)
from xpareto.compress.heads import HEADS, head_of_class
from xpareto.compress.models.bert_import import (
    check_tokenizer,
    has_masked_lm,
    write_as_xlmr,
    xlmr_config,
    xlmr_name,
)
from xpareto.compress.models.heterogeneous_config import OWN, PLAIN, Shape, read_config, refused, shape_in
from xpareto.compress.models.heterogeneous_layers import expected_shapes, model_class, write_shape
from xpareto.compress.models.weight_files import read_shapes, weight_files

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BODY = "roberta."
_EMBEDDING = "embeddings.word_embeddings.weight"
_DROPPED = ("pooler.", "embeddings.position_ids", "embeddings.token_type_ids")


@dataclass(frozen=True)
class Facts:
    """What a checkpoint folder says of itself, read without loading a weight."""

    folder: Path
    head: Head
    labels: tuple[str, ...]
    vocab_size: int
    hidden_size: int
    layers: int
    max_tokens: int  # longest input in subwords, special tokens included
    weights: tuple[str, ...]  # safetensors files, in reading order
    weight_bytes: int
    tokenizer: str  # tokenizer.json or sentencepiece.bpe.model
    shape: Shape  # heads and neurons per layer
    kind: str = "xlm-roberta"  # or "bert": multilingual MiniLM, which becomes an XLM-R when it is imported


def read_checkpoint(folder: Path) -> Facts:
    """Return the facts of a checkpoint folder; InputError saying what is wrong, where, and the fix.

    Reads config.json, the safetensors headers and the tokenizer's vocabulary, no weight.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder with a checkpoint, found none. Check the path.")
    config = read_json(folder / "config.json")
    kind = PLAIN if config.get("model_type") == OWN else config.get("model_type")
    if kind not in (PLAIN, "bert"):
        raise InputError(
            f'{folder / "config.json"}: model_type: expected "xlm-roberta", found {json.dumps(kind)}. '
            "Give a checkpoint with XLM-RoBERTa's architecture, such as FacebookAI/xlm-roberta-base."
        )
    sizes = {}
    for name in ("vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings"):
        value, least = config.get(name), int(name != "num_hidden_layers")  # 0: it ends at its embeddings
        if not isinstance(value, int) or value < least:
            raise InputError(
                f"{folder / 'config.json'}: {name}: expected a positive integer, found {value!r}."
            )
        sizes[name] = value
    weights = weight_files(folder)
    shapes: dict[str, tuple[int, ...]] = {}
    for name in weights:
        shapes.update(read_shapes(folder / name))
    tokenizer = tokenizer_file(folder)
    if kind == "bert":
        if tokenizer == TOKENIZER:
            check_tokenizer(folder / TOKENIZER)
        masked_lm = has_masked_lm(shapes, config)
        renamed = {xlmr_name(key): shape for key, shape in shapes.items()}
        shapes = {key: shape for key, shape in renamed.items() if key is not None}
    shapes = {key.removeprefix(_BODY): shape for key, shape in shapes.items()}
    shape = shape_in(config, str(folder / "config.json"))
    _check_shapes(folder, sizes, shape, shapes)
    if tokenizer == TOKENIZER:
        pieces = tokenizer_size(folder / TOKENIZER)
        if kind == "bert" and pieces < sizes["vocab_size"]:
            sizes["vocab_size"] = pieces  # the table has spare rows
        check_tokenizer_size(folder / TOKENIZER, pieces, sizes["vocab_size"])
    if kind == "bert":
        config = xlmr_config(config, sizes["vocab_size"], masked_lm, str(folder / "config.json"))
        sizes["max_position_embeddings"] = config["max_position_embeddings"]
    head = _head_of(config, shapes)
    return Facts(
        folder=folder,
        head=head,
        labels=_labels_of(config) if HEADS[head].has_label_names else (),
        vocab_size=sizes["vocab_size"],
        hidden_size=sizes["hidden_size"],
        layers=sizes["num_hidden_layers"],
        max_tokens=sizes["max_position_embeddings"] - 2,
        weights=weights,
        weight_bytes=sum((folder / name).stat().st_size for name in weights),
        tokenizer=tokenizer,
        shape=shape,
        kind=kind,
    )


def import_checkpoint(source: Path, target: Path) -> StepResult:
    """Write a checkpoint folder into `target` in the artifact layout; return what it is.

    Shards become one model.safetensors, half precision becomes float32, the unused pooler is left
    out, a sentencepiece model becomes a tokenizer.json, multilingual MiniLM's BERT becomes an XLM-R.
    """
    facts = read_checkpoint(source)
    target.mkdir(parents=True, exist_ok=True)
    import_tokenizer(source, target, facts.vocab_size, facts.kind == "bert")
    if facts.kind == "bert":
        with TemporaryDirectory() as folder:
            weights = [source / name for name in facts.weights]
            size = tokenizer_size(target / TOKENIZER)
            write_as_xlmr(weights, read_json(source / "config.json"), size, Path(folder))
            copy_tokenizer(target, Path(folder))
            return import_checkpoint(Path(folder), target)
    model = load_model(source, facts.head, facts.labels, keep_head=True)
    save_model(model, target, target)
    notes = {"parameters": sum(weight.numel() for weight in model.parameters())}
    return StepResult("torch", facts.head, facts.labels, notes=notes)


def load_model(
    folder: Path,
    head: Head,
    labels: Sequence[str] = (),
    *,
    keep_head: bool = False,
    seed: int = 0,
    dropout: float | None = None,
    attention: str = "sdpa",
) -> PreTrainedModel:
    """Return the checkpoint's float32 model with the head asked for, in evaluation mode.

    With `keep_head`, the head's weights come from the checkpoint, and InputError is raised when it
    has none; otherwise a fresh head is drawn with `seed` and only the body is taken over.
    `dropout` replaces the probabilities of the hidden and attention dropout.
    """
    import torch
    from safetensors.torch import load_file

    facts = read_checkpoint(folder)
    config = read_config(folder)
    spec = HEADS[head]
    spec.configure(config, labels)
    if dropout is not None:
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    config.architectures = [spec.model_class]
    state: dict[str, torch.Tensor] = {}
    for name in facts.weights:
        for key, value in load_file(folder / name).items():
            inner = key.removeprefix(_BODY)
            if inner.startswith(_DROPPED):
                continue
            is_body = inner.startswith(("embeddings.", "encoder."))
            if is_body or (keep_head and spec.has_logits):
                state[_BODY + inner if is_body and spec.has_logits else inner] = value.float()
    options: dict[str, Any] = {} if spec.has_logits else {"add_pooling_layer": False}
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # transformers draws the weights that the state lacks
        model, info = model_class(spec.model_class, config).from_pretrained(
            None,
            config=config,
            state_dict=state,
            dtype=torch.float32,
            attn_implementation=attention,
            output_loading_info=True,
            **options,
        )
    missing = [key for key in sorted(info["missing_keys"]) if keep_head or key.startswith(_BODY)]
    if missing:
        raise InputError(
            f"{folder}: the weights lack {missing[0]} (and {len(missing) - 1} more), which "
            f"{spec.model_class} needs. Give a complete checkpoint."
        )
    model.eval()
    loaded: PreTrainedModel = model
    return loaded


def save_model(model: PreTrainedModel, source_tokenizer_folder: Path, target: Path) -> None:
    """Write config.json, one model.safetensors and the tokenizer's files into `target`.

    Equal weights and settings give equal bytes; transformers' `from_pretrained` reads the folder, or refuses
    it where its classes cannot hold the shape; that of `compress.models` reads both.
    """
    target.mkdir(parents=True, exist_ok=True)
    write_shape(model)
    with quiet():
        # One file up to any size: an artifact is self-contained, and shards would only be merged again.
        model.save_pretrained(target, max_shard_size="1000GB")
    file = target / "config.json"
    config = refused(json.loads(file.read_text(encoding="utf-8")))
    config["architectures"] = [type(model).__name__]
    for name in ("_name_or_path", "auto_map", "_attn_implementation"):
        config.pop(name, None)  # paths of this machine, and code to run, are no part of a model
    file.write_text(json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    copy_tokenizer(source_tokenizer_folder, target)


def _check_shapes(
    folder: Path, sizes: Mapping[str, int], shape: Shape, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    if not any(name.startswith("embeddings.word_embeddings.") for name in shapes):
        raise InputError(f"{folder}: the weights hold no {_EMBEDDING}: not an XLM-RoBERTa checkpoint.")
    layers = {key.split(".")[2] for key in shapes if key.startswith("encoder.layer.")}
    if len(layers) != sizes["num_hidden_layers"]:
        raise InputError(
            f"{folder}: config.json says num_hidden_layers = {sizes['num_hidden_layers']}, but the weights "
            f"hold {len(layers)} layers. Give the config that belongs to the weights."
        )
    for name, wanted in expected_shapes(shape, sizes["hidden_size"], sizes["vocab_size"]).items():
        stored_shape = shapes.get(name, wanted)  # a weight that is missing is told when the model is loaded
        if stored_shape != wanted:
            what, whose = f"that {name} is", "own"
            if name == _EMBEDDING:
                what, whose = "vocab_size x hidden_size =", "word embeddings"
            raise InputError(
                f"{folder}: config.json says {what} {_times(wanted)}, but the weights' {whose} are "
                f"{_times(stored_shape)}. Give the config that belongs to the weights."
            )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "not there"


def _head_of(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Head:
    named = (config.get("architectures") or [""])[0]
    head = head_of_class(named, lambda: _labels_of(config))
    if head is not None:
        return head
    # Any other class over the same body: its body is what we can use.
    return "mlm" if any(key.startswith("lm_head.") for key in shapes) else "encoder"


def _labels_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    names = config.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"}
    return tuple(str(names[key]) for key in sorted(names, key=int))
