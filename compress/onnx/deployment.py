"""A sealed artifact as other programs read it: what transformers, sentence-transformers and onnxruntime find."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from xpareto.compress.architectures import max_tokens
from xpareto.compress.core import MANIFEST, Artifact, Manifest, read_json, seal
from xpareto.compress.heads import HEADS, SentenceVectors
from xpareto.compress.models import (
    CUTS,
    FLAGS,
    MODULES,
    PROMPTS,
    WEIGHTS,
    cut_config,
    first_layers,
    load_model,
    refused,
    save_model,
)
from xpareto.compress.onnx import graph as onnx_graph
from xpareto.compress.onnx import openvino_graph

_CONFIG = "config.json"
Layout = Literal["flat", "hub", "openvino"]
_MODULES = (
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
)


_HUB_FILES: Mapping[onnx_graph.Precision, str] = {
    "fp32": "model.onnx",
    "fp16": "model_fp16.onnx",
    "q8": "model_quantized.onnx",
    "q4": "model_q4.onnx",
}


def deploy(
    artifact: Artifact, folder: Path, layout: Layout = "flat", group_size: int | None = None
) -> Artifact:
    """Write an artifact into an empty folder as other programs read it; return what lies there.

    A bare encoder ends at the hidden state that was scored, so that its last hidden state is that one, and
    the folder says in sentence-transformers' files how the sentence's vector is made of it: its mean over all
    tokens, or what the base said, with its prompts.
    A torch folder that transformers' classes cannot hold is one that they refuse. Everything else is a copy.
    Of layout "hub", a graph lies in onnx/ under the name that the hub's repositories give its precision, such as
    onnx/model_quantized.onnx, and config.json tells transformers.js so; of "openvino" it is in OpenVINO's format, under
    optimum-intel's names, and codes activations in groups of `group_size` (see `save_openvino`); of "flat" it is
    model.onnx.
    The manifest is that of the files in the folder; an artifact that had to change is named as its parent.
    """
    manifest = artifact.manifest
    for part in [*manifest.files, MANIFEST]:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(artifact.path / part, folder / part)
    told = read_json(folder / _CONFIG)
    if manifest.layer is not None:
        cut = _cut_torch if manifest.format == "torch" else _cut_onnx
        cut(artifact, manifest.layer, folder)
    elif manifest.format == "torch" and refused(told) != told:  # a folder that xpareto 0.2.0 wrote
        _write(folder / _CONFIG, refused(told))
    elif HEADS[manifest.head].has_logits and not _moves(manifest, layout):
        return Artifact(folder, manifest)
    if not HEADS[manifest.head].has_logits:
        for name, content in _reading(read_json(folder / _CONFIG)).items():
            (folder / name).parent.mkdir(exist_ok=True)
            _write(folder / name, content)
    if _moves(manifest, layout):
        _to_hub(folder) if layout == "hub" else _to_openvino(folder, group_size)
    made = seal(folder, replace(manifest, layer=None, parents=(artifact.digest, *manifest.parents)))
    for file in (MANIFEST, *made.manifest.files):
        (folder / file).chmod(0o644)  # given away: a card, say, is added
    return made


def _reading(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return sentence-transformers' files that say how the last hidden state becomes a vector."""
    sentences = SentenceVectors.of(config)
    if sentences.unread:  # what nobody scored, and these files could not say
        return {}
    normalize = {
        "idx": 2,
        "name": "2",
        "path": "2_Normalize",
        "type": "sentence_transformers.models.Normalize",
    }
    longest = max_tokens(config)
    return {
        MODULES: [*_MODULES, *([normalize] if sentences.normalize else [])],
        PROMPTS: {
            "similarity_fn_name": sentences.similarity or "cosine",
            "prompts": sentences.prompts,
            "default_prompt_name": sentences.default_prompt,
        },
        CUTS: {"max_seq_length": sentences.longest or longest, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": config["hidden_size"],
            **{flag: name in sentences.pooling for name, flag in FLAGS.items()},
            **({} if sentences.include_prompt else {"include_prompt": False}),
        },
    }


def _cut_torch(artifact: Artifact, layer: int, folder: Path) -> None:
    """Write the weights and the config of an encoder that ends at the layer which is read."""
    for name in (WEIGHTS, _CONFIG):
        (folder / name).unlink()  # a copy keeps the old size
    save_model(first_layers(load_model(artifact.path, artifact.manifest.head), layer), artifact.path, folder)


def _cut_onnx(artifact: Artifact, layer: int, folder: Path) -> None:
    """Do the same to a graph of xpareto 0.2.0, which gave the state that is read beside the last one."""
    import onnx_ir

    config = read_json(folder / _CONFIG)
    (output,) = HEADS[artifact.manifest.head].read_outputs(layer, config["num_hidden_layers"])
    (name,) = HEADS[artifact.manifest.head].exports()
    program = onnx_ir.load(artifact.file(onnx_graph.MODEL))
    onnx_graph.keep_outputs(program, (output,))
    program.graph.outputs[0].name = name
    for file in (onnx_graph.MODEL, onnx_graph.SIDECAR):
        (folder / file).unlink(missing_ok=True)
    onnx_graph.save(program, folder)
    _write(folder / _CONFIG, cut_config(config, layer))


def _moves(manifest: Manifest, layout: Layout) -> bool:
    return layout != "flat" and manifest.format == "onnx"


def _to_hub(folder: Path) -> None:
    """Move a folder's graph to where the hub's tools look for one of its precision."""
    import onnx_ir

    program = onnx_ir.load(folder / onnx_graph.MODEL)
    kind = onnx_graph.precision(program)
    inner = folder / "onnx"
    inner.mkdir()
    written = onnx_graph.save(program, inner, _HUB_FILES[kind])
    config = read_json(folder / _CONFIG)
    for name in (onnx_graph.MODEL, onnx_graph.SIDECAR, _CONFIG):
        (folder / name).unlink(missing_ok=True)
    told = {"dtype": kind, "use_external_data_format": len(written) > 1}
    _write(folder / _CONFIG, {**config, "transformers.js_config": told})


def _to_openvino(folder: Path, group_size: int | None) -> None:
    """Write a folder's graph in OpenVINO's format instead."""
    openvino_graph.save_openvino(folder / onnx_graph.MODEL, folder, group_size)
    for name in (onnx_graph.MODEL, onnx_graph.SIDECAR):
        (folder / name).unlink(missing_ok=True)


def _write(file: Path, content: Any) -> None:
    file.write_text(
        json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
