"""Make a new ONNX artifact by a change of the graph: its files, and how far the outputs moved."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress import onnx_weights, parity
from compress.artifact import Artifact
from compress.onnx_graph import MODEL, SIDECAR
from compress.onnx_kernels import kernel_counts, products
from compress.order import Rule
from compress.step import Context, Made

if TYPE_CHECKING:
    from onnx import ModelProto

ONCE = Rule(
    "never_after",
    ("quantize_dynamic", "quantize_static", "quantize_weights", "quantize_mixed"),
    why="its weights are quantized already",
    fix="Keep one of the two.",
)
_BATCHES = 6
Change = Callable[["ModelProto"], tuple["ModelProto", Mapping[str, Any]]]


def most_tokens(source: Artifact) -> int:
    """Return the longest input of an exported model in subwords, special tokens included."""
    config = json.loads(source.file("config.json").read_text(encoding="utf-8"))
    return int(config["max_position_embeddings"] - config["pad_token_id"] - 1)


def rewrite(source: Artifact, target: Path, context: Context, change: Change, what: str) -> Made:
    """Write what `change` makes of the source's model into `target`, with its other files; tell the drift.

    `change` returns the new model, which may be the one given, and notes of its own. The drift is
    measured on seeded random inputs; one that is not finite is told as infinite.
    """
    import onnx

    manifest = source.manifest
    config = json.loads(source.file("config.json").read_text(encoding="utf-8"))
    batches = parity.random_batches(
        config["vocab_size"], config["pad_token_id"], most_tokens(source), _BATCHES
    )
    context.progress(0, 3, "reference outputs")
    # Taken first and kept, so that the source's session is gone before its weights are loaded again.
    run = parity.onnx_run(source.file(MODEL), context.threads)
    expected = {id(batch.input_ids): run(batch.input_ids, batch.attention_mask) for batch in batches}
    del run

    context.progress(1, 3, what)
    model = onnx.load(source.file(MODEL))
    before = onnx_weights.component_bytes(model)
    model, own = change(model)
    tidy(model)
    after = onnx_weights.component_bytes(model)
    write(model, target)
    del model
    for name in manifest.files:
        if name not in (MODEL, SIDECAR):
            (target / name).write_bytes(source.file(name).read_bytes())

    context.progress(2, 3, "drift")
    drifts = parity.compare(
        lambda input_ids, _: expected[id(input_ids)],
        parity.onnx_run(target / MODEL, context.threads),
        batches,
    )
    context.progress(3, 3, "done")
    notes: dict[str, Any] = {
        **own,
        "products": products(kernel_counts(target / MODEL, context.threads)),
        "weight_bytes_before": before,
        "weight_bytes_after": after,
        "file_bytes_before": sum(
            entry.size_bytes for name, entry in manifest.files.items() if name in (MODEL, SIDECAR)
        ),
        "file_bytes_after": sum((target / name).stat().st_size for name in (MODEL, SIDECAR)
                                if (target / name).is_file()),
        "drift_shapes": [list(batch.shape) for batch in batches],
        "drift": {name: asdict(found) for name, found in drifts.items()},
    }  # fmt: skip
    return Made("onnx", manifest.head, manifest.labels, manifest.training_set, manifest.layer, notes)


def write(model: ModelProto, folder: Path) -> None:
    """Write model.onnx, equal models as equal bytes, with its weights beside it above protobuf's limit."""
    import onnx

    from compress.onnx_graph import SINGLE_FILE_LIMIT_BYTES

    if sum(onnx_weights.component_bytes(model).values()) > SINGLE_FILE_LIMIT_BYTES:
        onnx.save(
            model, folder / MODEL, save_as_external_data=True, all_tensors_to_one_file=True, location=SIDECAR
        )
        return
    (folder / MODEL).write_bytes(model.SerializeToString(deterministic=True))


def tidy(model: ModelProto) -> None:
    """Remove what a tool wrote beside the graph: inferred shapes, its name and version."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "xpareto", ""
