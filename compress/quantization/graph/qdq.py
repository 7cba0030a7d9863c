"""Products in 8 bits in a graph: QuantizeLinear and DequantizeLinear around chosen nodes only.

onnxruntime's own quantizer needs the types of all inner values, codes biases in 32 bits at the cost of
altered weight scales, and gives a tensor one range for all its readers. Here nothing but the two factors
of a product is coded; its output, the bias after it and all else stay float32, so that onnxruntime
computes MatMulIntegerToFloat and no dequantize node is left over. Only a Gemm's bias, which is part of the
node, is coded as well, in 32 bits: onnxruntime has no integer kernel for it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xpareto.compress.onnx import drop_unused, output_axis
from xpareto.compress.quantization import Affine, quantize_channels
from xpareto.compress.quantization.graph.embeddings import know

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_LARGEST_BIAS = 2**30  # in steps: 32-bit codes, with room for the sum
_CONTRIB = "com.microsoft"  # ONNX knows 16-bit codes from operator set 21 on


def with_qdq(
    model: ModelProto,
    inputs: Mapping[str, Affine | None],
    *,
    per_channel: bool = True,
    weight_bits: int = 8,
    least: Mapping[str, np.ndarray] | None = None,
) -> ModelProto:
    """Return a model in which the named products have int8 weights and coded inputs.

    `inputs` gives each product's name the codes of its first factor, None where that stays float.
    Products that read one tensor with the same codes share its QuantizeLinear. A weight that another
    node reads stays beside its codes. `least` gives scales (outputs,) that a product's weight has at
    least. The model given is not changed.
    """
    from onnx import ModelProto, numpy_helper
    from onnx.helper import make_node as make

    made = ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    coded: dict[str, str] = {}  # weight or bias -> its dequantized value
    scales: dict[str, np.ndarray] = {}  # of the coded weights
    shared: dict[tuple[str, Affine], str] = {}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.name not in inputs:
            nodes.append(node)
            continue
        source, weight = node.input[0], node.input[1]
        codes = inputs[node.name]
        if codes is not None and (source, codes) not in shared:
            name = f"{source}_{codes.bits}bit" + (
                f"_{len(shared)}" if any(key[0] == source for key in shared) else ""
            )
            shared[source, codes] = f"{name}_dequantized"
            kind = np.uint8 if codes.bits == 8 else np.uint16
            parameters = [f"{name}_scale", f"{name}_zero_point"]
            values = [np.array(codes.scale, np.float32), np.array(codes.zero_point, kind)]
            graph.initializer.extend(
                numpy_helper.from_array(value, key) for key, value in zip(parameters, values, strict=True)
            )
            domain = "" if codes.bits == 8 else _CONTRIB
            nodes += [
                make("QuantizeLinear", [source, *parameters], [f"{name}_codes"], f"{name}/Quantize", domain=domain),
                make(
                    "DequantizeLinear", [f"{name}_codes", *parameters], [shared[source, codes]],
                    f"{name}/Dequantize", domain=domain,
                ),
            ]  # fmt: skip
        bias = node.input[2] if node.op_type == "Gemm" and len(node.input) > 2 and codes is not None else ""
        vector = numpy_helper.to_array(weights[bias]) if bias in weights else None
        if weight not in coded:
            axis = output_axis(node) if per_channel else None
            floor = 0.0 if vector is None or codes is None else np.abs(vector) / (codes.scale * _LARGEST_BIAS)
            floor = np.maximum(floor, (least or {}).get(node.name, 0.0))
            values = _coded(numpy_helper.to_array(weights[weight]), axis, weight_bits, floor)
            scales[weight] = values[1]
            parameters = [f"{weight}_quantized", f"{weight}_scale", f"{weight}_zero_point"]
            graph.initializer.extend(
                numpy_helper.from_array(value, key) for key, value in zip(parameters, values, strict=True)
            )
            coded[weight] = f"{weight}_dequantized"
            where: dict[str, Any] = {} if axis is None else {"axis": axis}
            nodes.append(
                make("DequantizeLinear", parameters, [coded[weight]], f"{weight}/Dequantize", **where)
            )
        changed = type(node)()
        changed.CopyFrom(node)
        changed.input[1] = coded[weight]
        if codes is not None:
            changed.input[0] = shared[source, codes]
        if vector is not None and codes is not None:
            scale = scales[weight] * np.float32(codes.scale)
            whole = np.rint(vector / scale).astype(np.int32)
            parameters = [f"{bias}_quantized", f"{bias}_scale"]
            graph.initializer.extend(
                numpy_helper.from_array(value, key)
                for key, value in zip(parameters, (whole, scale), strict=True)
            )
            changed.input[2] = f"{bias}_dequantized"
            where = {} if scale.ndim == 0 else {"axis": 0}
            coded[bias] = changed.input[2]
            nodes.append(make("DequantizeLinear", parameters, [coded[bias]], f"{bias}/Dequantize", **where))
        nodes.append(changed)
    _replace(made, nodes, coded)
    if any(codes is not None and codes.bits != 8 for codes in inputs.values()):
        know(made, _CONTRIB)
    return made


def _coded(weight: np.ndarray, axis: int | None, bits: int, least: np.ndarray | float) -> list[np.ndarray]:
    codes, scale = quantize_channels(weight, axis, bits, least)
    return [codes, scale, np.zeros(scale.shape, np.int8)]


def _replace(model: ModelProto, nodes: list[NodeProto], coded: Mapping[str, str]) -> None:
    """Put the nodes in; drop the coded weights that nothing reads any more."""
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    drop_unused(model, coded)
