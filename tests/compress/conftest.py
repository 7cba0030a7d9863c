"""Tiny XLM-R artifacts with every head, and the data that steps read, for the tests of pruning."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.step import Context
from xpareto.compress.data.batching import Rows

VOCAB, TOKENS, HIDDEN = 97, 24, 16
LABELS: dict[str, tuple[str, ...]] = {"classification": ("a", "b", "c"), "tagging": ("X", "Y", "Z")}
TRAINED_ON = {"classification": "mnli", "tagging": "udpos", "qa": "squad_v1", "choice": "hellaswag"}


class TinySupply:
    """Text in three languages, and one labelled set per head."""

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        random = np.random.default_rng(7)
        return {
            language: ["".join(f"t{at}" for at in random.integers(4, VOCAB - 1, 9)) for _ in range(12)]
            for language in ("de", "en", "sw")
        }

    def examples(self, name: str, split: str, tokenizer: Path, longest: int, limit: int | None) -> Rows:
        random = np.random.default_rng(3)
        rows = [[0, *random.integers(4, VOCAB - 1, size).tolist(), 2] for size in (5, 7, 3, 8, 6, 4)]
        if name == "udpos":
            return Rows(rows, [[-100, *(token % 3 for token in row[1:-1]), -100] for row in rows])
        if name == "squad_v1":
            return Rows(rows, [[1, 2], [0, 0], [2, 3], [1, 4], [3, 3], [2, 2]])
        if name == "hellaswag":
            return Rows(rows, [1, 0, 2], [2, 1, 3])
        return Rows(rows, [0, 2, 1, 1, 0, 2])


@pytest.fixture
def tiny_context(tmp_path: Path) -> Context:
    return Context(provider=TinySupply(), seed=0, threads=1, scratch=tmp_path, progress=lambda *_: None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Artifact]:
    """Return a function (head, layer) -> sealed XLM-R of three layers with large random weights."""
    import torch
    import transformers

    def build(head: Head, layer: int | None = None) -> Artifact:
        folder = tmp_path_factory.mktemp(head)
        labels = LABELS.get(head, ("score",) if head == "choice" else ())
        config = transformers.XLMRobertaConfig(
            vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=3, num_attention_heads=4,
            intermediate_size=24, max_position_embeddings=TOKENS + 2, type_vocab_size=1, pad_token_id=1,
        )  # fmt: skip
        if labels:
            config.id2label = dict(enumerate(labels))
            config.label2id = {label: index for index, label in enumerate(labels)}
        made: dict[str, Any] = {
            "encoder": lambda config: transformers.XLMRobertaModel(config, add_pooling_layer=False),
            "mlm": transformers.XLMRobertaForMaskedLM,
            "classification": transformers.XLMRobertaForSequenceClassification,
            "tagging": transformers.XLMRobertaForTokenClassification,
            "qa": transformers.XLMRobertaForQuestionAnswering,
            "choice": transformers.XLMRobertaForSequenceClassification,
        }
        model = made[head](config)
        torch.manual_seed(5)
        with torch.no_grad():
            for weight in model.parameters():  # biases and norms too: nothing may hide behind a 0 or a 1
                weight.copy_(torch.randn_like(weight) * 0.4)
        model.save_pretrained(folder)
        vocab = [[f"t{index}", -1.0] for index in range(VOCAB - 1)] + [["<mask>", -1.0]]
        unigram = {"type": "Unigram", "unk_id": 3, "vocab": vocab}
        tokenizer = {"version": "1.0", "added_tokens": [], "model": unigram}
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        (folder / "tokenizer_config.json").write_text("{}")
        own = LABELS.get(head, ())
        return seal(
            folder,
            Manifest({}, "torch", head, labels=own, layer=layer, training_set=TRAINED_ON.get(head)),
        )

    return build
