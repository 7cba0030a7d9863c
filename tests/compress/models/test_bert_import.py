"""A BERT with XLM-R's tokenizer (multilingual MiniLM) becomes the XLM-R that answers as it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from xpareto.compress.core.errors import InputError
from xpareto.compress.models.checkpoint import import_checkpoint, load_model, read_checkpoint
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer

TEXT = {"en": ["the cat sees a dog", "a dog runs"], "de": ["die Katze sieht einen Hund", "ein Hund rennt"]}
SPARE, POSITIONS = 7, 20
IDS = np.array([[0, 7, 9, 5, 2], [0, 8, 2, 1, 1]])


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    """A random BERT masked LM with a trained XLM-R tokenizer and spare rows, as the hub's has."""
    folder = tmp_path / "bert"
    folder.mkdir()
    size = train_tokenizer(TEXT, 60, folder / "tokenizer.json")
    config = transformers.BertConfig(
        vocab_size=size + SPARE, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=POSITIONS, type_vocab_size=2, pad_token_id=0,
        initializer_range=0.4, layer_norm_eps=1e-12,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.BertForMaskedLM(config)
    with torch.no_grad():
        model.cls.predictions.bias.normal_()
    model.save_pretrained(folder)
    return folder


def test_it_answers_as_the_bert_does(bert: Path, tmp_path: Path) -> None:
    made = import_checkpoint(bert, tmp_path / "a")
    assert (made.head, read_checkpoint(tmp_path / "a").max_tokens) == ("mlm", POSITIONS)
    size = read_checkpoint(tmp_path / "a").vocab_size
    mask = torch.from_numpy((IDS != 1).astype(np.int64))
    with torch.inference_mode():
        theirs = transformers.BertForMaskedLM.from_pretrained(bert).eval()
        expected = theirs(torch.from_numpy(IDS), attention_mask=mask).logits[..., :size]
        ours = load_model(tmp_path / "a", "mlm", keep_head=True)
        found = ours(torch.from_numpy(IDS), attention_mask=mask).logits
    real = mask.bool()
    torch.testing.assert_close(found[real], expected[real], rtol=0, atol=2e-5)
    assert size == json.loads((bert / "config.json").read_text())["vocab_size"] - SPARE


def test_old_names_no_prefix_and_no_head_are_read_as_well(bert: Path, tmp_path: Path) -> None:
    file = bert / "model.safetensors"
    old = {}
    for name, value in load_file(file).items():
        if not name.startswith("cls."):
            name = name.removeprefix("bert.")
            name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            )
            old[name] = value.clone()
    save_file({**old, "pooler.dense.weight": torch.zeros(16, 16)}, file)
    made = import_checkpoint(bert, tmp_path / "a")
    assert made.head == "encoder"
    with torch.inference_mode():
        found = load_model(tmp_path / "a", "encoder")(torch.from_numpy(IDS[:1])).last_hidden_state
        theirs = transformers.BertModel(
            transformers.BertConfig.from_pretrained(bert), add_pooling_layer=False
        ).eval()
        theirs.load_state_dict(
            {
                name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
                    "LayerNorm.beta", "LayerNorm.bias"
                ): value
                for name, value in old.items()
            }
        )
        expected = theirs(torch.from_numpy(IDS[:1])).last_hidden_state
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


def test_the_longest_input_is_that_of_the_bert(bert: Path, tmp_path: Path) -> None:
    import_checkpoint(bert, tmp_path / "a")
    ids = torch.full((1, POSITIONS), 7)
    with torch.inference_mode():
        found = load_model(tmp_path / "a", "encoder")(ids).last_hidden_state
        expected = transformers.BertModel.from_pretrained(bert, add_pooling_layer=False).eval()(ids)[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


def wordpiece(folder: Path) -> None:
    model = {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[PAD]": 0, "[UNK]": 1}}
    (folder / "tokenizer.json").write_text(json.dumps({"model": model, "added_tokens": []}))


def relative(folder: Path) -> None:
    edit(folder, position_embedding_type="relative_key")


def decoder(folder: Path) -> None:
    edit(folder, is_decoder=True)


def small_table(folder: Path) -> None:
    weights = {name: value.clone() for name, value in load_file(folder / "model.safetensors").items()}
    name = "bert.embeddings.word_embeddings.weight"
    weights = {key: value for key, value in weights.items() if not key.startswith("cls.")}
    weights[name] = weights[name][:20].clone()
    save_file(weights, folder / "model.safetensors")
    edit(folder, vocab_size=20)


def edit(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wordpiece, r"expected the token \[CLS\], found none"),
        (relative, "absolute positions, found relative_key"),
        (decoder, "found a decoder"),
        (small_table, "the tokenizer has .* entries, but config.json and the word embeddings have 20"),
    ],
)
def test_another_bert_is_refused(bert: Path, change: Any, message: str) -> None:
    change(bert)
    with pytest.raises(InputError, match=message):
        read_checkpoint(bert)
