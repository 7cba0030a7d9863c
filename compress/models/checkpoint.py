"""A checkpoint folder in Hugging Face's layout: checked, imported, loaded with a head, saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from xpareto.compress.architectures import PLAIN, Architecture, architecture_named
from xpareto.compress.core import (
    Head,
    InputError,
    SpecialTokens,
    StepResult,
    quiet,
    read_json,
    tokenizer_size,
)
from xpareto.compress.data import (
    TOKENIZER,
    check_tokenizer_size,
    copy_tokenizer,
    import_tokenizer,
    tokenizer_file,
)
from xpareto.compress.heads import HEADS, SENTENCES, SentenceVectors, head_of_class
from xpareto.compress.models.bert_import import (
    check_tokenizer,
    has_segments,
    named_as_xlmr,
    with_heads,
    write_as_xlmr,
    xlmr_class,
)
from xpareto.compress.models.checkpoint_checks import (
    check_adapter,
    check_config,
    check_labels,
    check_place,
    check_weights,
)
from xpareto.compress.models.heterogeneous_config import Shape, read_config, refused, shape_in
from xpareto.compress.models.heterogeneous_layers import model_class, write_shape
from xpareto.compress.models.sentence_modules import read_sentences
from xpareto.compress.models.weight_files import Stored, read_header, weight_files
from xpareto.compress.models.weight_names import BERT, Names, names_of, unread_tensors

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Facts:
    """What a checkpoint folder says of itself, read without loading a weight."""

    folder: Path
    head: Head
    labels: tuple[str, ...]
    vocab_size: int  # spare rows of the table, which belong to no token, are not counted
    hidden_size: int
    layers: int
    max_tokens: int  # longest input in subwords, special tokens included
    weights: tuple[str, ...]  # safetensors files, in reading order
    weight_bytes: int
    tokenizer: str  # tokenizer.json, sentencepiece.bpe.model or vocab.txt
    shape: Shape  # heads and neurons per layer
    names: Names  # of its tensors
    sentences: SentenceVectors
    left_out: tuple[str, ...]  # heads in the weights which the model of `head` does not have
    architecture: Architecture
    kind: str = ""  # "bert": one that becomes an XLM-R when it is imported
    segments: bool = False  # a BERT that told two texts apart by segments, which that XLM-R does not


def read_checkpoint(folder: Path) -> Facts:
    """Return the facts of a checkpoint folder; InputError saying what is wrong, where, and the fix.

    Reads config.json, the safetensors headers and the tokenizer's vocabulary, no weight.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder with a checkpoint, found none. Check the path.")
    check_adapter(folder)
    check_place(folder)
    file = folder / "config.json"
    config = read_json(file)
    kind = BERT if config.get("model_type") == BERT else ""
    architecture = architecture_named(PLAIN if kind else config.get("model_type"), str(file))
    check_config(config, file, architecture)
    weights = weight_files(folder)
    stored: dict[str, Stored] = {}
    shards: dict[str, str] = {}
    for name in weights:
        header = read_header(folder / name)
        for key in header.keys() & shards.keys():
            raise InputError(
                f"{folder / name}: expected tensors that no other shard has, found {key}, which {shards[key]} has, "
                "too: which is meant cannot be told. Download the checkpoint again, or save it anew."
            )
        shards |= dict.fromkeys(header, name)
        stored.update(header)
    tokenizer = tokenizer_file(folder)
    if kind and tokenizer == TOKENIZER:
        check_tokenizer(folder / TOKENIZER)
    names = names_of(stored, folder, architecture, kind, config.get("tie_word_embeddings") is not False)
    names = with_heads(names, stored, config) if kind else names
    shape = shape_in(config, str(file))
    check_weights(folder, config, shape, names, stored, architecture)
    vocab_size, positions = config["vocab_size"], config["max_position_embeddings"]
    if tokenizer == TOKENIZER:
        pieces = tokenizer_size(folder / TOKENIZER)
        check_tokenizer_size(folder / TOKENIZER, pieces, vocab_size)
        vocab_size = pieces
    segments = has_segments(config)
    if kind:
        config = {**config, "architectures": [xlmr_class(names, config)]}
    else:
        positions = architecture.max_tokens({"pad_token_id": 1, **config})
    head = _head_of(config, names, architecture)
    own = architecture.heads.get(HEADS[head].class_ending, ())
    return Facts(
        folder=folder,
        head=head,
        labels=_labels_of(config) if HEADS[head].has_label_names else (),
        vocab_size=vocab_size,
        hidden_size=config["hidden_size"],
        layers=config["num_hidden_layers"],
        max_tokens=positions,
        weights=weights,
        weight_bytes=sum((folder / name).stat().st_size for name in weights),
        tokenizer=tokenizer,
        shape=shape,
        names=names,
        sentences=SentenceVectors.of(config) if SENTENCES in config else read_sentences(folder, positions)[0],
        left_out=tuple(root for root in names.roots if root not in own),
        architecture=architecture,
        kind=kind,
        segments=segments,
    )


def import_checkpoint(
    source: Path, target: Path, named: Path | None = None, head: Head | None = None
) -> StepResult:
    """Write a checkpoint folder into `target` in the artifact layout; return what it is.

    Shards become one model.safetensors, half precision becomes float32, the unused pooler and spare rows of
    the table are left out, a sentencepiece model or a vocab.txt becomes a tokenizer.json, a BERT becomes an
    XLM-R. Messages speak of `named`, where the source is a copy of it. `head`: its own (None), or "encoder" for
    the body of a checkpoint whose own head is left out.
    """
    facts = read_checkpoint(source)
    target.mkdir(parents=True, exist_ok=True)
    import_tokenizer(source, target, facts.vocab_size)
    size = tokenizer_size(target / TOKENIZER)
    if facts.kind:
        with TemporaryDirectory() as folder:
            weights = [source / name for name in facts.weights]
            special = SpecialTokens.read(target / TOKENIZER)
            write_as_xlmr(weights, facts.names, read_json(source / "config.json"), special, Path(folder))
            made = read_json(Path(folder) / "config.json")
            facts.sentences.write(made)
            (Path(folder) / "config.json").write_text(json.dumps(made), encoding="utf-8")
            copy_tokenizer(target, Path(folder))
            return import_checkpoint(Path(folder), target, source, head)
    head = head or facts.head
    labels = facts.labels if HEADS[head].has_label_names else ()
    model = _load(replace(facts, vocab_size=size), head, labels, keep_head=True)
    facts.sentences.write(vars(model.config))
    _check_finite(model, named or source)
    save_model(model, target, target)
    notes = {"parameters": sum(weight.numel() for weight in model.parameters())}
    return StepResult("torch", head, labels, notes=notes)


def _check_finite(model: PreTrainedModel, folder: Path) -> None:
    damaged = [name for name, weight in model.named_parameters() if not weight.isfinite().all()]
    if damaged:
        raise InputError(
            f"{folder}: expected weights that are numbers, found infinity or NaN in {damaged[0]} (and "
            f"{len(damaged) - 1} more), as where a model is stored in fp16 that was trained in bf16. Give the "
            "checkpoint as it was trained."
        )


def load_model(
    folder: Path,
    head: Head,
    labels: Sequence[str] = (),
    *,
    keep_head: bool = False,
    seed: int = 0,
    dropout: float | None = None,
    attention: str | None = None,
) -> PreTrainedModel:
    """Return the checkpoint's float32 model with the head asked for, in evaluation mode.

    With `keep_head`, the head's weights come from the checkpoint, and InputError is raised when it
    has none; otherwise a fresh head is drawn with `seed` and only the body is taken over.
    `dropout` replaces the probabilities of every dropout of the body; `attention` names transformers'
    implementation of it (None: its quickest).
    """
    return _load(
        read_checkpoint(folder),
        head,
        labels,
        keep_head=keep_head,
        seed=seed,
        dropout=dropout,
        attention=attention,
    )


def _load(
    facts: Facts,
    head: Head,
    labels: Sequence[str],
    *,
    keep_head: bool,
    seed: int = 0,
    dropout: float | None = None,
    attention: str | None = None,
) -> PreTrainedModel:
    import torch
    from safetensors.torch import load_file

    folder = facts.folder
    config = read_config(folder)
    config.vocab_size = facts.vocab_size
    spec = HEADS[head]
    spec.configure(config, spelt_labels(vars(config), labels) if keep_head else labels)
    if dropout is not None:
        for part in facts.architecture.dropouts:
            setattr(config, part, dropout)
    architecture = facts.architecture
    own_class = architecture.class_name(spec.class_ending)
    config.architectures = [own_class]
    body = f"{architecture.body}."
    prefix = body if spec.has_logits else ""
    by_vocabulary = architecture.of_a_vocabulary()
    wanted = {stored: prefix + name for name, stored in facts.names.body.items()}
    if keep_head and spec.has_logits:
        wanted |= {stored: name for name, stored in facts.names.heads.items()}
    state: dict[str, torch.Tensor] = {}
    for file in facts.weights:
        for key, value in load_file(folder / file).items():
            if key in wanted:
                name = wanted[key]
                rows = slice(facts.vocab_size if name.removeprefix(body) in by_vocabulary else None)
                state[name] = value[rows].float() if value.ndim else value.float()
    bare = not spec.has_logits and architecture.pooler_option
    options: dict[str, Any] = {"add_pooling_layer": False} if bare else {}
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # transformers draws the weights that the state lacks
            model, info = model_class(own_class, config).from_pretrained(
                None,
                config=config,
                state_dict=state,
                dtype=torch.float32,
                attn_implementation=attention or architecture.attention,
                output_loading_info=True,
                **options,
            )
    except RuntimeError as error:  # shapes of a head
        raise InputError(
            f"{folder}: the weights do not fit the {own_class} of config.json ({error}). Give the config "
            "that belongs to the weights."
        ) from error
    missing = [key for key in sorted(info["missing_keys"]) if keep_head or key.startswith(body)]
    if missing:
        raise InputError(
            f"{folder}: the weights lack {missing[0]} (and {len(missing) - 1} more), which "
            f"{own_class} needs. Give a complete checkpoint."
        )
    own = {name.split(".")[0] for name, _ in model.named_parameters()}
    unread = [key for key in sorted(info["unexpected_keys"]) if key.split(".")[0] in own]
    if unread:
        raise unread_tensors(folder, unread)
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
    config = refused(read_json(file))
    config["architectures"] = [type(model).__name__]
    for name in ("_name_or_path", "auto_map", "_attn_implementation"):
        config.pop(name, None)  # paths of this machine, and code to run, are no part of a model
    file.write_text(json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    copy_tokenizer(source_tokenizer_folder, target)


def head_in_config(config: Mapping[str, Any], file: Path) -> tuple[Head | None, tuple[str, ...], bool]:
    """Return the head that a config.json, which lies at `file`, tells of (None for none of ours), its labels, and
    whether it was fine-tuned with segments (`Facts.segments`).

    InputError where labels or classes are none.
    """
    check_labels(config, file)
    head = _head_named(named_as_xlmr(config), str(file))
    labels = _labels_of(config) if head is not None and HEADS[head].has_label_names else ()
    return head, labels, has_segments(config)


def _head_named(config: Mapping[str, Any], where: str) -> Head | None:
    kind = config.get("model_type")
    architecture = architecture_named(PLAIN if kind in (BERT, None) else kind, where)
    ending = architecture.ending((config.get("architectures") or [""])[0])
    return head_of_class(ending, lambda: _labels_of(config), config.get("problem_type"))


def spelt_labels(config: Mapping[str, Any], labels: Sequence[str]) -> Sequence[str]:
    """Return labels as a config.json spells them: whoever reads the model knows its names, not the data's.

    >>> spelt_labels({"id2label": {"0": "No", "1": "Yes"}}, ["no", "yes"])
    ('No', 'Yes')
    """
    own = _labels_of(config)
    return own if [*map(str.casefold, own)] == [*map(str.casefold, labels)] else labels


def _head_of(config: Mapping[str, Any], names: Names, architecture: Architecture) -> Head:
    head = _head_named(config, "config.json")
    if head is not None:
        return head
    # Any other class over the same body: its body is what we can use.
    return "mlm" if {*architecture.masked_lm} <= {*names.roots} else "encoder"


def _labels_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    names = config.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"}
    return tuple(str(names[key]) for key in sorted(names, key=int))
