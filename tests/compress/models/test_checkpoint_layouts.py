"""Checkpoints as people have them give what plain transformers gives, when imported and when compressed.

One model, whose weights are whole in every number format, is laid out in each way. What plain transformers
answers to some sentences with a layout's own files is the expected value of all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file, save_model
from tokenizers import Tokenizer
from transformers.convert_slow_tokenizer import import_protobuf

from tests.tiny_world import TEXT, TinyWorld
from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.models.checkpoint import import_checkpoint, load_model
from xpareto.compress.models.checkpoint import save_model as save_in_our_layout
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer
from xpareto.compress.steps.prune_depth import PruneDepth
from xpareto.compress.steps.prune_width import PruneWidth
from xpareto.compress.steps.quantize_dynamic import QuantizeDynamic
from xpareto.compress.steps.trim_vocab import TrimVocab
from xpareto.eval.runtimes.onnxruntime import RUNTIME

SENTENCES = [TEXT["en"][0], TEXT["de"][2], TEXT["zh"][4], TEXT["en"][5]]
WORDS, POSITIONS = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
PLAIN = "with prefix and head"
KEPT = (0, 2)  # layers that pruning leaves


class Files:
    """A checkpoint folder while it is laid out: its config, its tensors as a masked LM's, its tokenizer.json."""

    def __init__(self, folder: Path, positions: int = 34) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        size = train_tokenizer(TEXT, 130, folder / "tokenizer.json")
        torch.manual_seed(0)
        self.config = transformers.XLMRobertaConfig(
            vocab_size=size, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48,
            max_position_embeddings=34, type_vocab_size=1, bos_token_id=0, pad_token_id=1, eos_token_id=2,
            initializer_range=0.2, architectures=["XLMRobertaForMaskedLM"],
        )  # fmt: skip
        model = transformers.XLMRobertaForMaskedLM(self.config)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight) * 0.02)
                weight.copy_(weight.bfloat16().half().float())  # whole in every format
        self.model = model
        self.weights = {k: v.clone() for k, v in model.state_dict().items() if "decoder" not in k}
        table = self.weights[f"roberta.{POSITIONS}"]
        more = table[2:].repeat(positions // 32 + 1, 1)
        self.weights[f"roberta.{POSITIONS}"] = torch.cat([table[:2], more])[:positions]
        self.config.max_position_embeddings = positions

    def rows(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        for name in (f"roberta.{WORDS}", "lm_head.bias"):
            self.weights[name] = change(self.weights[name])
        self.config.vocab_size = len(self.weights["lm_head.bias"])

    def save(self) -> None:
        self.config.save_pretrained(self.folder)
        save_file(
            {k: v.contiguous() for k, v in self.weights.items()},
            self.folder / "model.safetensors",
            {"format": "pt"},
        )


def plain(files: Files) -> None:
    files.save()


def half(dtype: torch.dtype) -> Callable[[Files], None]:
    def make(files: Files) -> None:
        files.weights = {name: value.to(dtype) for name, value in files.weights.items()}
        files.save()

    return make


def sharded(files: Files) -> None:
    files.model.save_pretrained(files.folder, max_shard_size="20KB")
    assert len([*files.folder.glob("*.safetensors")]) > 2


def added_tokens(files: Files) -> None:
    tokenizer = json.loads((files.folder / "tokenizer.json").read_text())
    for at in range(2):
        token = {**tokenizer["added_tokens"][0], "content": f"[E{at}]", "id": files.config.vocab_size + at}
        tokenizer["added_tokens"].append(token)
    (files.folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    files.rows(lambda value: torch.cat([value, torch.full((2, *value.shape[1:]), -3.0)]))
    files.save()


def padded(files: Files) -> None:
    files.rows(lambda value: torch.cat([value, torch.full((-len(value) % 64, *value.shape[1:]), 0.5)]))
    files.save()


def decoder_kept(files: Files) -> None:
    save_model(files.model, str(files.folder / "model.safetensors"))
    files.config.save_pretrained(files.folder)
    stored = load_file(files.folder / "model.safetensors")
    assert "lm_head.decoder.weight" in stored and f"roberta.{WORDS}" not in stored


def padded_and_decoder_kept(files: Files) -> None:
    files.rows(lambda value: torch.cat([value, torch.zeros(-len(value) % 64, *value.shape[1:])]))
    files.weights["lm_head.decoder.weight"] = files.weights.pop(f"roberta.{WORDS}")
    files.weights["lm_head.decoder.bias"] = files.weights.pop("lm_head.bias")
    files.save()


def no_prefix(files: Files) -> None:
    body = {name: value for name, value in files.weights.items() if not name.startswith("lm_head.")}
    files.weights = {name.removeprefix("roberta."): value for name, value in body.items()}
    files.config.architectures = ["XLMRobertaModel"]
    files.save()


def pooler(files: Files) -> None:
    no_prefix(files)
    files.weights |= {"pooler.dense.weight": torch.ones(32, 32), "pooler.dense.bias": torch.ones(32)}
    files.weights["embeddings.position_ids"] = torch.arange(34)[None]
    files.save()


def old_norms(files: Files) -> None:
    files.weights = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in files.weights.items()
    }
    files.save()


def sentencepiece_alone(files: Files) -> None:
    file = files.folder / "tokenizer.json"
    proto = import_protobuf()
    model = proto.ModelProto()
    for piece, kind in (("<unk>", 2), ("<s>", 3), ("</s>", 3)):
        model.pieces.add(piece=piece, score=0.0, type=kind)
    for piece, score in json.loads(file.read_text())["model"]["vocab"][4:-1]:
        model.pieces.add(piece=piece, score=score)
    model.trainer_spec.model_type = model.trainer_spec.UNIGRAM
    (files.folder / "sentencepiece.bpe.model").write_bytes(model.SerializeToString())
    files.save()
    file.unlink()


def permuted(files: Files) -> None:
    size = files.config.vocab_size
    order = [1, 2, 0, 3, size - 1, *np.random.default_rng(0).permutation(np.arange(4, size - 1)).tolist()]
    order[1], order[7] = order[7], order[1]  # </s> stands among the pieces
    new = {old: at for at, old in enumerate(order)}
    file = files.folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    tokenizer["model"]["vocab"] = [tokenizer["model"]["vocab"][old] for old in order]
    tokenizer["model"]["unk_id"] = new[tokenizer["model"]["unk_id"]]
    for token in tokenizer["added_tokens"]:
        token["id"] = new[token["id"]]
    for token in tokenizer["post_processor"]["special_tokens"].values():
        token["ids"] = [new[old] for old in token["ids"]]
    file.write_text(json.dumps(tokenizer))
    files.rows(lambda value: value[order])
    table = f"roberta.{POSITIONS}"
    files.weights[table] = files.weights[table][1:]  # counted from behind <pad>, whose id is 0
    files.config.update(
        {"pad_token_id": 0, "bos_token_id": new[0], "eos_token_id": new[2], "max_position_embeddings": 33}
    )
    files.save()


LAYOUTS: dict[str, tuple[Callable[[Files], None], int]] = {
    PLAIN: (plain, 34),
    "fp16": (half(torch.float16), 34),
    "bf16": (half(torch.bfloat16), 34),
    "sharded": (sharded, 34),
    "added tokens": (added_tokens, 34),
    "padded vocabulary": (padded, 34),
    "tied decoder kept": (decoder_kept, 34),
    "padded, and tied decoder kept": (padded_and_decoder_kept, 34),
    "no prefix, no pooler": (no_prefix, 34),
    "pooler and buffers": (pooler, 34),
    "norms by their first names": (old_norms, 34),
    "sentencepiece alone": (sentencepiece_alone, 34),
    "permuted ids": (permuted, 34),
    "32 positions": (plain, 32),
    "8,194 positions": (plain, 8194),
}


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function: name of a layout -> its folder."""
    folders: dict[str, Path] = {}

    def made(name: str) -> Path:
        if name not in folders:
            make, positions = LAYOUTS[name]
            files = Files(tmp_path_factory.mktemp("layout") / "checkpoint", positions)
            make(files)
            folders[name] = files.folder
        return folders[name]

    return made


@pytest.fixture(scope="module")
def imported(laid_out: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function: name of a layout -> the artifact of its import."""
    artifacts: dict[str, Artifact] = {}

    def made(name: str) -> Artifact:
        if name not in artifacts:
            target = tmp_path_factory.mktemp("imported")
            result = import_checkpoint(laid_out(name), target)
            artifacts[name] = seal(target, Manifest({}, "torch", result.head, step="base"))
        return artifacts[name]

    return made


def ids_of(tokenizer: Path, sentence: str) -> torch.Tensor:
    return torch.tensor([Tokenizer.from_file(str(tokenizer)).encode(sentence).ids])


def in_plain_transformers(folder: Path, tokenizer: Path, layers: tuple[int, ...] = ()) -> list[torch.Tensor]:
    """Return the last hidden states of every sentence, (tokens, width), of the given layers alone."""
    [name] = json.loads((folder / "config.json").read_text())["architectures"]
    whole = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32).eval()
    model = whole.base_model  # with a tied decoder kept, the masked LM alone finds the table
    if layers:
        model.encoder.layer = torch.nn.ModuleList([model.encoder.layer[at] for at in layers])
    with torch.inference_mode():
        return [model(ids_of(tokenizer, sentence)).last_hidden_state[0] for sentence in SENTENCES]


def tokenizer_of(name: str, laid_out: Callable[[str], Path]) -> Path:
    file = laid_out(name) / "tokenizer.json"
    return file if file.is_file() else laid_out(PLAIN) / "tokenizer.json"


def bare(artifact: Artifact, folder: Path) -> Artifact:
    """Return the encoder of an artifact, which can be exported."""
    save_in_our_layout(load_model(artifact.path, "encoder"), artifact.path, folder)
    return seal(folder, Manifest({}, "torch", "encoder", training_set="encoder", step="train"))


def same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_imported_layout_answers_as_in_plain_transformers(
    name: str, laid_out: Callable[[str], Path], imported: Any
) -> None:
    folder, made = laid_out(name), imported(name)
    theirs, ours = tokenizer_of(name, laid_out), made.file("tokenizer.json")
    for sentence in SENTENCES:
        assert torch.equal(ids_of(ours, sentence), ids_of(theirs, sentence))
    expected = in_plain_transformers(folder, theirs)
    same(in_plain_transformers(made.path, ours), expected)
    same(expected, in_plain_transformers(laid_out(PLAIN), laid_out(PLAIN) / "tokenizer.json"))
    assert made.manifest.head == (
        "encoder" if name in ("no prefix, no pooler", "pooler and buffers") else "mlm"
    )
    if made.manifest.head == "mlm":
        size = json.loads(made.file("config.json").read_text())["vocab_size"]
        ids = ids_of(ours, SENTENCES[0])
        with torch.inference_mode():
            found, wanted = (
                transformers.AutoModelForMaskedLM.from_pretrained(one, dtype=torch.float32).eval()(ids).logits
                for one in (made.path, folder)
            )
        torch.testing.assert_close(found, wanted[..., :size], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_that_is_compressed_answers_as_in_plain_transformers(
    name: str, laid_out: Callable[[str], Path], imported: Any, world: TinyWorld, tmp_path: Path
) -> None:
    folder, made, whole = laid_out(name), imported(name), imported(PLAIN)
    theirs, ours = tokenizer_of(name, laid_out), made.file("tokenizer.json")

    depth = world.make("prune_depth", PruneDepth.model_validate({"layers": list(KEPT)}), made)
    same(in_plain_transformers(depth.path, ours), in_plain_transformers(folder, theirs, KEPT))

    step = PruneWidth.model_validate({"heads": 0.5, "ffn": 0.5, "calibration": {"examples": 9}})
    width, plain_width = (
        world.make("prune_width", step, bare(one, tmp_path / at)) for one, at in ((made, "a"), (whole, "b"))
    )
    same(through_torch(width), through_torch(plain_width))

    trimmed = world.make("trim_vocab", TrimVocab.model_validate({"text": "mono"}), made)
    expected = in_plain_transformers(folder, theirs)
    same(in_plain_transformers(trimmed.path, trimmed.file("tokenizer.json")), expected)

    exported, plain_exported = (
        world.exported(bare(one, tmp_path / at)) for one, at in ((made, "c"), (whole, "d"))
    )
    same(through_onnx(exported), expected)
    int8, plain_int8 = (
        world.make("quantize_dynamic", QuantizeDynamic(), one) for one in (exported, plain_exported)
    )
    same(through_onnx(int8), through_onnx(plain_int8))


def through_torch(artifact: Artifact) -> list[torch.Tensor]:
    model = load_model(artifact.path, "encoder")
    with torch.inference_mode():
        return [
            model(ids_of(artifact.file("tokenizer.json"), sentence)).last_hidden_state[0]
            for sentence in SENTENCES
        ]


def through_onnx(artifact: Artifact) -> list[torch.Tensor]:
    session = RUNTIME.open(artifact, 1)
    answers = []
    for sentence in SENTENCES:
        ids = ids_of(artifact.file("tokenizer.json"), sentence).numpy()
        answers.append(torch.from_numpy(session.run(ids, np.ones_like(ids))[0].copy()))
    return answers
