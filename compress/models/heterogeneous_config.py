"""config.json of an XLM-R whose layers differ in width, or whose embeddings are a product of two matrices.

transformers' classes know one width for all layers and one matrix of embeddings. A checkpoint that they
cannot hold has one more key in its config.json, `xpareto_shape`, and a `model_type` of its own:

    "model_type": "xpareto-xlm-roberta",
    "num_attention_heads": [12, 5, 0], "intermediate_size": [3072, 800, 16],
    "xpareto_shape": {"heads": [12, 5, 0], "ffn": [3072, 800, 16], "head_size": 64, "embedding_rank": null}

transformers refuses it: its Auto classes for the type, XLM-R's own for the lists. They would else load what
fits, and draw the other weights at random. `compress.models.from_pretrained` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from xpareto.compress.architectures import OWN, PLAIN, architecture_of
from xpareto.compress.core import InputError, read_json

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
        return (whole or not self.heads) and self.embedding_rank is None


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


def refused(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of config.json such that transformers refuses a shape which it cannot hold.

    >>> refused({"model_type": "xlm-roberta", "num_attention_heads": 2})
    {'model_type': 'xlm-roberta', 'num_attention_heads': 2}
    """
    shape_fields = config.get(KEY)
    if shape_fields is None:
        return {**config, "model_type": PLAIN} if config.get("model_type") == OWN else dict(config)
    widths = {"num_attention_heads": shape_fields["heads"], "intermediate_size": shape_fields["ffn"]}
    return {**config, "model_type": OWN, **widths}


def accepted(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same as XLM-R's configuration takes it: the greatest width stands for all layers'.

    Also what stands beside an ONNX graph, which any reader of XLM-R's configuration may open.
    """
    shape_fields = config.get(KEY)
    if shape_fields is None:
        return dict(config)
    heads, ffn = (max(shape_fields[name], default=0) for name in ("heads", "ffn"))
    whole = heads and config["hidden_size"] % heads == 0
    widths = {"num_attention_heads": heads if whole else 1, "intermediate_size": max(1, ffn)}
    return {**config, "model_type": PLAIN, **widths}


def cut_config(config: Mapping[str, Any], layers: int) -> dict[str, Any]:
    """Return the content of config.json of the same model without what lies above its first layers."""
    shape_fields = config.get(KEY)
    if shape_fields is None:
        lists = {
            name: config[name][:layers] for name in architecture_of(config).per_layer if config.get(name)
        }
        return {**config, "num_hidden_layers": layers, **lists}
    cut = {name: shape_fields[name][:layers] for name in ("heads", "ffn")}
    return {**config, "num_hidden_layers": layers, KEY: {**shape_fields, **cut}}


def read_config(folder: Path) -> Any:
    """Return the transformers configuration of a folder; one of a shape of ours is saved as one again."""
    import transformers

    told = read_json(folder / "config.json")
    plain = getattr(transformers, architecture_of(told).class_name("Config"))
    kind = plain if told.get(KEY) is None else _config_class()
    return kind.from_dict(accepted(told), name_or_path=str(folder))


@cache
def _config_class() -> Any:
    import transformers

    class HeterogeneousConfig(transformers.XLMRobertaConfig):
        """XLM-R's configuration, written so that transformers refuses what its classes cannot hold."""

        def to_diff_dict(self) -> dict[str, Any]:
            return refused(super().to_diff_dict())

    return HeterogeneousConfig


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
