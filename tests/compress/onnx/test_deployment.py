"""What other programs read is what was scored, whichever layer that is."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from tests.tiny_world import TinyWorld
from xpareto.compress.core import STEPS
from xpareto.compress.core.artifact import Artifact, seal
from xpareto.compress.onnx import graph
from xpareto.compress.onnx.deployment import deploy
from xpareto.compress.onnx.graph import keep_outputs
from xpareto.compress.onnx.parity import onnx_run
from xpareto.eval.runtimes._runtime import RUNTIMES

IDS = np.array([[0, 5, 6, 7, 2], [0, 8, 9, 2, 1]])
MASK = (IDS != 1).astype(np.int64)


def at_layer(source: Artifact, layer: int | None, folder: Path) -> Artifact:
    """Return the same artifact, read at another layer."""
    folder.mkdir()
    for name in source.manifest.files:
        shutil.copyfile(source.file(name), folder / name)
    return seal(folder, replace(source.manifest, layer=layer))


def scored(artifact: Artifact, runtime: str) -> np.ndarray:
    return RUNTIMES.load(runtime).open(artifact, 1).run(IDS, MASK)


@pytest.mark.parametrize("layer", [0, 1, 2, None])
def test_the_last_hidden_state_of_a_deployed_encoder_is_the_one_that_was_scored(
    world: TinyWorld, tmp_path: Path, layer: int | None
) -> None:
    source = at_layer(world.source("encoder"), layer, tmp_path / "source")
    made = deploy(source, tmp_path / "out")
    model = transformers.AutoModel.from_pretrained(made.path).eval()
    with torch.inference_mode():
        answer = model(input_ids=torch.from_numpy(IDS), attention_mask=torch.from_numpy(MASK))
    states = world_states(world)
    np.testing.assert_allclose(answer.last_hidden_state.numpy(), scored(source, "torch"), atol=1e-6)
    np.testing.assert_allclose(scored(source, "torch"), states[2 if layer is None else layer], atol=1e-6)
    np.testing.assert_array_equal(scored(made, "torch"), scored(source, "torch"))
    made.verify()
    assert made.manifest.layer is None and made.manifest.parents[0] == source.digest
    pooling = json.loads((made.path / "1_Pooling" / "config.json").read_text())
    assert [name for name, value in pooling.items() if value is True] == ["pooling_mode_mean_tokens"]
    assert [part["path"] for part in json.loads((made.path / "modules.json").read_text())] == [
        "",
        "1_Pooling",
    ]
    (made.path / "README.md").write_text("a card is added")


def world_states(world: TinyWorld) -> list[np.ndarray]:
    model = transformers.AutoModel.from_pretrained(world.source("encoder").path).eval()
    with torch.inference_mode():
        answer = model(
            torch.from_numpy(IDS), attention_mask=torch.from_numpy(MASK), output_hidden_states=True
        )
    return [state.numpy() for state in answer.hidden_states]


def test_a_graph_that_gave_two_states_ends_at_the_one_that_is_read(world: TinyWorld, tmp_path: Path) -> None:
    import onnx_ir

    whole = world.exported(world.source("encoder"))
    program = onnx_ir.load(whole.file("model.onnx"))
    lower = next(
        value
        for node in program.graph
        if (node.name or "").startswith("encoder.layer.0.output.LayerNorm/")
        for value in node.outputs
    )
    last = program.graph.outputs[0]
    lower.name, lower.type, lower.shape = "hidden_state_1", last.type, last.shape
    program.graph.outputs.append(lower)
    (tmp_path / "older").mkdir()
    for name in whole.manifest.files:
        shutil.copyfile(whole.file(name), tmp_path / "older" / name)
    keep_outputs(program, ("last_hidden_state", "hidden_state_1"))
    onnx_ir.save(program, tmp_path / "older" / "model.onnx")
    older = seal(tmp_path / "older", replace(whole.manifest, layer=1))
    made = deploy(older, tmp_path / "out")
    found = onnx_run(made.file("model.onnx"), 1)(IDS, MASK)
    assert list(found) == ["last_hidden_state"]
    np.testing.assert_allclose(found["last_hidden_state"], world_states(world)[1], atol=1e-5)
    np.testing.assert_allclose(scored(made, "onnxruntime"), scored(older, "onnxruntime"), atol=1e-6)
    assert json.loads((made.path / "config.json").read_text())["num_hidden_layers"] == 1
    assert made.size_bytes < 0.8 * older.size_bytes


def test_what_needs_no_change_is_copied_with_its_manifest(world: TinyWorld, tmp_path: Path) -> None:
    source = world.source("tagging")
    made = deploy(source, tmp_path)
    assert made.digest == source.digest and Artifact.open(tmp_path).digest == source.digest
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in source.path.iterdir()}


def test_a_shape_of_an_older_version_is_refused_by_transformers_once_it_is_deployed(
    world: TinyWorld, tmp_path: Path
) -> None:
    from xpareto.compress.models.heterogeneous_config import accepted
    from xpareto.compress.steps.factorize_embeddings import STEP

    factorised = world.make("factorize_embeddings", STEP(rank=4), world.source("classification"))
    older = at_layer(factorised, None, tmp_path / "source")
    config = accepted(json.loads(older.file("config.json").read_text()))
    (older.path / "config.json").chmod(0o644)
    (older.path / "config.json").write_text(json.dumps(config))
    older = seal(older.path, older.manifest)
    made = deploy(older, tmp_path / "out")
    with pytest.raises(ValueError, match="xpareto-xlm-roberta"):
        transformers.AutoModelForSequenceClassification.from_pretrained(made.path)
    np.testing.assert_array_equal(scored(made, "torch"), scored(older, "torch"))


@pytest.mark.parametrize(
    ("step", "fields", "name", "dtype"),
    [
        (None, {}, "model.onnx", "fp32"),
        ("quantize_weights", {"products": "fp16", "embeddings": "fp16"}, "model_fp16.onnx", "fp16"),
        ("quantize_weights", {"products": "int4", "embeddings": "float"}, "model_q4.onnx", "q4"),
        ("quantize_weights", {"products": "float", "embeddings": "int4"}, "model_quantized.onnx", "q8"),
        ("quantize_dynamic", {}, "model_quantized.onnx", "q8"),
    ],
)
@pytest.mark.parametrize("limit", [None, 0])
def test_the_hub_finds_a_graph_by_its_precision(
    world: TinyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    step: str | None, fields: dict[str, str], name: str, dtype: str, limit: int | None,
) -> None:  # fmt: skip
    source = world.exported(world.source("tagging"))
    if step is not None:
        source = world.make(step, STEPS.load(step).model_validate(fields), source)
    if limit is not None:
        monkeypatch.setattr(graph, "SINGLE_FILE_LIMIT_BYTES", limit)
    made = deploy(source, tmp_path / "out", "hub")
    made.verify()
    assert not list(made.path.glob("*.onnx*"))
    beside = [f"{name}_data"] if limit is not None else []
    assert sorted(path.name for path in (made.path / "onnx").iterdir()) == [name, *beside]
    config = json.loads((made.path / "config.json").read_text())
    assert config["transformers.js_config"] == {"dtype": dtype, "use_external_data_format": bool(beside)}
    found = onnx_run(made.path / "onnx" / name, 1)(IDS, MASK)["logits"]
    np.testing.assert_array_equal(found, onnx_run(source.file("model.onnx"), 1)(IDS, MASK)["logits"])
    assert transformers.AutoConfig.from_pretrained(made.path).id2label == {0: "even", 1: "odd"}


def test_weights_in_safetensors_lie_where_the_hub_has_them_anyway(world: TinyWorld, tmp_path: Path) -> None:
    flat, hub = (deploy(world.source("tagging"), tmp_path / name, name) for name in ("flat", "hub"))  # type: ignore[arg-type]
    assert flat.digest == hub.digest
