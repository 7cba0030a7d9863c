"""Add a vector to the bias behind a product of an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from xpareto.compress.onnx import drop_unused

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


def add_to_biases(model: ModelProto, vectors: Mapping[str, np.ndarray]) -> None:
    """Change the model in place: what the named products give moves by a vector (outputs,) each.

    A product without a bias gets one. A bias that serves several nodes is copied first.
    """
    from onnx import numpy_helper
    from onnx.helper import make_node

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    uses: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            uses.setdefault(name, []).append(node)
    outputs = {value.name for value in model.graph.output}
    added: list[tuple[NodeProto, NodeProto]] = []
    for node in list(model.graph.node):
        if node.name not in vectors:
            continue
        vector = vectors[node.name]
        holder, place = _bias_of(node, uses, weights, outputs)
        bias = numpy_helper.to_array(weights[holder.input[place]]) if holder is not None else None
        # float64 up to the one rounding of the sum
        value = (vector if bias is None else bias.astype(np.float64) + vector).astype(np.float32)
        name = f"{node.name}_corrected_bias"
        model.graph.initializer.append(numpy_helper.from_array(value, name))
        if holder is not None:
            holder.input[place] = name
        elif node.op_type == "Gemm":
            node.input.append(name)
        else:
            inner, outer = f"{node.output[0]}_uncorrected", node.output[0]
            node.output[0] = inner
            added.append((node, make_node("Add", [inner, name], [outer], f"{node.name}_bias")))
    for node, add in added:
        at = [entry.name for entry in model.graph.node].index(node.name)
        model.graph.node.insert(at + 1, add)
    drop_unused(model, weights.keys() & uses.keys())


def _bias_of(
    node: NodeProto, uses: Mapping[str, list[NodeProto]], weights: Mapping[str, object], outputs: set[str]
) -> tuple[NodeProto | None, int]:
    """Return the node that adds the product's bias and which input of it the bias is."""
    if node.op_type == "Gemm":
        return (node, 2) if len(node.input) > 2 and node.input[2] in weights else (None, 0)
    readers = uses.get(node.output[0], [])
    if len(readers) == 1 and readers[0].op_type == "Add" and node.output[0] not in outputs:
        for place, name in enumerate(readers[0].input):
            if name in weights:
                return readers[0], place
    return None, 0
