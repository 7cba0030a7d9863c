"""Ids are names: a model with its ids permuted, and two tokens more, learns and loses what the plain one does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import xpareto.compress.core.special_tokens as special_tokens_module
from tests.tiny_world import Rows, TinySupply, TinyWorld, special_tokens
from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.special_tokens import SpecialTokens, tokenizer_size
from xpareto.compress.core.step import Context
from xpareto.compress.data.mlm import mask_tokens
from xpareto.compress.steps.distill import Distill
from xpareto.compress.steps.prune_depth import PruneDepth
from xpareto.compress.steps.prune_width import PruneWidth
from xpareto.compress.steps.train import Train


@dataclass
class Permuted(TinySupply):
    """The same data, whose ids are others."""

    new: np.ndarray

    def examples(self, name: str, split: str, tokenizer: Path, max_length: int, limit: int | None) -> Rows:
        rows = super().examples(name, split, tokenizer, max_length, limit)
        return replace(rows, input_ids=[self.new[row].tolist() for row in rows.input_ids])


def moved(source: Artifact, folder: Path) -> tuple[Artifact, np.ndarray]:
    """Return the artifact with other ids, and the new id of each old one.

    The special tokens and two new ones are anywhere between the pieces, whose order stays.
    """
    size = SpecialTokens.read(source.file("tokenizer.json")).size
    # <s> 5, <pad> 3, </s> 9, <unk> 0, <mask> 20; the new ones are 1 and 30
    named = {0: 5, 1: 3, 2: 9, 3: 0, size - 1: 20}
    free = [at for at in range(size + 2) if at not in {*named.values(), 1, 30}]
    new = np.array([named[at] if at in named else free.pop(0) for at in range(size)])
    folder.mkdir()
    config = json.loads(source.file("config.json").read_text())
    config |= {
        "vocab_size": size + 2,
        "pad_token_id": 3,
        "bos_token_id": 5,
        "eos_token_id": 9,
        "max_position_embeddings": config["max_position_embeddings"] + 2,  # counted from <pad>
    }
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(source.file("model.safetensors"))
    for name, value in list(weights.items()):
        if "position_embeddings" in name:
            weights[name] = torch.cat([value[:2], value[1:2], value[1:2], value[2:]])
        elif value.shape[:1] == (size,):
            # Nobody expects the new ones, so they take no share of a prediction.
            weights[name] = torch.full((size + 2, *value.shape[1:]), -1e4 if name.endswith("bias") else 0.0)
            weights[name][new] = value
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    tokenizer = json.loads(source.file("tokenizer.json").read_text())
    vocab: list[Any] = [["<new1>", 0.0]] * (size + 2)
    for at, piece in enumerate(tokenizer["model"]["vocab"]):
        vocab[new[at]] = piece
    vocab[30] = ["<new2>", 0.0]
    tokenizer["model"] |= {"vocab": vocab, "unk_id": 0}
    for token in tokenizer["added_tokens"]:
        token["id"] = int(new[token["id"]])
    tokenizer["added_tokens"] += [
        {**tokenizer["added_tokens"][0], "content": content, "id": at}
        for content, at in (("<new1>", 1), ("<new2>", 30))
    ]
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_bytes(source.file("tokenizer_config.json").read_bytes())
    manifest = source.manifest
    return seal(folder, Manifest({}, "torch", manifest.head, manifest.labels, manifest.training_set)), new


@pytest.fixture(scope="module")
def both(
    world: TinyWorld, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., list[Mapping[str, Any]]]:
    """Return a function: (step, head) -> the notes of the step on the plain model and on the one with other ids."""
    folder = tmp_path_factory.mktemp("moved")
    others: dict[Any, tuple[Artifact, np.ndarray]] = {}

    def made(step: Any, head: Any) -> list[Mapping[str, Any]]:
        source = world.source(head)
        if head not in others:
            others[head] = moved(source, folder / head)
        other, new = others[head]
        notes = []
        for one, provider in ((source, TinySupply()), (other, Permuted(new))):
            target, scratch = (tmp_path_factory.mktemp(name) for name in ("target", "scratch"))
            context = Context(provider, 0, 1, scratch, lambda *_: None, save_minutes=0)
            notes.append(step.apply(one, target, context).notes)
        return notes

    return made


def test_they_are_read_from_the_tokenizer_wherever_they_stand(world: TinyWorld, tmp_path: Path) -> None:
    plain = SpecialTokens.read(world.source("mlm").file("tokenizer.json"))
    assert plain == special_tokens(plain.size)
    other, _ = moved(world.source("mlm"), tmp_path / "other")
    special = SpecialTokens.read(other.file("tokenizer.json"))
    assert (special.bos, special.pad, special.eos, special.unk, special.mask) == (5, 3, 9, 0, 20)
    assert special.special == {5, 3, 9, 0, 20, 1, 30} and special.kept == (0, 1, 2, 3, 5, 9)
    assert not {*special.ordinary.tolist()} & special.special


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path) -> None:
    data = {"model": {"type": "Unigram", "vocab": [["<s>", 0.0], ["<pad>", 0.0], ["a", -1.0]]}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    with pytest.raises(
        InputError, match=r"expected the token </s>, found none.*what the eos_token is called"
    ):
        SpecialTokens.read(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "a"}}))
    assert SpecialTokens.read(tmp_path / "tokenizer.json").eos == 2


BERT = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "a": 5, "##a": 6, "<s>": 7, "[E]": 8}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, (2, 0, 3, 1, 4)),
        ({"cls_token": "[E]", "sep_token": {"content": "[SEP]"}, "mask_token": None}, (8, 0, 3, 1, 4)),
        ({"bos_token": "<s>", "cls_token": "[CLS]"}, (7, 0, 3, 1, 4)),
        ({"bos_token": None, "unk_token": "[E]"}, (2, 0, 3, 8, 4)),
    ],
)
def test_bert_s_are_read_by_its_names(
    settings: Mapping[str, Any], found: tuple[int, ...], tmp_path: Path
) -> None:
    file = tmp_path / "tokenizer.json"
    model = {"type": "WordPiece", "unk_token": "[UNK]", "vocab": BERT}
    file.write_text(json.dumps({"model": model}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    special = SpecialTokens.read(file)
    assert (special.bos, special.pad, special.eos, special.unk, special.mask) == found
    assert special.separators == 1 and special.kept == tuple(sorted({0, found[0], found[2], found[3]}))


@pytest.mark.parametrize(
    ("processor", "separators"),
    [
        (None, 2),
        ({"type": "ByteLevel"}, 2),
        ({"type": "RobertaProcessing"}, 2),
        ({"type": "TemplateProcessing", "pair": [{"Sequence": {}}, {"SpecialToken": {}}]}, 2),
        ({"type": "TemplateProcessing"}, 2),
        ({"type": "BertProcessing"}, 1),
        ({"type": "TemplateProcessing", "pair": [{"SpecialToken": {}}, {"Sequence": {}}, {"SpecialToken": {}},
                                                 {"Sequence": {}}, {"SpecialToken": {}}]}, 1),
        ({"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "BertProcessing"}]}, 1),
    ],
)  # fmt: skip
def test_how_many_separators_stand_between_two_texts_is_the_template_s_word(
    processor: Any, separators: int, tmp_path: Path
) -> None:
    vocab = [[name, 0.0] for name in ("<s>", "<pad>", "</s>", "<unk>")]
    data = {"model": {"type": "Unigram", "vocab": vocab}, "post_processor": processor}
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    assert SpecialTokens.read(tmp_path / "tokenizer.json").separators == separators


@given(st.integers(7, 60), st.integers(0, 99), st.data())
def test_the_same_tokens_are_masked_whatever_their_ids(size: int, seed: int, data: st.DataObject) -> None:
    plain = special_tokens(size)
    places = data.draw(st.permutations(range(size + 2)))
    named = dict(zip((0, 1, 2, 3, size - 1), places, strict=False))
    unused = {*places[5:7]}
    free = [at for at in range(size + 2) if at not in {*named.values(), *unused}]
    new = np.array([named[at] if at in named else free.pop(0) for at in range(size)])
    bos, pad, eos, unk, mask = (int(new[at]) for at in (0, 1, 2, 3, size - 1))
    other = SpecialTokens(bos, pad, eos, unk, mask, size + 2, frozenset({bos, pad, eos, unk, mask, *unused}))
    ids = np.random.default_rng(seed).integers(0, size, (5, 12))
    expected, labels = mask_tokens(ids, plain, 0.5, np.random.default_rng(seed))
    found, its_labels = mask_tokens(new[ids], other, 0.5, np.random.default_rng(seed))
    np.testing.assert_array_equal(found, new[expected])
    np.testing.assert_array_equal(its_labels, np.where(labels == -100, -100, new[labels.clip(0)]))


def losses(notes: Mapping[str, Any]) -> Sequence[float]:
    return [loss for _, loss in notes["loss"]]


@pytest.mark.parametrize(
    ("fields", "head"),
    [
        ({"on": "mlm:parallel"}, "mlm"),
        ({"on": "tlm:parallel"}, "mlm"),
        ({"on": "udpos"}, "mlm"),
        ({"on": "commonsenseqa"}, "mlm"),
        ({"on": ["mnli", "mlm:parallel"]}, "mlm"),
    ],
)
def test_a_training_loses_the_same(fields: dict[str, Any], head: str, both: Any) -> None:
    step = Train(**fields, steps=4, batch_size=4, precision="fp32", dropout=0.0)
    plain, other = both(step, head)
    assert losses(other) == pytest.approx(losses(plain), abs=1e-3)
    assert other["best_dev"] == pytest.approx(plain["best_dev"]) if plain["best_dev"] else True


@pytest.mark.parametrize(
    ("fields", "head"),
    [
        ({"text": "mono", "logits": {}, "labels": {}}, "mlm"),
        ({"text": "mono", "on": "udpos", "logits": {}}, "tagging"),
        ({"on": "commonsenseqa"}, "choice"),
    ],
)
def test_a_student_loses_the_same(fields: dict[str, Any], head: str, both: Any) -> None:
    step = Distill.model_validate(
        {**fields, "student": {"layers": 1}, "steps": 4, "batch_size": 4, "precision": "fp32", "dropout": 0.0}
    )
    plain, other = both(step, head)
    assert losses(other) == pytest.approx(losses(plain), abs=1e-3)


@pytest.mark.parametrize("head", ["mlm", "encoder", "tagging"])
def test_pruning_chooses_the_same(head: str, both: Any) -> None:
    depth = PruneDepth.model_validate({"layers": 1, "by": "loss", "calibration": {"examples": 9}})
    plain, other = both(depth, head)
    assert other["kept"] == plain["kept"] and other["loss_whole"] == pytest.approx(
        plain["loss_whole"], abs=1e-5
    )
    width = PruneWidth.model_validate({"heads": 0.5, "ffn": 0.5, "calibration": {"examples": 9}})
    plain, other = both(width, head)
    assert other["heads_kept"] == plain["heads_kept"] and other["ffn"] == plain["ffn"]


def test_equal_vocabularies_are_parsed_once_and_others_anew(
    world: TinyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.source("mlm")
    known, size = (
        SpecialTokens.read(first.file("tokenizer.json")),
        tokenizer_size(first.file("tokenizer.json")),
    )
    names = ("tokenizer.json", "tokenizer_config.json", "config.json")
    copies = [tmp_path / name for name in names]
    for copy in copies:
        copy.write_bytes(first.file(copy.name).read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(special_tokens_module, "read_json", lambda file: pytest.fail(f"{file} is parsed again"))
        assert (SpecialTokens.read(copies[0]), tokenizer_size(copies[0])) == (known, size)
        assert SpecialTokens.read(copies[0]).file == str(copies[0])
    config = json.loads(copies[2].read_text())
    copies[2].write_text(json.dumps(config | {"pad_token_id": 3}))
    assert SpecialTokens.read(copies[0]).pad == 3
    data = json.loads(copies[0].read_text())
    data["added_tokens"].append({"id": size + 4, "content": "<new>"})
    copies[0].write_text(json.dumps(data))
    assert SpecialTokens.read(copies[0]).size == tokenizer_size(copies[0]) == size + 5
    copies[0].write_text("{")
    with pytest.raises(InputError, match="not readable as JSON"):
        tokenizer_size(copies[0])
