"""Products with int8 weights whose activations are coded as they come.

onnxruntime's own quantizer writes a float32 scale and a zero point for every output channel, though the
weights are symmetric, and needs the types of all inner values, for which it writes the float model out and
reads it again. The graph here is the one that it makes, in the same operators, with nothing to spare: no
zero points, and scales of long rows in halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xpareto.compress.onnx import output_axis
from xpareto.compress.quantization import quantize_channels
from xpareto.compress.quantization.graph.embeddings import hollow

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

_HALVES_FROM = 256  # channels from which on halves save more than the node that casts them
_COARSER = 1 + 2**-8  # greatest ratio that a scale may grow by to be a half


def with_dynamic(
    model: ModelProto, nodes: Sequence[str], *, per_channel: bool = True, reduce_range: bool = False
) -> ModelProto:
    """Return the model with the named products (MatMul, Gemm) in int8: symmetric weights, u8 activations.

    y = x @ w becomes (codes of x, less their zero point) @ (codes of w), summed in integers, times the
    product of both scales. Products that read one value share its codes. `reduce_range`: 7-bit weights.
    A weight that another node reads stays beside its codes; a Gemm that scales or transposes its first
    factor stays in float. The model given is not changed.
    """
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    chosen = set(nodes)
    coded: dict[str, str] = {}  # weight -> name of its float32 scales
    sources: set[str] = set()
    kept_uses: set[str] = {output.name for output in model.graph.output}
    made = hollow(model)
    for node in model.graph.node:
        if node.name not in chosen or not _plain(node):
            made.graph.node.add().CopyFrom(node)
            kept_uses.update(node.input)
            continue
        source, weight = node.input[0], node.input[1]
        kept_uses.update(node.input[2:])
        if source not in sources:
            sources.add(source)
            made.graph.node.append(_coding(source))
        if weight not in coded:
            tensors, casts, coded[weight] = _coded(
                weights[weight], node, per_channel, 7 if reduce_range else 8
            )
            made.graph.initializer.extend(tensors)
            made.graph.node.extend(casts)
        made.graph.node.extend(_product(node, coded[weight]))
    for name, tensor in weights.items():
        if name not in coded or name in kept_uses:
            made.graph.initializer.add().CopyFrom(tensor)
    return made


def half_scales(scales: np.ndarray) -> np.ndarray | None:
    """Return float32 scales that halves hold exactly, none below its own; None where one would grow too much.

    >>> scales = np.array([0.001, 0.25], np.float32)
    >>> half_scales(scales).tolist(), half_scales(np.array([1e-7], np.float32))
    ([0.0010004043579101562, 0.25], None)
    """
    with np.errstate(over="ignore"):
        halves = scales.astype(np.float16)
        low = halves.astype(np.float32) < scales
        halves[low] = np.nextafter(halves[low], np.float16(np.inf))
    made = halves.astype(np.float32)
    return made if (made <= scales * np.float32(_COARSER)).all() else None


def _plain(node: NodeProto) -> bool:
    return node.op_type == "MatMul" or all(
        {"alpha": one.f == 1, "beta": one.f == 1, "transA": one.i == 0}.get(one.name, True)
        for one in node.attribute
    )


def _coding(source: str) -> NodeProto:
    from onnx.helper import make_node

    outputs = [f"{source}_codes", f"{source}_scale", f"{source}_zero_point"]
    return make_node("DynamicQuantizeLinear", [source], outputs, f"{source}/Quantize")


def _coded(
    tensor: TensorProto, node: NodeProto, per_channel: bool, bits: int
) -> tuple[list[TensorProto], list[NodeProto], str]:
    """Return the codes (inputs, outputs) and scales of a weight, what casts them, and their float32 name."""
    from onnx import TensorProto, numpy_helper
    from onnx.helper import make_node

    weight = numpy_helper.to_array(tensor)
    weight = np.ascontiguousarray(weight.T) if output_axis(node) == 0 else weight
    axis = weight.ndim - 1 if per_channel else None
    codes, scale = quantize_channels(weight, axis, bits)
    halves = half_scales(scale) if scale.size >= _HALVES_FROM else None
    name = f"{tensor.name}_scale"
    casts: list[NodeProto] = []
    if halves is None:
        stored, used = scale, name
    else:
        codes, _ = quantize_channels(weight, axis, bits, halves)
        stored, used = halves.astype(np.float16), f"{name}_float"
        # All of its inputs are constant, so a runtime does this once, when it loads the model.
        casts = [make_node("Cast", [name], [used], f"{name}/Cast", to=TensorProto.FLOAT)]
    return (
        [
            numpy_helper.from_array(codes, f"{tensor.name}_quantized"),
            numpy_helper.from_array(stored, name),
        ],
        casts,
        used,
    )


def _product(node: NodeProto, scales: str) -> list[NodeProto]:
    """Return the nodes that give a product's output, of the codes of its factors and the weight's scales."""
    from onnx import TensorProto
    from onnx.helper import make_node as make

    source, weight, out = node.input[0], node.input[1], node.output[0]
    biased = len(node.input) > 2 and node.input[2] != ""
    scaled_output = f"{out}_product" if biased else out
    factors = [f"{source}_codes", f"{weight}_quantized", f"{source}_zero_point"]
    made = [
        make("MatMulInteger", factors, [f"{out}_sum"], f"{node.name}_integer"),
        make("Cast", [f"{out}_sum"], [f"{out}_sum_float"], f"{node.name}_cast", to=TensorProto.FLOAT),
        make("Mul", [f"{source}_scale", scales], [f"{out}_step"], f"{node.name}_step"),
        make("Mul", [f"{out}_sum_float", f"{out}_step"], [scaled_output], f"{node.name}_scaled"),
    ]
    if biased:
        made.append(make("Add", [scaled_output, node.input[2]], [out], f"{node.name}_bias"))
    return made
