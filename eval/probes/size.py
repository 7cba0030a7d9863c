"""Bytes on disk by component, from the structure of the files: no weight is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xpareto.compress.core import Artifact
from xpareto.compress.models import WEIGHTS, stored_bytes
from xpareto.compress.onnx import MODEL, SIDECAR
from xpareto.eval.probing import MeasurementContext, Probe
from xpareto.eval.records import Measurement
from xpareto.eval.roofline import Component, by_component, onnx_components

_MODELS = (WEIGHTS, MODEL, SIDECAR)
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "sentencepiece.bpe.model")


class Size(Probe):
    """Per artifact: bytes of embeddings, encoder, head and other, of the model's files, of the tokenizer.

    The four components count tensors; "other" also holds the rest of the model's files (graph,
    header), so that they add up to "model".
    """

    name = "size"
    taken = "once"
    default = True
    place = 10

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield six rows per artifact."""
        for training_set, artifact in context.artifacts.items():
            for component, value in sizes(artifact).items():
                yield context.row(
                    "size", "size", value, "bytes", component=component, training_set=training_set,
                    instrument="file structure",
                )  # fmt: skip


def sizes(artifact: Artifact) -> dict[str, int]:
    """Return the bytes by component, of the model's files and of the tokenizer's."""
    files = {name: entry.size_bytes for name, entry in artifact.manifest.files.items()}
    model = sum(size for name, size in files.items() if name in _MODELS)
    tokenizer = sum(size for name, size in files.items() if name in _TOKENIZER)
    bytes_by_component: dict[str, int] = {name: size for name, size in _tensors(artifact).items()}  # noqa: C416
    bytes_by_component["other"] += model - sum(bytes_by_component.values())
    return bytes_by_component | {"model": model, "tokenizer": tokenizer}


def _tensors(artifact: Artifact) -> Mapping[Component, int]:
    if artifact.manifest.format == "onnx":
        return onnx_components(artifact.file("model.onnx"))
    return by_component(stored_bytes(artifact.file("model.safetensors")))


PROBE = Size()
