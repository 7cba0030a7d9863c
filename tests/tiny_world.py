"""A world in which every step runs in moments: a model of width 16, its tokenizer, data of every shape.

What was made once is kept for the session, so that tests of contracts and of chains share exports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.special_tokens import SpecialTokens
from xpareto.compress.core.step import ChainState, Context, Step

SETS: dict[Head, str] = {
    "tagging": "udpos", "classification": "mnli", "multi_label_classification": "topics", "qa": "squad_v1",
    "choice": "commonsenseqa",
}  # fmt: skip
HEADS: tuple[Head, ...] = ("mlm", "encoder", *SETS)
TRAINED: tuple[Head, ...] = ("encoder", *SETS)
LINES = [
    ("a cat sees the dogs of my house", "eine katze sieht die hunde meines hauses", "猫看见我家的狗"),
    (
        "many birds sing over a wide green field",
        "viele vögel singen über einem weiten feld",
        "鸟在绿色的田野上唱歌",
    ),
    ("the house of the cat is wide and green", "das haus der katze ist weit und grün", "猫的房子又宽又绿"),
    ("my dogs sing over the house", "meine hunde singen über dem haus", "我的狗在房子上唱歌"),
    ("the birds see a field of the cat", "die vögel sehen ein feld der katze", "鸟看见猫的田野"),
    ("over the green house birds sing", "über dem grünen haus singen vögel", "鸟在绿房子上唱歌"),
]
TEXT = {language: [line[at] for line in LINES] for at, language in enumerate(("en", "de", "zh"))}


def special_tokens(size: int) -> SpecialTokens:
    """Return the special tokens of a vocabulary of so many entries in XLM-R's places: the first four, and the last."""
    return SpecialTokens(0, 1, 2, 3, size - 1, size, frozenset({0, 1, 2, 3, size - 1}))


@dataclass
class Rows:
    input_ids: list[list[int]]
    labels: list[Any]
    options: list[int] | None = None
    metric: Any = None


class TinySupply:
    """24 training and 12 dev examples of every shape, in every language asked for; three languages of text."""

    def head(self, name: str) -> Head:
        own = name.partition("@")[0]
        return next((head for head, known in SETS.items() if known == own), "encoder")

    def labels(self, name: str) -> tuple[str, ...]:
        return (
            ("even", "odd")
            if self.head(name) in ("classification", "multi_label_classification", "tagging")
            else ()
        )

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        return TEXT

    def examples(self, name: str, split: str, tokenizer: Path, max_length: int, limit: int | None) -> Rows:
        count, first = (24, 1) if split == "train" else (12, 500)
        first += sum(map(ord, name.partition("@")[2]))  # other languages say other things
        inner = [[5 + (i * k) % 40 for k in range(1, 4 + i % 6)] for i in range(first, first + count)][:limit]
        ids = [[0, *row, 2] for row in inner]
        head = self.head(name)
        if head == "classification":
            return Rows(ids, [row[0] % 2 for row in inner])
        if head == "multi_label_classification":  # which of the two some piece is
            return Rows(ids, [[int(any(piece % 2 == of for piece in row)) for of in (0, 1)] for row in inner])
        if head == "tagging":
            return Rows(ids, [[-100, *(piece % 2 for piece in row), -100] for row in inner])
        if head == "qa":  # the answer is the first even piece and what follows it
            starts = [next((at for at, piece in enumerate(row, 1) if piece % 2 == 0), 0) for row in inner]
            ends = [min(at + 1, len(row)) if at else 0 for at, row in zip(starts, inner, strict=True)]
            return Rows(ids, list(zip(starts, ends, strict=True)))
        golds = [row[0] % 2 for row in inner]
        ids = [
            [0, *row, 44 if at == gold else 45, 2]
            for row, gold in zip(inner, golds, strict=True)
            for at in (0, 1)
        ]
        return Rows(ids, golds, [2] * len(inner))


class TinyWorld:
    """Sources of every head, and what steps make of them: each only once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.provider = TinySupply()
        self._count = 0
        self._made: dict[str, Artifact] = {}
        self._sources: dict[Head, Artifact] = {}

    def state(self, source: Artifact) -> ChainState:
        """Return what a chain would carry at an artifact, with its base and itself as earlier labels."""
        here = ChainState(source.manifest.format, source.manifest.head)
        return here.having(earlier={"base": ChainState("torch", "mlm"), "fp32": here.having(format="torch")})

    def source(self, head: Head) -> Artifact:
        """Return a torch artifact with random weights, as `train` would seal it."""
        if head not in self._sources:
            self._sources[head] = self._base() if head == "mlm" else self._with_head(head)
        return self._sources[head]

    def make(
        self, name: str, step: Step, source: Artifact | None, *, seed: int = 0,
        teacher: Artifact | None = None, again: str = "",
    ) -> Artifact:  # fmt: skip
        """Return what a step makes of a source; `again` asks for it to be made once more."""
        given = source.digest if source else "", teacher.digest if teacher else ""
        key = json.dumps(
            [name, step.model_dump(mode="json"), seed if step.seeded or again else 0, given, again]
        )
        if key not in self._made:
            self._count += 1
            target, scratch = (self.folder / f"{self._count}-{what}" for what in (name, "scratch"))
            target.mkdir()
            scratch.mkdir()
            made = step.apply(
                source, target, Context(self.provider, seed, 1, scratch, lambda *_: None, teacher=teacher)
            )
            manifest = Manifest(
                {}, made.format, made.head, made.labels, made.training_set, made.layer, step=name,
                fields=step.model_dump(mode="json"), notes=json.loads(json.dumps(made.notes)),
                parents=(source.digest, *source.manifest.parents) if source else (),
            )  # fmt: skip
            self._made[key] = seal(target, manifest)
        return self._made[key]

    def exported(self, source: Artifact) -> Artifact:
        """Return the ONNX model of a torch artifact; the export itself checks parity with torch."""
        from xpareto.compress.steps.export_onnx import ExportOnnx

        return self.make("export_onnx", ExportOnnx(), source)

    def _base(self) -> Artifact:
        import torch
        import transformers

        from xpareto.compress.data.tokenizer_files import write_tokenizer_config
        from xpareto.compress.models.checkpoint import save_model
        from xpareto.compress.pretraining.tokenizer_training import train_tokenizer

        folder = self.folder / "base"
        folder.mkdir()
        size = train_tokenizer(TEXT, 130, folder / "tokenizer.json")
        write_tokenizer_config(folder, {"model_max_length": 32})
        config = transformers.XLMRobertaConfig(
            vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            max_position_embeddings=34, type_vocab_size=1, bos_token_id=0, pad_token_id=1, eos_token_id=2,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.2,
        )  # fmt: skip
        torch.manual_seed(0)
        model = transformers.XLMRobertaForMaskedLM(config)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight) * 0.02)  # biases and norms are no zeros and ones
        save_model(model, folder, folder)
        return seal(folder, Manifest({}, "torch", "mlm", step="base"))

    def _with_head(self, head: Head) -> Artifact:
        from xpareto.compress.models.checkpoint import load_model, save_model

        base, folder = self.source("mlm"), self.folder / head
        name = SETS.get(head, "encoder")
        labels = self.provider.labels(name)
        save_model(load_model(base.path, head, labels, seed=1), base.path, folder)
        return seal(folder, Manifest({}, "torch", head, labels, name, step="train", parents=(base.digest,)))
