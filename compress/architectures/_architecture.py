"""Where a transformers encoder has its parts: steps speak to this, not to names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from xpareto.compress.core import Catalog, InputError, enumerated, shortened

ARCHITECTURES = Catalog("architecture", "xpareto.compress.architectures", "ARCHITECTURE")
PLAIN = "xlm-roberta"
OWN = "xpareto-xlm-roberta"
"""The model types of what transformers holds of XLM-R, and of the shapes that it must refuse."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One model type of transformers.

    Paths are attributes, joined by dots: `words` and `layers` of the body, `attention` and the projections of a
    layer. Names of settings are those of config.json.
    """

    model_type: str
    called: str  # in sentences
    classes: str  # what the names of transformers' classes begin with
    body: str  # what a model with a head calls its body
    words: str = "embeddings.word_embeddings"
    layers: str = "encoder.layer"
    projections: tuple[
        str, ...
    ]  # of a layer: query, key and value; or one map that gives the three side by side
    ffn_in: str = "intermediate.dense"  # of a layer: the first map of its feed-forward block
    gated: bool = False  # that map gives every neuron a gate beside it
    heads: Mapping[str, tuple[str, ...]]  # what a class ending in this calls the parts of its head
    masked_lm: tuple[str, ...]  # modules that make logits of hidden states, one after another
    decoder: str  # the last of them, whose weight is the table of words where the two are tied
    decoder_bias: str = ""  # the name that its bias has beside it; "": none
    dropouts: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    activation: str = "hidden_act"
    per_layer: tuple[str, ...] = ()  # settings that are lists, with an entry for each layer
    positions_behind_padding: bool = False  # positions are a table that is read from pad_token_id + 1 on
    norm_at_end: str = ""  # of the body: what every hidden state but the last has not gone through
    lowest_differs: bool = (
        False  # layer 0 has other parts than the rest, so it stays where layers are left out
    )
    plain_attention: bool = True  # scores are query x key / sqrt(size), no positions among them
    fused_attention: bool = True  # transformers has its scaled_dot_product_attention
    pooler_option: bool = True  # a bare body takes add_pooling_layer
    own_shapes: bool = (
        False  # layers may differ in width, words be of low rank; rows be packed: see compress.models
    )

    @property
    def inner_states(self) -> bool:
        """Say whether a hidden state below the last is what a shorter model would end with."""
        return not self.norm_at_end

    @property
    def attention(self) -> str:
        """Return the quickest of transformers' implementations of its attention on a CPU."""
        return "sdpa" if self.fused_attention else "eager"

    def class_name(self, ending: str) -> str:
        """Return transformers' class, such as XLMRobertaForTokenClassification for "ForTokenClassification"."""
        return f"{self.classes}{ending}"

    def ending(self, class_name: str) -> str:
        """Return what comes behind the architecture's own name; "" where it is another's class."""
        return class_name.removeprefix(self.classes) if class_name.startswith(self.classes) else ""

    def max_tokens(self, config: Mapping[str, Any]) -> int:
        """Return the longest input in tokens, special ones included.

        >>> ARCHITECTURES.load("xlm_roberta").max_tokens({"max_position_embeddings": 514, "pad_token_id": 1})
        512
        """
        positions = int(config["max_position_embeddings"])
        return positions - int(config["pad_token_id"]) - 1 if self.positions_behind_padding else positions

    def of_a_vocabulary(self) -> frozenset[str]:
        """Return the names of the tensors that have a row for each entry of the vocabulary."""
        named = (
            f"{self.words}.weight",
            f"{self.words}.lookup.weight",
            f"{self.decoder}.weight",
            f"{self.decoder}.bias",
        )
        return frozenset({*named, self.decoder_bias})

    def layers_of(self, body: Any) -> Any:
        """Return the body's layers, a ModuleList."""
        return part_of(body, self.layers)

    def put_layers(self, body: Any, kept: Sequence[int]) -> None:
        """Leave the body the layers of these indices, in place, and the config what it says of them."""
        import torch

        whole = self.layers_of(body)
        _put(body, self.layers, torch.nn.ModuleList(whole[at] for at in kept))
        for name in self.per_layer:
            setattr(body.config, name, [getattr(body.config, name)[at] for at in kept])
        body.config.num_hidden_layers = len(kept)

    @contextmanager
    def given_layers(self, body: Any) -> Iterator[None]:
        """Give the body its layers back at the end, whatever `put_layers` left of them."""
        whole, config = self.layers_of(body), body.config
        told = {name: getattr(config, name) for name in (*self.per_layer, "num_hidden_layers")}
        try:
            yield
        finally:
            _put(body, self.layers, whole)
            for name, value in told.items():
                setattr(config, name, value)

    def vocabulary_logits(self, model: Any, states: Any) -> Any:
        """Return a masked LM's logits of hidden states, (tokens, vocabulary)."""
        for name in self.masked_lm:
            states = part_of(model, name)(states)
        return states


def part_of(module: Any, path: str) -> Any:
    """Return the part that a path of attributes leads to."""
    for name in path.split("."):
        module = getattr(module, name)
    return module


def _put(module: Any, path: str, part: Any) -> None:
    above, _, name = path.rpartition(".")
    setattr(part_of(module, above) if above else module, name, part)


def unmet(needs: Mapping[str, str], architecture: Architecture) -> str | None:
    """Return why a step that needs these of an architecture cannot work on this one; None where it can."""
    why = next((why for need, why in needs.items() if not getattr(architecture, need)), None)
    return None if why is None else f"{why}; this base is {architecture.called}. Leave it out."


def architecture_named(model_type: object, where: str) -> Architecture:
    """Return the architecture of config.json's model_type; InputError, naming `where`, where it is none of ours."""
    known = {name.replace("_", "-"): name for name in ARCHITECTURES.names} | {OWN: "xlm_roberta"}
    if not isinstance(model_type, str) or model_type not in known:
        told = enumerated(sorted(set(known) - {OWN} | {"bert"}), 10)
        raise InputError(
            f"{where}: model_type: expected one of {told}, found {shortened(model_type)}. Give a checkpoint of one "
            "of these, such as FacebookAI/xlm-roberta-base."
        )
    found: Architecture = ARCHITECTURES.load(known[model_type])
    return found


def architecture_of(told: Any) -> Architecture:
    """Return the architecture of a model, of its configuration, or of the content of config.json.

    A config without a model_type is XLM-R's.
    """
    config = getattr(told, "config", told)
    kind = config.get("model_type") if isinstance(config, Mapping) else getattr(config, "model_type", None)
    return architecture_named(kind or PLAIN, "config.json")


def any_token(config: Any) -> int:
    """Return an id that a model of this configuration reads, and that is no padding."""
    return int(config.pad_token_id == 0)


def max_tokens(config: Mapping[str, Any]) -> int:
    """Return the longest input in tokens of the model that a config.json describes."""
    return architecture_of(config).max_tokens(config)
