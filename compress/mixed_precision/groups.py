"""An ONNX encoder in several precisions at once: its groups, what each costs, and how it is built."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from xpareto.compress.onnx import weight_products
from xpareto.compress.quantization import Affine
from xpareto.compress.quantization.graph import (
    embedding_nodes,
    hollow,
    table_nodes,
    with_blocks,
    with_dynamic,
    with_qdq,
    with_rows,
)

if TYPE_CHECKING:
    from onnx import ModelProto

FLOAT = "float"
EMBEDDINGS = "embeddings"
Products = Literal["static", "dynamic", "int8", "int4"]
Embeddings = Literal["int8", "int4"]

_LAYER = re.compile(r"(?:^|\.)layers?\.(\d+)\.(att(?:entio)?n\.)?")
_BLOCK = 32


@dataclass(frozen=True)
class Group:
    """Nodes that share a precision: the products of a layer's attention or FFN, or the embeddings."""

    name: str
    nodes: tuple[str, ...]
    shapes: tuple[tuple[int, int], ...]  # (inputs, outputs) of the products, (rows, width) of tables

    @property
    def weights(self) -> int:
        """Count of all weights: of products also their multiplications per token."""
        return sum(first * second for first, second in self.shapes)


def groups_of(model: ModelProto) -> list[Group]:
    """Return the groups of a model in the order of the graph, the embeddings first.

    Products outside the layers (the head, a projection of factorised embeddings) stay in float: they
    are small, and of these the head is what an error reaches at once.
    """
    tables = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    nodes = {node.name: node for node in model.graph.node}
    lookups = table_nodes(model)
    members_by_group: dict[str, list[tuple[str, tuple[int, int]]]] = {}
    for name in lookups:
        rows, width = tables[nodes[name].input[0]]
        members_by_group.setdefault(EMBEDDINGS, []).append((name, (rows, width)))
    for name, product in weight_products(model).items():
        match = _LAYER.search(name)
        if match:
            inputs, outputs = product.weight.shape
            group_name = f"layer {match[1]} {'attention' if match[2] else 'ffn'}"
            members_by_group.setdefault(group_name, []).append((name, (inputs, outputs)))
    return [
        Group(name, tuple(node for node, _ in parts), tuple(shape for _, shape in parts))
        for name, parts in members_by_group.items()
    ]


def weight_bytes(group: Group, precision: str) -> int:
    """Return the bytes of a group's weights with their scales; of positions beside int4 words as if int4, too.

    >>> weight_bytes(Group("layer 0 ffn", ("a",), ((64, 10),)), "static")
    680
    >>> weight_bytes(Group("embeddings", ("a",), ((100, 64),)), "int4")
    4000
    """
    total = 0
    for first, second in group.shapes:
        scales = first if group.name == EMBEDDINGS else second
        if precision == FLOAT:
            total += 4 * first * second
        elif precision == "int4" or (precision == "int8" and group.name != EMBEDDINGS):
            along = second if group.name == EMBEDDINGS else first
            blocks = -(-along // _BLOCK) * scales
            total += first * second // (2 if precision == "int4" else 1) + 4 * blocks
        else:
            total += first * second + 4 * scales
    return total


def costs_of(
    groups: Sequence[Group],
    precisions: Mapping[str, Iterable[str]],
    milliseconds: Mapping[str, float],
    latency_share: float,
) -> dict[str, dict[str, float]]:
    """Return group -> precision -> cost: a weighted sum of bytes and time, both over the float model's.

    `milliseconds`: of the whole model with all its products in a precision; a group's part in the
    difference to float is its part in the multiplications. Looking embeddings up takes no time to speak of.
    """
    bytes_all = sum(weight_bytes(group, FLOAT) for group in groups)
    work_all = sum(group.weights for group in groups if group.name != EMBEDDINGS)
    costs_by_group: dict[str, dict[str, float]] = {}
    for group in groups:
        group_costs = costs_by_group.setdefault(group.name, {})
        for precision in precisions[group.name]:
            size = weight_bytes(group, precision) / bytes_all
            time = 0.0
            if latency_share and group.name != EMBEDDINGS:
                time = milliseconds[precision] / milliseconds[FLOAT] * group.weights / work_all
            group_costs[precision] = (1 - latency_share) * size + latency_share * time
    return costs_by_group


def in_precisions(
    model: ModelProto,
    groups: Sequence[Group],
    assignment: Mapping[str, str],
    codes: Mapping[str, Affine],
    *,
    reduce_range: bool,
) -> ModelProto:
    """Return a model with each group in its precision; `codes` are those of the static products' inputs.

    The model given is not changed.
    """
    from onnx import ModelProto

    chosen: dict[str, list[str]] = {}
    made = ModelProto()
    made.CopyFrom(model)
    for group in groups:
        precision = assignment[group.name]
        if group.name == EMBEDDINGS:
            made = with_rows(made, group.nodes, precision, _BLOCK, own_scales=True)  # type: ignore[arg-type]
        else:
            chosen.setdefault(precision, []).extend(group.nodes)
    # The dynamic quantizer wants to see plain products only, so it goes first.
    if chosen.get("dynamic"):
        made = with_dynamic(made, chosen["dynamic"], reduce_range=reduce_range)
    if chosen.get("static"):
        inputs = {name: codes[name] for name in chosen["static"]}
        made = with_qdq(made, inputs, weight_bits=7 if reduce_range else 8)
    for name, bits in (("int8", 8), ("int4", 4)):
        if chosen.get(name):
            made = with_blocks(made, chosen[name], bits, _BLOCK, symmetric=True, accuracy_level=4)
    return made


def table_rows(model: ModelProto) -> int:
    """Return the number of rows of the looked-up table; 0 where none is float32."""
    nodes = {node.name: node for node in model.graph.node}
    names = {nodes[name].input[0] for name in embedding_nodes(model)}
    return max((tensor.dims[0] for tensor in model.graph.initializer if tensor.name in names), default=0)


def with_kept_rows(model: ModelProto, kept: np.ndarray) -> ModelProto:
    """Return a model whose looked-up tables have the kept rows only, in this order.

    Each row is coded by itself, so that on ids that count in kept rows every mix gives what it would
    give with the whole table. The model given is not changed.
    """
    from onnx import numpy_helper

    nodes = {node.name: node for node in model.graph.node}
    names = {nodes[name].input[0] for name in embedding_nodes(model)}
    made = hollow(model)
    made.graph.node.extend(model.graph.node)
    for tensor in model.graph.initializer:
        if tensor.name in names:
            rows = np.ascontiguousarray(numpy_helper.to_array(tensor)[kept])
            made.graph.initializer.append(numpy_helper.from_array(rows, tensor.name))
        else:
            made.graph.initializer.add().CopyFrom(tensor)
    return made
