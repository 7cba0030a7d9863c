"""XLM-R models whose layers differ in width: their modules, and how a folder of one is loaded.

A pruned layer has fewer attention heads or feed-forward neurons than its neighbour, or none, and the
word embeddings may be a product of two thin matrices. config.json tells the shape (see
compress.models.heterogeneous_config), and the modules are reshaped before the weights go in.

`from_pretrained` loads such a folder (and any other XLM-R) from config.json and safetensors alone. A
shape that transformers can build itself is written as any XLM-R is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from xpareto.compress.architectures import Architecture, architecture_of
from xpareto.compress.core import InputError
from xpareto.compress.models.heterogeneous_config import KEY, Shape, accepted, read_config, shape_in


def shape_of(model: Any) -> Shape:
    """Return the shape that a model's modules have."""
    body = model.base_model
    heads, ffn, sizes = [], [], []
    for layer in body.encoder.layer:
        attention = layer.attention.self
        heads.append(getattr(attention, "num_attention_heads", 0))
        sizes += [attention.attention_head_size] if heads[-1] else []
        ffn.append(layer.intermediate.dense.out_features if hasattr(layer.intermediate, "dense") else 0)
    size = sizes[0] if sizes else _head_size(model.config)
    return Shape(tuple(heads), tuple(ffn), size, rank_of(body.embeddings.word_embeddings))


def _head_size(config: Any) -> int:
    """Return what the config says of a head's size, which no layer that is left has."""
    written = getattr(config, KEY, None)
    return int(written["head_size"]) if written else config.hidden_size // config.num_attention_heads


def rank_of(table: Any) -> int | None:
    """Return the rank of word embeddings that are a product, None for one matrix."""
    return table.lookup.embedding_dim if hasattr(table, "lookup") else None


def write_shape(model: Any) -> None:
    """Bring a model's config in line with its modules, so that the saved folder can be loaded."""
    if not architecture_of(model).own_shapes:
        return
    shape, config = shape_of(model), model.config
    config.num_hidden_layers = shape.layers
    if hasattr(config, KEY):
        delattr(config, KEY)
    fields = {**asdict(shape), "heads": list(shape.heads), "ffn": list(shape.ffn)}
    if shape.layers:
        widths = accepted({"hidden_size": config.hidden_size, KEY: fields})
        config.num_attention_heads, config.intermediate_size = (
            widths["num_attention_heads"],
            widths["intermediate_size"],
        )
    if not shape.is_plain(config.hidden_size):
        setattr(config, KEY, fields)


def reshape(model: Any, shape: Shape) -> None:
    """Give a model, in place, the modules of a shape; those that change are new, their weights unset.

    A module that has its width already stays as it is, weights and all.
    """
    import torch

    body, config = model.base_model, model.config
    hidden = config.hidden_size
    parts = modules()
    for layer, heads, ffn in zip(body.encoder.layer, shape.heads, shape.ffn, strict=True):
        width, attention = heads * shape.head_size, layer.attention
        if not heads:
            attention.self, attention.output.dense = parts.Nothing(), parts.BiasOnly(hidden)
        elif attention.self.query.out_features != width or attention.self.num_attention_heads != heads:
            for name in ("query", "key", "value"):
                setattr(attention.self, name, torch.nn.Linear(hidden, width))
            attention.output.dense = torch.nn.Linear(width, hidden)
            count_heads(attention.self, heads, shape.head_size)
        if not ffn:
            layer.intermediate, layer.output.dense = torch.nn.Identity(), parts.BiasOnly(hidden)
        elif layer.intermediate.dense.out_features != ffn:
            layer.intermediate.dense = torch.nn.Linear(hidden, ffn)
            layer.output.dense = torch.nn.Linear(ffn, hidden)
    table = body.embeddings.word_embeddings
    if shape.embedding_rank is not None and rank_of(table) != shape.embedding_rank:
        table = parts.LowRankEmbedding(config.vocab_size, shape.embedding_rank, hidden, config.pad_token_id)
        body.embeddings.word_embeddings = table
        if hasattr(model, "lm_head"):
            _tie_low_rank(model, table)


def first_layers(encoder: Any, count: int) -> Any:
    """Return a bare encoder that ends after its first `count` layers, 0: at the embeddings.

    Its last hidden state is hidden state `count` of the whole, with which it shares modules and config.
    InputError for a layer that there is not, or whose state goes through no norm.
    """
    import torch

    architecture = architecture_of(encoder)
    layers = architecture.layers_of(encoder)
    if not 0 <= count <= len(layers):
        raise InputError(f"layer: expected 0 to {len(layers)}, the model's layers, found {count}.")
    if count < len(layers) and architecture.norm_at_end:
        raise InputError(inner_layer(architecture))
    short = copy.copy(encoder)
    short._modules = dict(encoder._modules)
    if "." not in architecture.layers:
        setattr(short, architecture.layers, torch.nn.ModuleList(layers[:count]))
        return short
    above, name = architecture.layers.split(".")
    stack = copy.copy(getattr(encoder, above))
    stack._modules = dict(stack._modules)
    setattr(stack, name, torch.nn.ModuleList(layers[:count]))
    setattr(short, above, stack)
    return short


def inner_layer(architecture: Architecture) -> str:
    """Return why no hidden state but the last is read of an architecture with a norm at its end."""
    return (
        f"layer: {architecture.called} normalizes its last hidden state alone, so what lies between its layers is "
        "not scaled to be compared. Read the last one (leave `layer` out), or cut the layers with prune_depth first."
    )


def model_class(name: str, config: Any) -> Any:
    """Return transformers' class of this name, or a subclass of it that builds the config's shape."""
    import transformers

    plain = getattr(transformers, name)
    told = config.to_dict()
    if told.get(KEY) is None:
        return plain
    shape = shape_in(told, "config.json")

    def build(self: Any, config: Any, *arguments: Any, **options: Any) -> None:
        plain.__init__(self, config, *arguments, **options)
        reshape(self, shape)

    # Named and placed as the plain one: what transformers writes and looks up goes by these.
    return type(name, (plain,), {"__init__": build, "__module__": plain.__module__})


def from_pretrained(folder: str | Path, **options: Any) -> Any:
    """Return the model of an exported torch folder, its layers alike or heterogeneous, in evaluation mode.

    The class is the one that config.json names; `options` are those of transformers' `from_pretrained`,
    such as dtype. Reads config.json and safetensors only; InputError when the weights are incomplete.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        found = "no config.json there" if folder.is_dir() else "no such folder"
        raise InputError(
            f"{folder}: expected an exported torch model (config.json, model.safetensors), found {found}. Give one of "
            "the folders that xpareto export writes, one for each training set."
        )
    config = read_config(folder)
    architecture = architecture_of(config)
    bare = architecture.class_name("Model")
    name = (config.architectures or [bare])[0]
    if name == bare and architecture.pooler_option:
        options.setdefault("add_pooling_layer", False)
    model, info = model_class(name, config).from_pretrained(
        folder,
        config=config,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
        **options,
    )
    missing = sorted(info["missing_keys"])
    if missing:
        raise InputError(f"{folder}: the weights lack {missing[0]} (and {len(missing) - 1} more).")
    return model.eval()


def expected_shapes(shape: Shape, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight of a body, by its name in it; `config` is the content of config.json.

    Weights that must not be there, since their layer has no such width, have the shape ().
    """
    table, hidden, vocab = "embeddings.word_embeddings.", config["hidden_size"], config["vocab_size"]
    shapes: dict[str, tuple[int, ...]] = {}
    if shape.embedding_rank is None:
        shapes[f"{table}weight"] = (vocab, hidden)
    else:
        shapes[f"{table}lookup.weight"] = (vocab, shape.embedding_rank)
        shapes[f"{table}projection.weight"] = (hidden, shape.embedding_rank)
    shapes["embeddings.position_embeddings.weight"] = (config["max_position_embeddings"], hidden)
    shapes["embeddings.token_type_embeddings.weight"] = (config.get("type_vocab_size", 2), hidden)
    norms = ["embeddings.LayerNorm"]
    for index, (heads, ffn) in enumerate(zip(shape.heads, shape.ffn, strict=True)):
        prefix, width = f"encoder.layer.{index}.", heads * shape.head_size
        inner = [(f"attention.self.{name}", width, hidden, heads) for name in ("query", "key", "value")]
        for name, rows, columns, there in (*inner, ("intermediate.dense", ffn, hidden, ffn)):
            shapes[f"{prefix}{name}.weight"] = (rows, columns) if there else ()
            shapes[f"{prefix}{name}.bias"] = (rows,) if there else ()
        for name, columns in (("attention.output", width), ("output", ffn)):
            shapes[f"{prefix}{name}.dense.weight"] = (hidden, columns) if columns else ()
            shapes[f"{prefix}{name}.dense.bias"] = (hidden,)
            norms.append(f"{prefix}{name}.LayerNorm")
    return shapes | {f"{norm}.{part}": (hidden,) for norm in norms for part in ("weight", "bias")}


def count_heads(attention: Any, heads: int, size: int) -> None:
    """Tell an attention module how many heads its matrices hold."""
    attention.num_attention_heads, attention.attention_head_size = heads, size
    attention.all_head_size, attention.scaling = heads * size, size**-0.5


def _tie_low_rank(model: Any, table: Any) -> None:
    """Let a masked LM predict through the product that it embeds with, as one matrix is tied."""
    head = model.lm_head
    head.decoder = modules().TiedDecoder(table, head.bias)
    model._tied_weights_keys = {"lm_head.decoder.bias": "lm_head.bias"}
    model.all_tied_weights_keys = dict(model._tied_weights_keys)


@cache
def modules() -> SimpleNamespace:
    """Return the modules that transformers lacks (torch is imported at first use)."""
    import torch

    class BiasOnly(torch.nn.Module):
        """A Linear without inputs: its bias at every token."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.bias = torch.nn.Parameter(torch.zeros(width))

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            return self.bias.expand(*hidden.shape[:-1], -1)

    class Nothing(torch.nn.Module):
        """Attention without heads: hands on its input, of which BiasOnly reads the shape."""

        def forward(self, hidden: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, None]:
            return hidden, None

    class LowRankEmbedding(torch.nn.Module):
        """Word embeddings of low rank: a lookup (vocabulary x rank), then a projection to the width."""

        def __init__(self, vocab: int, rank: int, hidden: int, padding_idx: int | None) -> None:
            super().__init__()
            self.lookup: Any = torch.nn.Embedding(vocab, rank, padding_idx=padding_idx)
            self.projection: Any = torch.nn.Linear(rank, hidden, bias=False)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            embedded: torch.Tensor = self.projection(self.lookup(ids))
            return embedded

        @property
        def weight(self) -> torch.Tensor:
            """The product, (vocabulary x hidden), made anew at each reading."""
            product: torch.Tensor = self.lookup.weight @ self.projection.weight.T
            return product

    class TiedDecoder(torch.nn.Module):
        """Logits of the whole vocabulary through low-rank embeddings, whose weights it shares."""

        def __init__(self, table: LowRankEmbedding, bias: torch.nn.Parameter) -> None:
            super().__init__()
            self.bias = bias
            self.table: LowRankEmbedding
            self.__dict__["table"] = table  # not as a part: its weights are the body's

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            inner = states @ self.table.projection.weight
            return torch.nn.functional.linear(inner, self.table.lookup.weight, self.bias)

    return SimpleNamespace(
        BiasOnly=BiasOnly, Nothing=Nothing, LowRankEmbedding=LowRankEmbedding, TiedDecoder=TiedDecoder
    )
