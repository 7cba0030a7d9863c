"""A cut student gets back, from text without a label, what its teacher knows; few labels give it less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.step import Context, Step
from xpareto.compress.data.batching import Rows
from xpareto.compress.data.tokenizer_files import write_tokenizer_config
from xpareto.compress.models.checkpoint import load_model, save_model
from xpareto.compress.steps.distill import Distill
from xpareto.compress.steps.prune_depth import PruneDepth
from xpareto.compress.steps.train import Train
from xpareto.compress.training.validation import dev_score

WORDS, FIRST = 40, 4  # words, and the id of the first of them

pytestmark = pytest.mark.slow  # trains a teacher and three students


class Higher:
    """Tags that need context: is a word's number higher than that of the sentence's first word?"""

    def head(self, name: str) -> Head:
        return "tagging"

    def labels(self, name: str) -> tuple[str, ...]:
        return ("low", "high")

    def text(self, name: str) -> dict[str, list[str]]:
        return {"en": [" ".join(f"w{word}" for word in row) for row in self.sentences(5, 2000)]}

    def sentences(self, seed: int, count: int) -> list[list[int]]:
        random = np.random.default_rng(seed)
        return [random.integers(0, WORDS, random.integers(4, 10)).tolist() for _ in range(count)]

    def examples(self, name: str, split: str, tokenizer: Any, max_length: int, limit: int | None) -> Rows:
        """`many` has 2,000 training examples, `few` 40."""
        rows = (
            self.sentences(1, 2000 if name == "many" else 40) if split == "train" else self.sentences(2, 300)
        )
        return Rows(
            [[0, *(FIRST + word for word in row), 2] for row in rows],
            [[-100, *(int(word > row[0]) for word in row), -100] for row in rows],
        )


def base(folder: Path) -> Artifact:
    """Return a random four-layer model with one piece for each word."""
    folder.mkdir()
    specials = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": FIRST + WORDS}
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁w{word}" for word in range(WORDS)), "<mask>"]
    tokenizer = {
        "version": "1.0",
        "added_tokens": [
            {"id": at, "content": piece, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False}
            for piece, at in specials.items()
        ],
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": 3, "vocab": [[piece, -1.0] for piece in pieces]},
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    write_tokenizer_config(folder)
    torch.manual_seed(0)
    config = transformers.XLMRobertaConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=20, type_vocab_size=1, pad_token_id=1, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    save_model(transformers.XLMRobertaForMaskedLM(config), folder, folder)
    return seal(folder, Manifest({}, "torch", "mlm"))


def test_a_student_of_every_second_layer_recovers_from_its_teacher_on_text_more_than_from_few_labels(
    tmp_path: Path,
) -> None:
    data = Higher()

    def made(name: str, step: Step, source: Artifact, teacher: Artifact | None = None) -> Artifact:
        target = tmp_path / name
        target.mkdir()
        context = Context(data, 0, 1, tmp_path / "scratch", lambda *_: None, save_minutes=0, teacher=teacher)
        found = step.apply(source, target, context)
        return seal(
            target,
            Manifest({}, found.format, found.head, found.labels, found.training_set, notes=found.notes),
        )

    def score(artifact: Artifact) -> float:
        model = load_model(artifact.path, "tagging", artifact.manifest.labels, keep_head=True)
        with torch.inference_mode():
            return dev_score(model, "tagging", data.examples("many", "dev", None, 0, None))

    same: dict[str, Any] = {"steps": 100, "learning_rate": 1e-3, "precision": "fp32", "patience": 0}
    teacher = made(
        "teacher", Train(on="many", **same | {"steps": 400, "learning_rate": 3e-3}), base(tmp_path / "base")
    )
    cut = made("cut", PruneDepth(layers=2, by="spread"), teacher)
    taught = made("taught", Distill(teacher="teacher", text="parallel", **same), cut, teacher)
    alone = made("alone", Distill(teacher="teacher", on="few", labels={}, **same), cut, teacher)  # type: ignore[arg-type]
    whole, before, after, by_labels = map(score, (teacher, cut, taught, alone))
    assert whole > 98 and before < whole - 4, "the cut must cost something"
    assert after > before + 0.9 * (whole - before)
    assert after > by_labels + 1.5
    small, large = (sum(path.stat().st_size for path in one.path.iterdir()) for one in (taught, teacher))
    assert small < 0.75 * large
