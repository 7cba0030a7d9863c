"""Products of weights alone, worked out once instead of at every call.

DeBERTa's attention multiplies its relative positions with the matrices of queries and keys in every layer. That depends
on no input, and the exporter's own folding stops at the layer norm before it. Left in the graph, quantization would
take such a product for one of activations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx
    import onnx_ir

_PRODUCTS = ("MatMul", "Gemm")


def fold_constant_products(program: onnx_ir.Model) -> int:
    """Replace, in place, what products of weights alone lead to by its value; return how many values these were.

    A value is folded where nodes that depend on an input read it. Arithmetic is numpy's, in the weights' precision.
    """
    import onnx_ir
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    constant, products = _constant_values(program.graph)
    users = {value: {id(node) for node, _ in value.uses()} for value in products}
    inner = {id(value.producer()) for value in constant}
    wanted = [value for value in products if users[value] - inner or value in program.graph.outputs]
    if not wanted:
        return 0
    for value, array in zip(wanted, _worked_out(wanted), strict=True):
        made = onnx_ir.Value(name=value.name, const_value=onnx_ir.Tensor(array, name=value.name))
        made.shape, made.type = onnx_ir.Shape(array.shape), onnx_ir.TensorType(onnx_ir.DataType.FLOAT)
        value.name = f"{made.name}_unfolded"
        program.graph.initializers[str(made.name)] = made
        value.replace_all_uses_with(made, replace_graph_outputs=True)
    RemoveUnusedNodesPass()(program)
    return len(wanted)


def _constant_values(graph: onnx_ir.Graph) -> tuple[set[onnx_ir.Value], list[onnx_ir.Value]]:
    """Return the values that no input reaches, and those of them that a product leads to, in order."""
    constant = set(graph.initializers.values())
    through: dict[onnx_ir.Value, bool] = dict.fromkeys(constant, False)
    products = []
    for node in graph:
        given = [value for value in node.inputs if value is not None]
        if not all(value in constant for value in given):
            continue
        led = node.op_type in _PRODUCTS or any(through[value] for value in given)
        for value in node.outputs:
            constant.add(value)
            through[value] = led
            products += [value] if led else []
    return constant, products


def _worked_out(wanted: Iterable[onnx_ir.Value]) -> list[np.ndarray]:
    """Return the arrays of constant values."""
    import onnx
    import onnx_ir
    from onnx.reference import ReferenceEvaluator

    wanted = list(wanted)
    nodes: dict[int, onnx_ir.Node] = {}
    weights: dict[str, onnx_ir.Value] = {}
    stack = list(wanted)
    while stack:
        value = stack.pop()
        node = value.producer()
        if node is None:
            weights[str(value.name)] = value
        elif id(node) not in nodes:
            nodes[id(node)] = node
            stack += [given for given in node.inputs if given is not None]
    graph = wanted[0].producer().graph  # type: ignore[union-attr]
    in_order = [node for node in graph if id(node) in nodes]  # type: ignore[union-attr]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx_ir.to_proto(node) for node in in_order],
            "constants",
            [],
            [onnx.helper.make_empty_tensor_value_info(str(value.name)) for value in wanted],
            [_named(value.const_value, name) for name, value in weights.items()],
        ),
        opset_imports=[onnx.helper.make_opsetid("", graph.opset_imports[""])],  # type: ignore[union-attr]
    )
    return [np.asarray(array) for array in ReferenceEvaluator(model).run(None, {})]


def _named(tensor: onnx_ir.TensorProtocol | None, name: str) -> onnx.TensorProto:
    import onnx_ir

    assert tensor is not None, name
    proto: onnx.TensorProto = onnx_ir.to_proto(tensor)
    proto.name = name  # the value's, which may have been given another one since
    return proto
