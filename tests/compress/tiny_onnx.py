"""Tiny exported encoders with every head, and a text in three languages to calibrate on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.step import Context
from xpareto.compress.steps.export_onnx import STEP as EXPORT

LABELS = ("NOUN", "VERB", "X")
VOCAB, WIDTH, FFN, TOKENS = 97, 16, 24, 24
LANGUAGES = ("de", "en", "sw")
TEXT_QUICK = {"examples": 24, "max_length": 20}


class Lines:
    """A supply of one parallel text; the words of each language are pieces of their own."""

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        random = np.random.default_rng(7)
        return {
            language: [
                " ".join(f"t{random.integers(4 + 30 * at, 34 + 30 * at)}" for _ in range(3 + number % 12))
                for number in range(12)
            ]
            for at, language in enumerate(LANGUAGES)
        }


def context(folder: Path) -> Context:
    return Context(provider=Lines(), seed=0, threads=1, scratch=folder, progress=lambda *_: None)  # type: ignore[arg-type]


def apply(step: Any, source: Artifact, target: Path) -> Artifact:
    """Apply a step and seal what it gives."""
    target.mkdir()
    made = step.apply(source, target, context(target))
    return seal(
        target,
        Manifest({}, made.format, made.head, made.labels, made.training_set, made.layer, notes=made.notes),
    )


@cache
def torch_model(head: Head, layer: int | None = None) -> Artifact:
    """Seal a tiny random XLM-R whose every weight is random, once per test process."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    labels = LABELS if head in ("classification", "tagging") else ()
    config = transformers.XLMRobertaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=FFN,
        max_position_embeddings=TOKENS + 2, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        initializer_range=0.3,
    )  # fmt: skip
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
    torch.manual_seed(3)
    model = {
        "classification": transformers.XLMRobertaForSequenceClassification,
        "tagging": transformers.XLMRobertaForTokenClassification,
        "qa": transformers.XLMRobertaForQuestionAnswering,
        "encoder": lambda config: transformers.XLMRobertaModel(config, add_pooling_layer=False),
    }[head](config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    folder = Path(mkdtemp(prefix="tiny-torch-"))
    model.save_pretrained(folder)
    words = ["<s>", "<pad>", "</s>", "<unk>", *(f"t{index}" for index in range(4, VOCAB))]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": TOKENS}))
    return seal(folder, Manifest({}, "torch", head, labels=labels, layer=layer))


@cache
def onnx_model(head: Head, layer: int | None = None) -> Artifact:
    """Seal the export of the tiny model, once per test process."""
    return apply(EXPORT(), torch_model(head, layer), Path(mkdtemp(prefix="tiny-onnx-")) / "made")


@cache
def uneven_onnx_model() -> Artifact:
    """Seal the export of a tagger with one head and none, 24 and 5 neurons, and low-rank embeddings."""
    import torch

    from xpareto.compress.models.checkpoint import load_model, save_model
    from xpareto.compress.models.heterogeneous_config import Shape
    from xpareto.compress.models.heterogeneous_layers import reshape

    even = torch_model("tagging")
    model = load_model(even.path, "tagging", LABELS, keep_head=True)
    reshape(model, Shape((1, 0), (FFN, 5), 8, embedding_rank=6))
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * 0.4)
    folder = Path(mkdtemp(prefix="tiny-uneven-"))
    save_model(model.eval(), even.path, folder)
    sealed = seal(folder, Manifest({}, "torch", "tagging", labels=LABELS))
    return apply(EXPORT(), sealed, Path(mkdtemp(prefix="tiny-onnx-")) / "made")


def operators(artifact: Artifact) -> dict[str, int]:
    """Return how often each operator occurs in an artifact's graph."""
    import onnx

    found: dict[str, int] = {}
    for node in onnx.load(artifact.file("model.onnx")).graph.node:
        found[node.op_type] = found.get(node.op_type, 0) + 1
    return found
