"""A torch artifact as one self-contained ONNX model, compared with torch on random input."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xpareto.compress.architectures import architecture_of
from xpareto.compress.core import PACKED, Artifact, read_json
from xpareto.compress.data import TOKENIZER, TOKENIZER_CONFIG
from xpareto.compress.heads import HEADS
from xpareto.compress.models import accepted, cut_config, first_layers, load_model, spelt_labels
from xpareto.compress.onnx import graph as onnx_graph
from xpareto.compress.onnx import parity, tracing
from xpareto.compress.onnx.packing import reading_packed_rows
from xpareto.compress.quantization import CODES

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def export(
    source: Artifact,
    target: Path,
    *,
    threads: int,
    opset: int = 20,
    tolerance: float = 1e-4,
    packed: bool = False,
    parity_shapes: int = 4,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> dict[str, Any]:
    """Write the ONNX model of a torch artifact, its config and its tokenizer's files; return notes.

    See the step export_onnx for what the graph looks like. ParityError where it differs from torch by
    more than `tolerance` of max(1, largest output) on one of `parity_shapes` random inputs, and by more than
    torch's own rounding explains.
    """
    manifest = source.manifest
    model = _scored_part(source)
    config = model.config
    max_tokens = architecture_of(config).max_tokens(vars(config))
    outputs = HEADS[manifest.head].exports()
    progress(0, 3, "tracing")
    with (
        reading_packed_rows(model) if packed else contextlib.nullcontext(),
        tracing.traced(model, outputs, max_tokens, opset, packed) as program,
    ):
        progress(1, 3, "writing")
        files = onnx_graph.save(program, target)
        size = onnx_graph.weight_bytes(program)
    _write_config(source, target, packed)
    for name in (TOKENIZER, TOKENIZER_CONFIG, CODES):
        if name in manifest.files or name != CODES:
            (target / name).write_bytes(source.file(name).read_bytes())

    progress(2, 3, "comparing with torch")
    longest = parity.longest_compared(max_tokens, config.num_attention_heads)
    batches = parity.random_batches(config.vocab_size, config.pad_token_id, longest, parity_shapes)
    # The fused attention is what the torch runtime uses; it is also independent of what was traced.
    model.set_attn_implementation(architecture_of(config).attention)
    expected = {id(batch.input_ids): _torch_run(model, batch, outputs) for batch in batches}
    row = _packed_row(model, outputs, max_tokens) if packed else None
    del model
    run = parity.onnx_run(target / onnx_graph.MODEL, threads)

    def in_torch(input_ids: np.ndarray, _: np.ndarray) -> dict[str, np.ndarray]:
        return expected[id(input_ids)]

    drifts = parity.compare(in_torch, run, batches)
    rounding: dict[str, Any] = {}
    if not parity.within(drifts, tolerance):
        own, theirs = _from_exact(source, outputs, batches, in_torch, run)
        if parity.rounds_alike(own, theirs):
            rounding = {"torch": own, "onnx": theirs}
    shapes = [batch.shape for batch in batches]
    if not rounding:
        parity.require(drifts, tolerance, shapes)
    if row is not None:
        packed_drifts = _packed_drift(run, *row)
        parity.require(packed_drifts, tolerance, shapes)
        drifts |= packed_drifts
    progress(3, 3, "done")
    notes: dict[str, Any] = {
        "opset": opset,
        "weight_bytes": size,
        "max_abs_diff": max(drift.max_abs_diff for drift in drifts.values()),
        "shapes": [list(shape) for shape in shapes],
        "parity": {name: asdict(drift) for name, drift in drifts.items()},
    }
    if rounding:  # what either is from float64, where they differ by more than the tolerance for that alone
        notes["rounding"] = {
            who: max(drift.max_abs_diff for drift in drifts.values()) for who, drifts in rounding.items()
        }
    if len(files) > 1:
        notes["external_data"] = (
            f"the weights are mapped from {onnx_graph.SIDECAR}: keep it beside {onnx_graph.MODEL}"
        )
    return notes


def _scored_part(source: Artifact) -> PreTrainedModel:
    """Return the model of a torch artifact up to the layer that is scored, with plain attention."""
    manifest = source.manifest
    model = load_model(source.path, manifest.head, manifest.labels, keep_head=True, attention="eager")
    return model if manifest.layer is None else first_layers(model, manifest.layer)


def _from_exact(
    source: Artifact,
    outputs: Sequence[str],
    batches: Sequence[parity.Batch],
    in_torch: parity.Run,
    in_onnx: parity.Run,
) -> tuple[dict[str, parity.Drift], dict[str, parity.Drift]]:
    """Return how far torch in float32, and the exported model, are from torch in float64."""
    model = _scored_part(source).double()
    exact = {id(batch.input_ids): _torch_run(model, batch, outputs) for batch in batches}

    def run(input_ids: np.ndarray, _: np.ndarray) -> dict[str, np.ndarray]:
        return exact[id(input_ids)]

    return parity.compare(run, in_torch, batches), parity.compare(run, in_onnx, batches)


def _torch_run(model: PreTrainedModel, batch: parity.Batch, outputs: Sequence[str]) -> dict[str, np.ndarray]:
    import torch

    with torch.inference_mode():
        model_outputs = model(
            input_ids=torch.from_numpy(batch.input_ids),
            attention_mask=torch.from_numpy(batch.attention_mask),
            return_dict=True,
        )
    return {name: model_outputs[name].numpy() for name in outputs}


def _packed_row(
    model: PreTrainedModel, outputs: Sequence[str], max_tokens: int
) -> tuple[np.ndarray, tuple[int, int], list[dict[str, np.ndarray]]]:
    """Return random ids (1, length) of two sequences, their lengths, and what torch gives for each alone."""
    random, config = np.random.default_rng(parity.SEED), model.config
    lengths = (max(1, min(19, max_tokens // 2)), max(1, min(23, max_tokens - max_tokens // 2)))
    ids = random.integers(0, config.vocab_size - 1, (1, sum(lengths)))
    ids += ids >= config.pad_token_id  # any token but the padding
    alone = [np.ascontiguousarray(sequence) for sequence in np.split(ids, [lengths[0]], axis=1)]
    return (
        ids,
        lengths,
        [_torch_run(model, parity.Batch(sequence, np.ones_like(sequence)), outputs) for sequence in alone],
    )


def _packed_drift(
    run: parity.Run, ids: np.ndarray, lengths: tuple[int, int], alone: list[dict[str, np.ndarray]]
) -> dict[str, parity.Drift]:
    """Return how far two sequences in one row are from each of them alone, by output."""
    packed_outputs = run(ids, np.repeat([1, 2], lengths)[None])
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for place, part in enumerate((slice(0, lengths[0]), slice(lengths[0], None))):
        for name, expected in alone[place].items():
            per_token = packed_outputs[name].shape[:2] == ids.shape
            other = packed_outputs[name][:, part] if per_token else packed_outputs[name][place : place + 1]
            width = 1 if per_token and expected.ndim == 2 else expected.shape[-1]
            pair = (expected.reshape(-1, width), other.reshape(-1, width))
            pairs.setdefault(f"{name} of packed rows", []).append(pair)
    return {name: parity.drift(parts) for name, parts in pairs.items()}


def _write_config(source: Artifact, target: Path, packed: bool) -> None:
    config = read_json(source.file("config.json"))
    if source.manifest.layer is not None:
        config = cut_config(config, source.manifest.layer)
    config = accepted(config)
    for name in ("_name_or_path", "auto_map", "_attn_implementation"):
        config.pop(name, None)
    if packed:
        config[PACKED] = True
    labels = spelt_labels(config, source.manifest.labels)
    if labels:
        config["id2label"] = {str(index): label for index, label in enumerate(labels)}
        config["label2id"] = {label: index for index, label in enumerate(labels)}
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
    (target / "config.json").write_text(text + "\n", encoding="utf-8")
