"""What sentence-transformers' files say of a base is what its variants are scored and exported with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.heads.encoder import SPEC
from xpareto.compress.heads.pooling import Pooling
from xpareto.compress.models.checkpoint import import_checkpoint, load_model, read_checkpoint
from xpareto.compress.models.sentence_modules import read_modules
from xpareto.compress.onnx.deployment import deploy
from xpareto.compress.steps.prune_depth import PruneDepth
from xpareto.compress.steps.quantize_dynamic import QuantizeDynamic
from xpareto.eval.kinds.retrieve import KIND as RETRIEVE
from xpareto.eval.probing.predict import reducer
from xpareto.eval.runtimes.onnxruntime import RUNTIME

CLS, MEAN = {"pooling_mode_cls_token": True}, {"pooling_mode_mean_tokens": True}
TWO, THREE = ("Transformer", "Pooling"), ("Transformer", "Pooling", "Normalize")


def write_modules(folder: Path, pooling: dict[str, Any], kinds: tuple[str, ...]) -> Path:
    paths = ["", "1_Pooling", "2_Normalize", "3_Dense"]
    modules = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (kind, path) in enumerate(zip(kinds, paths, strict=False))
    ]
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(modules))
    off = dict.fromkeys(
        ("pooling_mode_cls_token", "pooling_mode_mean_tokens", "pooling_mode_max_tokens"), False
    )
    told = {"word_embedding_dimension": 16, **(pooling if "pooling_mode" in pooling else off | pooling)}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize(
    ("pooling", "kinds", "expected"),
    [
        (MEAN, TWO, Pooling()),
        (MEAN, THREE, Pooling(normalize=True)),
        (CLS, TWO, Pooling(first_token=True)),
        (CLS, THREE, Pooling(first_token=True, normalize=True)),
        ({"pooling_mode": "cls"}, THREE, Pooling(first_token=True, normalize=True)),
    ],
)
def test_the_mean_and_the_first_token_are_read(
    pooling: dict[str, Any], kinds: tuple[str, ...], expected: Pooling, tmp_path: Path
) -> None:
    found, files = read_modules(write_modules(tmp_path, pooling, kinds))
    assert found == expected
    assert files == (tmp_path / "modules.json", tmp_path / "1_Pooling" / "config.json")


@pytest.mark.parametrize(
    ("pooling", "kinds", "message"),
    [
        (
            {"pooling_mode_max_tokens": True},
            TWO,
            r"found the pooling pooling_mode_max_tokens \(modules.json\)",
        ),
        (CLS | MEAN, TWO, r"found the pooling cls\+mean"),
        ({}, TWO, "found the pooling none"),
        ({"pooling_mode": "lasttoken"}, TWO, "found the pooling lasttoken"),
        (MEAN, (*THREE, "Dense"), "found a module Dense"),
        (MEAN, ("Transformer", "Normalize"), "found the modules Transformer, Normalize"),
    ],
)
def test_another_vector_is_refused_where_it_would_be_scored(
    pooling: dict[str, Any], kinds: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    found, _ = read_modules(write_modules(tmp_path, pooling, kinds))
    with pytest.raises(InputError, match=message):
        found.readable("--base")


@pytest.mark.parametrize("content", ["{}", "[1]", "[{}]", "not json", "[" * 100_000])
def test_damaged_modules_are_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(content)
    with (
        pytest.raises(InputError, match=r"modules.json: expected a list of modules")
        if content != "{}"
        else (pytest.raises(InputError, match="found the modules"))
    ):
        read_modules(tmp_path)[0].readable("--base")


def test_a_pooling_elsewhere_is_not_read(tmp_path: Path) -> None:
    parts = [{"type": "models.Transformer", "path": ""}, {"type": "models.Pooling", "path": "../other"}]
    (tmp_path / "modules.json").write_text(json.dumps(parts))
    with pytest.raises(InputError, match=r"a folder beside it, found '\.\./other'"):
        read_modules(tmp_path)


@pytest.fixture(scope="module")
def by_first_token(world: TinyWorld, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The import of a base as bge-m3 is: its first token's state, normalized."""
    folder, target = (tmp_path_factory.mktemp(name) for name in ("base", "imported"))
    source = world.source("encoder")
    for name in source.manifest.files:
        shutil.copyfile(source.file(name), folder / name)
    made = import_checkpoint(write_modules(folder, CLS, THREE), target)
    assert made.head == "encoder"
    return seal(target, Manifest({}, "torch", "encoder", training_set="encoder", step="train"))


def test_every_variant_pools_as_its_base(by_first_token: Artifact, world: TinyWorld, tmp_path: Path) -> None:
    assert read_checkpoint(by_first_token.path).pooling == Pooling(True, True)
    cut = world.make("prune_depth", PruneDepth.model_validate({"layers": 1}), by_first_token)
    int8 = world.make("quantize_dynamic", QuantizeDynamic(), world.exported(cut))
    ids = np.array([[0, 5, 6, 7, 2], [0, 8, 9, 2, 1]])
    for at, artifact in enumerate((by_first_token, cut, int8)):
        out = deploy(artifact, tmp_path / str(at))
        told = json.loads((out.path / "1_Pooling" / "config.json").read_text())
        assert told["pooling_mode_cls_token"] and not told["pooling_mode_mean_tokens"]
        assert read_modules(out.path)[0] == Pooling(first_token=True, normalize=True)
    states = RUNTIME.open(int8, 1).run(ids, (ids != 1).astype(np.int64))
    found = reducer(RETRIEVE, int8)(states, np.array([5, 4]))
    np.testing.assert_array_equal(np.stack(found), states[:, 0])
    model = load_model(cut.path, "encoder")
    batch = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(ids != 1).long()}
    with torch.inference_mode():
        assert torch.equal(SPEC.compared(model, None, batch), model(**batch).last_hidden_state[:, 0])


def test_a_base_that_says_nothing_is_pooled_by_its_mean(world: TinyWorld) -> None:
    source = world.source("encoder")
    assert reducer(RETRIEVE, source) == RETRIEVE.reduce
    assert "xpareto_pooling" not in json.loads(source.file("config.json").read_text())
