"""XLM-R models whose layers differ in width: their format in config.json, and their modules.

A pruned layer has fewer attention heads or feed-forward neurons than its neighbour, or none, and the
word embeddings may be a product of two thin matrices. transformers' classes know one width for all, so
config.json gets one more key, `xpareto_shape`, and the modules are reshaped before the weights go in:

    "xpareto_shape": {"heads": [12, 5, 0], "ffn": [3072, 800, 16], "head_size": 64, "embedding_rank": null}

`from_pretrained` loads such a folder (and any other XLM-R) from config.json and safetensors alone. A
shape that transformers can build itself is written without the key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from xpareto.compress.core import InputError

KEY = "xpareto_shape"
_FIELDS = ("heads", "ffn", "head_size", "embedding_rank")


@dataclass(frozen=True)
class Shape:
    """How wide every layer is. Zero heads, or zero neurons, leave that sub-block's output bias only.

    `embedding_rank`: the word embeddings are (vocabulary x rank) times (rank x hidden); None: one matrix.
    """

    heads: tuple[int, ...]  # attention heads per layer
    ffn: tuple[int, ...]  # feed-forward neurons per layer
    head_size: int
    embedding_rank: int | None = None

    @property
    def layers(self) -> int:
        return len(self.heads)

    def is_plain(self, hidden_size: int) -> bool:
        """Can transformers' own classes hold it?

        >>> Shape((2, 2), (24, 24), 8).is_plain(16), Shape((2, 1), (24, 24), 8).is_plain(16)
        (True, False)
        """
        one_width = len(set(self.heads)) == 1 and len(set(self.ffn)) == 1
        whole = one_width and self.heads[0] * self.head_size == hidden_size and self.ffn[0] > 0
        return whole and self.embedding_rank is None


def shape_in(config: Mapping[str, Any], where: str) -> Shape:
    """Return the shape that a config.json tells; InputError, naming `where`, when it contradicts itself."""
    layers, hidden = int(config["num_hidden_layers"]), int(config["hidden_size"])
    shape_fields = config.get(KEY)
    if shape_fields is None:
        heads, ffn = config.get("num_attention_heads", 12), config.get("intermediate_size", 3072)
        if not (_is_count(heads) and _is_count(ffn) and heads and ffn):
            raise InputError(
                f"{where}: expected a positive num_attention_heads and intermediate_size, found {heads!r} and "
                f"{ffn!r}."
            )
        return Shape((heads,) * layers, (ffn,) * layers, hidden // heads)
    if not isinstance(shape_fields, Mapping) or sorted(shape_fields) != sorted(_FIELDS):
        raise InputError(f"{where}: {KEY}: expected the keys {', '.join(_FIELDS)}, found {shape_fields!r}.")
    for name in ("heads", "ffn"):
        widths = shape_fields[name]
        if not isinstance(widths, list) or len(widths) != layers or not all(map(_is_count, widths)):
            raise InputError(
                f"{where}: {KEY}: {name}: expected a width from 0 for each of {layers} layers "
                f"(num_hidden_layers), found {widths!r}. Give the config that belongs to the weights."
            )
    size, rank = shape_fields["head_size"], shape_fields["embedding_rank"]
    if not _is_count(size) or size < 1 or (rank is not None and (not _is_count(rank) or rank < 1)):
        raise InputError(
            f"{where}: {KEY}: expected a positive head_size and a positive or no embedding_rank, found "
            f"{size!r} and {rank!r}."
        )
    return Shape(tuple(shape_fields["heads"]), tuple(shape_fields["ffn"]), size, rank)


def shape_of(model: Any) -> Shape:
    """Return the shape that a model's modules have."""
    body = model.base_model
    heads, ffn, sizes = [], [], []
    for layer in body.encoder.layer:
        attention = layer.attention.self
        heads.append(getattr(attention, "num_attention_heads", 0))
        sizes += [attention.attention_head_size] if heads[-1] else []
        ffn.append(layer.intermediate.dense.out_features if hasattr(layer.intermediate, "dense") else 0)
    config = model.config
    size = sizes[0] if sizes else shape_in(config.to_dict(), "config").head_size
    return Shape(tuple(heads), tuple(ffn), size, rank_of(body.embeddings.word_embeddings))


def rank_of(table: Any) -> int | None:
    """Return the rank of word embeddings that are a product, None for one matrix."""
    return table.lookup.embedding_dim if hasattr(table, "lookup") else None


def write_shape(model: Any) -> None:
    """Bring a model's config in line with its modules, so that the saved folder can be loaded."""
    shape, config = shape_of(model), model.config
    config.num_hidden_layers = shape.layers
    if hasattr(config, KEY):
        delattr(config, KEY)
    # Readers that know one width only (a fused ONNX graph, say) are told the greatest.
    most = max(shape.heads)
    config.num_attention_heads = most if most and config.hidden_size % most == 0 else 1
    config.intermediate_size = max(1, *shape.ffn)
    if not shape.is_plain(config.hidden_size):
        plain = {**asdict(shape), "heads": list(shape.heads), "ffn": list(shape.ffn)}
        setattr(config, KEY, plain)


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
    import transformers

    folder = Path(folder)
    if not (folder / "config.json").is_file():
        found = "no config.json there" if folder.is_dir() else "no such folder"
        raise InputError(
            f"{folder}: expected an exported torch model (config.json, model.safetensors), found {found}. Give one of "
            "the folders that xpareto export writes, one for each training set."
        )
    config = transformers.XLMRobertaConfig.from_pretrained(folder)
    name = (config.architectures or ["XLMRobertaModel"])[0]
    if name == "XLMRobertaModel":
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


def expected_shapes(shape: Shape, hidden: int, vocab: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight that depends on the widths, by its name in the body.

    Weights that must not be there, since their layer has no such width, have the shape ().
    """
    table = "embeddings.word_embeddings."
    if shape.embedding_rank is None:
        shapes: dict[str, tuple[int, ...]] = {f"{table}weight": (vocab, hidden)}
    else:
        shapes = {
            f"{table}lookup.weight": (vocab, shape.embedding_rank),
            f"{table}projection.weight": (hidden, shape.embedding_rank),
        }
    for index, (heads, ffn) in enumerate(zip(shape.heads, shape.ffn, strict=True)):
        prefix, width = f"encoder.layer.{index}.", heads * shape.head_size
        for name in ("query", "key", "value"):
            shapes[f"{prefix}attention.self.{name}.weight"] = (width, hidden) if heads else ()
        shapes[f"{prefix}attention.output.dense.weight"] = (hidden, width) if heads else ()
        shapes[f"{prefix}intermediate.dense.weight"] = (ffn, hidden) if ffn else ()
        shapes[f"{prefix}output.dense.weight"] = (hidden, ffn) if ffn else ()
    return shapes


def shape_note(shape: Shape) -> dict[str, Any]:
    """Return a shape as plain data for a manifest."""
    return json.loads(json.dumps(asdict(shape)))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


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
