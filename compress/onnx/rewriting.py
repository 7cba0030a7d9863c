"""Make a new ONNX artifact by a change of the graph: its files, and how far the outputs moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xpareto.compress.architectures import max_tokens
from xpareto.compress.core import Artifact, Context, Rule, StepResult, read_json
from xpareto.compress.onnx import graph as onnx_graph
from xpareto.compress.onnx import parity
from xpareto.compress.onnx import weights as onnx_weights
from xpareto.compress.onnx.graph import MODEL, SIDECAR
from xpareto.compress.onnx.kernels import kernel_counts, products

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
    config = read_json(source.file("config.json"))
    return max_tokens(config)


@dataclass(frozen=True)
class Reference:
    """What a model gave on seeded random inputs, taken before it is changed."""

    batches: Sequence[parity.Batch]
    outputs: Mapping[int, Mapping[str, np.ndarray]]  # by the identity of a batch's ids

    @staticmethod
    def of(source: Artifact, batches: int, threads: int) -> Reference:
        """Return the outputs of an exported model; its session is gone afterwards."""
        config = read_json(source.file("config.json"))
        heads = config.get("num_attention_heads", 12)  # as transformers has it; one a layer where they differ
        longest = parity.longest_compared(
            most_tokens(source), max(1, *heads) if isinstance(heads, list) else heads
        )
        drawn = parity.random_batches(config["vocab_size"], config["pad_token_id"], longest, batches)
        run = parity.onnx_run(source.file(MODEL), threads)
        return Reference(
            drawn, {id(batch.input_ids): run(batch.input_ids, batch.attention_mask) for batch in drawn}
        )

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The shapes of the inputs."""
        return [batch.shape for batch in self.batches]

    def drift(self, folder: Path, threads: int) -> dict[str, parity.Drift]:
        """Return how far the outputs of the model in a folder are from these; not finite: infinite."""
        return parity.compare(
            lambda input_ids, _: self.outputs[id(input_ids)],
            parity.onnx_run(folder / MODEL, threads),
            self.batches,
        )


def rewrite(source: Artifact, target: Path, context: Context, change: Change, what: str) -> StepResult:
    """Write what `change` makes of the source's model into `target`, with its other files; tell the drift.

    `change` returns the new model, which may be the one given, and notes of its own. The drift is
    measured on seeded random inputs; one that is not finite is told as infinite.
    """
    import onnx

    manifest = source.manifest
    context.progress(0, 3, "reference outputs")
    # Taken first and kept, so that the source's session is gone before its weights are loaded again.
    reference = Reference.of(source, _BATCHES, context.threads)

    context.progress(1, 3, what)
    model = onnx.load(source.file(MODEL))
    before = onnx_weights.component_bytes(model)
    model, change_notes = change(model)
    tidy(model)
    after = onnx_weights.component_bytes(model)
    write(model, target)
    del model
    copy_others(source, target)

    context.progress(2, 3, "drift")
    drifts = reference.drift(target, context.threads)
    context.progress(3, 3, "done")
    notes: dict[str, Any] = {
        **change_notes,
        "products": products(kernel_counts(target / MODEL, context.threads)),
        "weight_bytes_before": before,
        "weight_bytes_after": after,
        **file_bytes(source, target),
        "drift_shapes": [list(shape) for shape in reference.shapes],
        "drift": {name: asdict(output_drift) for name, output_drift in drifts.items()},
    }
    return StepResult("onnx", manifest.head, manifest.labels, manifest.training_set, manifest.layer, notes)


def copy_others(source: Artifact, target: Path) -> None:
    """Copy an exported model's files, but the model itself."""
    for name in source.manifest.files:
        if name not in (MODEL, SIDECAR):
            (target / name).write_bytes(source.file(name).read_bytes())


def file_bytes(source: Artifact, target: Path) -> dict[str, int]:
    """Return the bytes of the model's files before and after, as notes."""
    files = source.manifest.files
    written = [target / name for name in (MODEL, SIDECAR) if (target / name).is_file()]
    return {
        "file_bytes_before": sum(files[name].size_bytes for name in (MODEL, SIDECAR) if name in files),
        "file_bytes_after": sum(file.stat().st_size for file in written),
    }


def write(model: ModelProto, folder: Path) -> None:
    """Write model.onnx, equal models as equal bytes, with its weights beside it above the limit."""
    import onnx_ir

    if sum(onnx_weights.component_bytes(model).values()) > onnx_graph.SINGLE_FILE_LIMIT_BYTES:
        # Not onnx.save, which takes the weights out of the model that it is given.
        onnx_ir.save(onnx_ir.from_proto(model), folder / MODEL, external_data=SIDECAR)
        return
    (folder / MODEL).write_bytes(model.SerializeToString(deterministic=True))


def tidy(model: ModelProto) -> None:
    """Remove what a tool wrote beside the graph: inferred shapes, its name and version."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "xpareto", ""
