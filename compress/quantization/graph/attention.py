"""Attention's own products in 8 bits: of queries and keys, and of probabilities and values.

Both factors are activations. Their codes are signed and symmetric, as OpenVINO's integer attention wants them;
probabilities lie between 0 and 1 whatever the data are, so that their codes need none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xpareto.compress.onnx import Product

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_VIEWS = ("Reshape", "Transpose")
_TOP, _UNSIGNED_TOP = 127, 255


@dataclass(frozen=True)
class Factor:
    """A factor of attention's product: the name of a value, and the node and place of its inputs where it is read."""

    value: str
    reader: str
    place: int
    probabilities: bool = False


def attention_factors(model: ModelProto, products: Mapping[str, Product]) -> dict[str, tuple[Factor, Factor]]:
    """Return both factors of attention's products by node name, in order.

    Queries, keys and values are found where they are (batch, length, width): behind a product with a weight and its
    bias, before heads are told apart. A product with a factor that is something else, such as one with rotary
    positions, is left out.
    """
    makers = {output: node for node in model.graph.node for output in node.output}
    weights = {tensor.name for tensor in model.graph.initializer}
    projected = {
        output
        for node in model.graph.node
        for output in node.output
        if node.name in products or (node.op_type == "Add" and _adds_a_bias(node, makers, products, weights))
    }
    found = {}
    for node in model.graph.node:
        if node.op_type != "MatMul" or weights & set(node.input):
            continue
        left, right = (_factor(node, place, makers, projected) for place in (0, 1))
        if left is not None and right is not None and not right.probabilities:
            found[node.name] = left, right
    return found


def _adds_a_bias(
    node: NodeProto, makers: Mapping[str, NodeProto], products: Mapping[str, Product], weights: set[str]
) -> bool:
    others = [name for name in node.input if name not in weights]
    return len(others) == 1 and others[0] in makers and makers[others[0]].name in products


def _factor(
    node: NodeProto, place: int, makers: Mapping[str, NodeProto], projected: set[str]
) -> Factor | None:
    value = node.input[place]
    if value in makers and makers[value].op_type == "Softmax":
        return Factor(value, node.name, place, probabilities=True)
    while value not in projected and value in makers and makers[value].op_type in _VIEWS:
        node, place = makers[value], 0
        value = node.input[0]
    return Factor(value, node.name, place) if value in projected else None


def with_coded_attention(
    model: ModelProto, factors: Mapping[str, tuple[Factor, Factor]], peaks: Mapping[str, float]
) -> ModelProto:
    """Return a model whose attention multiplies codes; `peaks` gives each value's greatest magnitude that they cover.

    A value that several products read is coded once. Where what attention gives is coded for the product behind it,
    it is so before heads are put together: OpenVINO then does it inside attention. The model given is not changed.
    """
    from onnx import ModelProto

    made = ModelProto()
    made.CopyFrom(model)
    nodes = {node.name: node for node in made.graph.node}
    coded: dict[str, list[NodeProto]] = {}
    for factor in (one for pair in factors.values() for one in pair):
        if factor.value not in coded:
            coded[factor.value] = list(_coding(made, factor, peaks.get(factor.value, 1.0)))
        nodes[factor.reader].input[factor.place] = coded[factor.value][-1].output[0]
    moved = _code_before_views(made, {pair[0].reader for pair in factors.values() if pair[0].probabilities})
    coded |= moved
    gone = {node.name for pair in moved.values() for node in pair}
    placed = [
        each
        for node in made.graph.node
        if node.name not in gone
        for each in (node, *(n for o in node.output for n in coded.get(o, ())))
    ]
    copies = [type(node).FromString(node.SerializeToString()) for node in placed]
    del made.graph.node[:]
    made.graph.node.extend(copies)
    return made


def _code_before_views(model: ModelProto, attending: Collection[str]) -> dict[str, list[NodeProto]]:
    """Let what the attending products give be coded as it is, not behind the views of it; return the nodes by value."""
    makers = {output: node for node in model.graph.node for output in node.output}
    readers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    moved = {}
    for node in model.graph.node:
        views: list[NodeProto] = []
        value = node.input[0] if node.op_type == "QuantizeLinear" else ""
        while value in makers and makers[value].op_type in _VIEWS and len(readers[value]) == 1:
            views.append(makers[value])
            value = views[-1].input[0]
        if not views or value not in makers or makers[value].name not in attending:
            continue
        (dequantize,) = readers[node.output[0]]
        decoded, early = dequantize.output[0], f"{value}_dequantized"
        node.input[0], dequantize.output[0], views[-1].input[0] = value, early, early
        for reader in readers[decoded]:
            reader.input[list(reader.input).index(decoded)] = views[0].output[0]
        moved[value] = [node, dequantize]
    return moved


def _coding(model: ModelProto, factor: Factor, peak: float) -> Iterator[NodeProto]:
    """Yield the two nodes that code a value and decode it, their numbers put into the model."""
    from onnx import helper, numpy_helper

    top, kind = (_UNSIGNED_TOP, np.uint8) if factor.probabilities else (_TOP, np.int8)
    name = f"{factor.value}_attention"
    scale, zero = f"{name}_scale", f"{name}_zero_point"
    tiny = np.finfo(np.float32).tiny
    step = np.float32(peak / top) if peak / top >= tiny else np.float32(1)
    model.graph.initializer.append(numpy_helper.from_array(np.array(step, np.float32), scale))
    model.graph.initializer.append(numpy_helper.from_array(np.array(0, kind), zero))
    codes, decoded = f"{name}_codes", f"{name}_dequantized"
    yield helper.make_node("QuantizeLinear", [factor.value, scale, zero], [codes], f"{name}/Quantize")
    yield helper.make_node("DequantizeLinear", [codes, scale, zero], [decoded], f"{name}/Dequantize")
