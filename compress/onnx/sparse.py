"""Weights of an ONNX graph stored as their non-zero values and one bit for each place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

_WEIGHTS = (np.float32, np.float16, np.int8, np.uint8)
_PREFIX = "sparse."  # of the constants that all unpackings share


def packed(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (a zero and then the non-zero values in order, one bit for each place, 8 to a byte).

    >>> values, bits = packed(np.array([[0, 7], [5, 0]], np.int8))
    >>> values.tolist(), np.unpackbits(bits)[:4].tolist()
    ([0, 7, 5], [0, 1, 1, 0])
    """
    flat = array.reshape(-1)
    there = flat != 0
    return np.concatenate([np.zeros(1, array.dtype), flat[there]]), np.packbits(there)


def with_packed_zeros(model: ModelProto) -> tuple[ModelProto, dict[str, tuple[int, int]]]:
    """Return a graph that unpacks its sparse matrices, and name -> bytes before and after of each.

    A matrix W is packed where values and bits take fewer bytes than W. It becomes
    Gather(values, bit * CumSum(bit)), with standard operators of opset 18 and inputs that are all
    constant, so that onnxruntime folds it into the dense matrix when it loads the file: the graph that
    runs is the one before. sparse_initializer, ONNX's own form, stores an int64 for each value, so that
    it shrinks float32 only above 2/3 zeros, and int8 only above 8/9. The model given is not changed.
    """
    from onnx import ModelProto, numpy_helper

    made = ModelProto()
    made.CopyFrom(model)
    del made.graph.initializer[:]
    nodes: list[NodeProto] = []
    sizes: dict[str, tuple[int, int]] = {}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor) if len(tensor.dims) == 2 else None
        if array is not None and array.dtype in _WEIGHTS:
            values, bits = packed(array)
            if values.nbytes + bits.nbytes < array.nbytes:
                sizes[tensor.name] = (array.nbytes, values.nbytes + bits.nbytes)
                parts = {"values": values, "bits": bits, "shape": np.array(array.shape, np.int64)}
                made.graph.initializer.extend(
                    numpy_helper.from_array(part, f"{tensor.name}.{name}") for name, part in parts.items()
                )
                nodes += _unpacking(tensor.name, array.size)
                if array.size % 8:
                    made.graph.initializer.append(
                        numpy_helper.from_array(np.array([array.size], np.int64), f"{tensor.name}.size")
                    )
                continue
        made.graph.initializer.add().CopyFrom(tensor)
    if nodes:
        made.graph.initializer.extend(_constants())
        rest = [node.SerializeToString() for node in made.graph.node]
        del made.graph.node[:]
        made.graph.node.extend(nodes)
        for text in rest:
            made.graph.node.add().ParseFromString(text)
    return made, sizes


def _constants() -> list[TensorProto]:
    from onnx import numpy_helper

    shared: dict[str, np.ndarray] = {
        "places": np.array([128, 64, 32, 16, 8, 4, 2, 1], np.uint8),
        "minus_one": np.array([-1], np.int64),
        "zero": np.array(0, np.int64),
        "first": np.array([0], np.int64),
    }
    return [numpy_helper.from_array(value, _PREFIX + name) for name, value in shared.items()]


def _unpacking(name: str, size: int) -> list[NodeProto]:
    """Return the nodes that make the matrix `name` of its values and bits."""
    from onnx import TensorProto
    from onnx.helper import make_node

    minus_one, zero = f"{_PREFIX}minus_one", f"{_PREFIX}zero"

    def make(operator: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
        label = f"{name}/{output.rpartition('/')[2] or 'matrix'}"
        return make_node(operator, inputs, [output], label, **attributes)

    flat, one = f"{name}/flat", f"{name}/bit"
    cut = [make("Slice", [flat, f"{_PREFIX}first", f"{name}.size"], one)] if size % 8 else []
    if not cut:
        one = flat
    return [
        make("Unsqueeze", [f"{name}.bits", minus_one], f"{name}/column"),
        make("BitwiseAnd", [f"{name}/column", f"{_PREFIX}places"], f"{name}/masked"),
        make("Cast", [f"{name}/masked"], f"{name}/truth", to=TensorProto.BOOL),
        make("Cast", [f"{name}/truth"], f"{name}/number", to=TensorProto.INT32),
        make("Reshape", [f"{name}/number", minus_one], flat),
        *cut,
        make("CumSum", [one, zero], f"{name}/count"),
        make("Mul", [f"{name}/count", one], f"{name}/place"),
        make("Gather", [f"{name}.values", f"{name}/place"], f"{name}/dense", axis=0),
        make("Reshape", [f"{name}/dense", f"{name}.shape"], name),
    ]
