"""Weights of an ONNX graph: which products use them, and how large they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from xpareto.compress.core import InputError, hint

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_HEADS = {"classifier", "qa", "pooler", "head"}


@dataclass(frozen=True)
class Product:
    """A product with a weight: its operator, the value it reads, and the weight as (inputs, outputs)."""

    operator: str
    source: str
    weight: np.ndarray


def product_nodes(model: ModelProto) -> list[str]:
    """Return the names of the MatMul and Gemm nodes whose second factor is a weight."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights
    ]


def output_axis(node: NodeProto) -> int:
    """Return the axis of a product's weight that its output channels lie on."""
    transposed = any(entry.name == "transB" and entry.i for entry in node.attribute)
    return 0 if node.op_type == "Gemm" and transposed else 1


def weight_products(model: ModelProto) -> dict[str, Product]:
    """Return the products of an activation and a float32 matrix by node name, in order."""
    from onnx import TensorProto, numpy_helper

    weights = {
        tensor.name: tensor
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 2
    }
    products = {}
    for node in model.graph.node:
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights and node.input[0] not in weights:
            weight = numpy_helper.to_array(weights[node.input[1]])
            weight = weight.T if output_axis(node) == 0 else weight
            products[node.name] = Product(node.op_type, node.input[0], weight)
    return products


def readers(products: Mapping[str, Product]) -> dict[str, list[str]]:
    """Return the names of the products that read each value, by value, in order.

    >>> weight = np.ones((1, 1), np.float32)
    >>> readers({"a": Product("MatMul", "x", weight), "b": Product("MatMul", "x", weight)})
    {'x': ['a', 'b']}
    """
    readers_by_value: dict[str, list[str]] = {}
    for name, product in products.items():
        readers_by_value.setdefault(product.source, []).append(name)
    return readers_by_value


def drop_unused(model: ModelProto, names: Iterable[str]) -> None:
    """Remove those of the named weights that no node reads any more."""
    wanted = set(names)
    used = {name for node in model.graph.node for name in node.input}
    for at in reversed(range(len(model.graph.initializer))):
        name = model.graph.initializer[at].name
        if name in wanted and name not in used:
            del model.graph.initializer[at]


def match_nodes(patterns: Iterable[str], names: Iterable[str], field: str) -> list[str]:
    """Return the names that any glob pattern matches, in order; InputError when one matches none.

    >>> match_nodes(["*.query/*"], ["a.query/MatMul", "a.key/MatMul"], "exclude_nodes")
    ['a.query/MatMul']
    """
    known = list(names)
    matched: set[str] = set()
    for pattern in patterns:
        hits = {name for name in known if fnmatchcase(name, pattern)}
        if not hits:
            raise InputError(
                f'{field}: the pattern "{pattern}" matches no node that would be quantized.'
                f"{hint(pattern.replace('*', ''), known)} Found {len(known)} such nodes, among them: "
                f"{', '.join(known[:3] + known[-3:])}."
            )
        matched |= hits
    return [name for name in known if name in matched]


def component_bytes(model: ModelProto) -> dict[str, int]:
    """Return the bytes of the weights by component: embeddings, encoder, head."""
    from onnx import helper

    sizes = {"embeddings": 0, "encoder": 0, "head": 0}
    for tensor in model.graph.initializer:
        count = int(np.prod(tensor.dims, dtype=np.int64))
        size = count * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        sizes[_component(tensor.name)] += size
    return sizes


def _component(name: str) -> str:
    """Return the component of a weight by its name in a model, whatever the architecture calls its body.

    >>> [_component(n) for n in ("roberta.embeddings.LayerNorm.bias", "layers.0.attn.Wqkv.weight", "pooler.dense.bias",
    ...                          "classifier.out_proj.weight_quantized", "val_3")]
    ['embeddings', 'encoder', 'head', 'head', 'encoder']
    """
    parts = {part.split("_")[0] for part in name.split(".")[:2]}
    if "embeddings" in parts:
        return "embeddings"
    return "head" if parts & _HEADS and not parts & {"encoder", "layers"} else "encoder"
