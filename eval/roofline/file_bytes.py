"""Bytes of every tensor in a weight file, read from its structure without reading the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from xpareto.compress.core import InputError

Component = Literal["embeddings", "encoder", "head", "other"]
COMPONENTS: tuple[Component, ...] = ("embeddings", "encoder", "head", "other")

# onnx.proto, TensorProto.DataType -> bits per element
BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64,
    15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class _Node:
    name: str
    inputs: tuple[str, ...]


def component_of(name: str) -> Component:
    """Return the part of the model that a weight or node of that name belongs to.

    >>> [component_of(n) for n in ("roberta.embeddings.word_embeddings.weight", "classifier.out_proj.bias",
    ...                            "roberta.encoder.layer.3.output.dense.weight_quantized", "val_7")]
    ['embeddings', 'head', 'encoder', 'other']
    """
    if "embeddings" in name:
        return "embeddings"
    if any(part in name for part in ("encoder", "layer.", "layers.", "final_norm")):
        return "encoder"
    if any(part in name for part in ("classifier", "lm_head", "pooler", "score", "qa_outputs", "head.")):
        return "head"
    return "other"


def onnx_components(file: Path) -> dict[Component, int]:
    """Return the bytes of an ONNX model's initializers by component, scales and zero points included.

    An initializer whose name says nothing belongs where the node that reads it belongs.
    """
    try:
        with file.open("rb") as stream:
            sizes, nodes = _graph(stream, file.stat().st_size)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise InputError(f"{file}: not a readable ONNX model ({error}).") from error
    readers: dict[str, Component] = {}
    for node in nodes:
        component = component_of(node.name)
        if component == "other":  # a node without a telling name belongs where its other weights do
            near = [component_of(name) for name in node.inputs if component_of(name) != "other"]
            component = near[0] if near else "other"
        for name in node.inputs:
            if readers.get(name, "other") == "other":
                readers[name] = component
    totals: dict[Component, int] = dict.fromkeys(COMPONENTS, 0)
    for name, size in sizes.items():
        named = component_of(name)
        totals[readers.get(name, "other") if named == "other" else named] += size
    return totals


def by_component(sizes: Mapping[str, int]) -> dict[Component, int]:
    """Return the bytes by component.

    >>> by_component({"embeddings.word_embeddings.weight": 8, "classifier.bias": 2})
    {'embeddings': 8, 'encoder': 0, 'head': 2, 'other': 0}
    """
    totals: dict[Component, int] = dict.fromkeys(COMPONENTS, 0)
    for name, size in sizes.items():
        totals[component_of(name)] += size
    return totals


def _graph(stream: BinaryIO, end: int) -> tuple[dict[str, int], list[_Node]]:
    sizes: dict[str, int] = {}
    nodes: list[_Node] = []
    for number, _, graph_end in _fields(stream, end):
        if number != 7:  # ModelProto.graph
            continue
        for field, _, stop in _fields(stream, graph_end):
            if field == 1:
                nodes.append(_node(stream, stop))
            elif field == 5:  # GraphProto.initializer
                name, size = _tensor(stream, stop)
                sizes[name] = size
    return sizes, nodes


def _node(stream: BinaryIO, end: int) -> _Node:
    name, inputs = "", []
    for number, start, stop in _fields(stream, end):
        if number == 1:
            inputs.append(_text(stream, start, stop))
        elif number == 3:
            name = _text(stream, start, stop)
    return _Node(name, tuple(inputs))


def _tensor(stream: BinaryIO, end: int) -> tuple[str, int]:
    name, kind, dims = "", 0, []
    for number, start, stop in _fields(stream, end):
        if number == 1:
            dims += _integers(stream, start, stop)
        elif number == 2:
            (kind,) = _integers(stream, start, stop)
        elif number == 8:
            name = _text(stream, start, stop)
    return name, math.ceil(math.prod(dims) * BITS[kind] / 8)


def _fields(stream: BinaryIO, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (field number, start, end) of each field up to `end`; whatever is not read is skipped."""
    while stream.tell() < end:
        number, wire = divmod(_varint(stream), 8)
        start = stream.tell()
        if wire == _VARINT:
            _varint(stream)
            stop = stream.tell()
        elif wire == _BYTES:
            length = _varint(stream)
            start = stream.tell()
            stop = start + length
        elif wire in (_FIXED64, _FIXED32):
            stop = start + (8 if wire == _FIXED64 else 4)
        else:
            raise ValueError(f"wire type {wire} at byte {start}")
        if stop > end:
            raise ValueError(f"it ends at byte {end}, inside a field that ends at {stop}")
        stream.seek(start)
        yield number, start, stop
        stream.seek(stop)


def _varint(stream: BinaryIO) -> int:
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


def _integers(stream: BinaryIO, start: int, stop: int) -> list[int]:
    """Return the varints between two offsets: one plain field, or a packed list."""
    stream.seek(start)
    integers = []
    while stream.tell() < stop:
        integers.append(_varint(stream))
    return integers


def _text(stream: BinaryIO, start: int, stop: int) -> str:
    stream.seek(start)
    return stream.read(stop - start).decode("utf-8")
