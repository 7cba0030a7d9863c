"""Weights of products in blocks of few bits, or in halves; activations stay float32."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xpareto.compress.onnx import drop_unused, output_axis
from xpareto.compress.quantization.graph.embeddings import half

if TYPE_CHECKING:
    from onnx import ModelProto


def with_blocks(
    model: ModelProto, nodes: Sequence[str], bits: int, block_size: int, symmetric: bool, accuracy_level: int
) -> ModelProto:
    """Return a model whose named products are MatMulNBits, by onnxruntime's own quantizer.

    A block is `block_size` consecutive inputs of one output channel, with a float32 scale and, unless
    symmetric, a zero point. A Gemm becomes a MatMul with its bias behind it first. May change the
    model given.
    """
    _as_matmuls(model, nodes)
    with _quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        chosen = set(nodes)
        others = [node.name for node in model.graph.node if node.name not in chosen]
        quantizer = MatMulNBitsQuantizer(
            model,
            bits=bits,
            block_size=block_size,
            is_symmetric=symmetric,
            accuracy_level=accuracy_level,
            nodes_to_exclude=others,
        )
        quantizer.process()
    made: ModelProto = quantizer.model.model
    return made


def with_halves(model: ModelProto, nodes: Sequence[str], kind: str) -> None:
    """Change the model in place: the named products' weights are stored as fp16 or bf16.

    A Cast gives them back as float32, which onnxruntime does once, when it loads the model: the file is
    half as large, memory and speed are those of float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    chosen, done = set(nodes), set()
    for node in list(model.graph.node):
        if node.name not in chosen:
            continue
        name = node.input[1]
        node.input[1] = f"{name}_float"
        if name in done:
            continue
        done.add(name)
        value = numpy_helper.to_array(weights[name]).astype(half(kind))
        code = helper.np_dtype_to_tensor_dtype(value.dtype)
        model.graph.initializer.append(
            helper.make_tensor(f"{name}_{kind}", code, value.shape, value.tobytes(), raw=True)
        )
        cast = helper.make_node(
            "Cast", [f"{name}_{kind}"], [f"{name}_float"], f"{name}/Cast", to=TensorProto.FLOAT
        )
        model.graph.node.insert(0, cast)
    drop_unused(model, done)


def _as_matmuls(model: ModelProto, nodes: Sequence[str]) -> None:
    """Turn the named Gemms into MatMuls of the same name, with their biases added behind."""
    from onnx import helper, numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    chosen, dropped = set(nodes), set()
    for at in reversed(range(len(model.graph.node))):
        node = model.graph.node[at]
        if node.name not in chosen or node.op_type != "Gemm":
            continue
        (source, weight), bias, out = node.input[:2], list(node.input[2:]), node.output[0]
        if output_axis(node) == 0:
            turned = numpy_helper.to_array(weights[weight]).T.copy()
            model.graph.initializer.append(numpy_helper.from_array(turned, f"{weight}_transposed"))
            dropped.add(weight)
            weight = f"{weight}_transposed"
        inner = f"{out}_product" if bias else out
        made = [helper.make_node("MatMul", [source, weight], [inner], node.name)]
        if bias:
            made.append(helper.make_node("Add", [inner, *bias], [out], f"{node.name}_bias"))
        del model.graph.node[at]
        for place, one in enumerate(made):
            model.graph.node.insert(at + place, one)
    drop_unused(model, dropped)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantizer, which sets the process's logging up when it is imported."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)
