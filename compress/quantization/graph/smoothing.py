"""Divide a value of an ONNX graph by a vector and multiply the weights that read it by the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from xpareto.compress.onnx import Product, output_axis, readers

if TYPE_CHECKING:
    from onnx import ModelProto

Kind = Literal["norm", "attention", "ffn", "other"]


@dataclass(frozen=True)
class Site:
    """A value that products read: what it is, who reads it, and the value projection where it can hide."""

    kind: Kind
    products: tuple[str, ...]
    folded_into: str | None = None  # the product whose outputs are divided; None: a Mul is put in


def find_sites(model: ModelProto, products: Mapping[str, Product]) -> dict[str, Site]:
    """Return the sites by the name of the value, in the order of the graph.

    norm: the output of a layer norm, read by query, key and value or by the first FFN product.
    attention: the heads' outputs; every channel of them is a mean over tokens of the same channel of
    the values, so that the division is folded into the value projection. ffn: the second FFN input.
    """
    made_by = {out: node.op_type for node in model.graph.node for out in node.output}
    sites = {}
    for value, names in readers(products).items():
        first = names[0]
        if made_by.get(value) == "LayerNormalization":
            sites[value] = Site("norm", tuple(names))
        elif first.endswith("attention.output.dense/MatMul"):
            source = first.replace("attention.output.dense", "attention.self.value")
            fits = source in products and products[source].weight.shape[1] == products[first].weight.shape[0]
            sites[value] = Site("attention", tuple(names), source if fits else None)
        elif first.endswith(".output.dense/MatMul"):
            sites[value] = Site("ffn", tuple(names))
        else:
            sites[value] = Site("other", tuple(names))
    return sites


def smooth(model: ModelProto, sites: Mapping[str, Site], scales: Mapping[str, np.ndarray]) -> None:
    """Change the model in place: each value is divided by its scales (channels,), its weights multiplied.

    What the model computes stays the same up to rounding. A layer norm of XLM-R also feeds the residual
    sum, and GELU is not linear, so their division is a Mul in front of the products; the residual sum
    keeps the undivided value.
    """
    from onnx import helper, numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = {node.name: node for node in model.graph.node}
    for value, vector in scales.items():
        site = sites[value]
        for name in site.products:
            tensor = weights[nodes[name].input[1]]
            shape = (1, -1) if output_axis(nodes[name]) == 0 else (-1, 1)
            _multiply(tensor, vector.reshape(shape))
        if site.folded_into is not None:
            projection = nodes[site.folded_into]
            _multiply(weights[projection.input[1]], (1 / vector)[None, :])
            for bias in _bias_of(model, projection.output[0], weights):
                _multiply(weights[bias], 1 / vector)
            continue
        name, divided = f"{value}_smoothing", f"{value}_smooth"
        model.graph.initializer.append(numpy_helper.from_array((1 / vector).astype(np.float32), name))
        for product in site.products:
            nodes[product].input[0] = divided
        at = [node.name for node in model.graph.node].index(site.products[0])
        model.graph.node.insert(at, helper.make_node("Mul", [value, name], [divided], f"{value}/Smooth"))


def shared_weights(model: ModelProto, products: Sequence[str]) -> set[str]:
    """Return the products whose weight another node reads as well: these cannot be smoothed."""
    uses: dict[str, int] = {}
    for node in model.graph.node:
        for name in node.input:
            uses[name] = uses.get(name, 0) + 1
    nodes = {node.name: node for node in model.graph.node}
    return {name for name in products if uses[nodes[name].input[1]] > 1}


def _bias_of(model: ModelProto, value: str, weights: Mapping[str, object]) -> list[str]:
    adds = [node for node in model.graph.node if node.op_type == "Add" and value in node.input]
    return [name for node in adds for name in node.input if name in weights]


def _multiply(tensor: object, by: np.ndarray) -> None:
    from onnx import TensorProto, numpy_helper

    assert isinstance(tensor, TensorProto)
    value = (numpy_helper.to_array(tensor) * by).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
