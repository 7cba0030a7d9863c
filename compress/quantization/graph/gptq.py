"""Codes of a graph's weights by what calibration data make of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xpareto.compress.data import CalibrationSet
from xpareto.compress.onnx import Product, output_axis
from xpareto.compress.quantization import gptq_codes
from xpareto.compress.quantization.graph.calibrate import watch

if TYPE_CHECKING:
    from onnx import ModelProto


def round_by_gptq(
    folder: Path,
    products: Mapping[str, Product],
    data: CalibrationSet,
    threads: int,
    *,
    per_channel: bool,
    bits: int,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the weight (inputs, outputs) that coding gives each product of the model in a folder, and its scales.

    To code what is returned to the same codes takes no smaller scales than these: a channel's greatest entry may have
    become less.
    """
    sources = list(dict.fromkeys(product.source for product in products.values()))
    moments: dict[str, np.ndarray] = {}

    def see(name: str, vectors: np.ndarray, _: np.ndarray) -> None:
        moments[name] = moments.get(name, 0) + vectors.T @ vectors

    watch(folder, sources, data, threads, see)
    rounded = {}
    for name, product in products.items():
        codes, scales = gptq_codes(
            product.weight, moments[product.source], per_channel=per_channel, bits=bits
        )
        rounded[name] = codes * scales, scales
    return rounded


def set_weights(model: ModelProto, weights: Mapping[str, np.ndarray]) -> None:
    """Give the named products other weights (inputs, outputs), in place."""
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.name in weights:
            weight = weights[node.name].T if output_axis(node) == 0 else weights[node.name]
            tensor = tensors[node.input[1]]
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(weight, np.float32), tensor.name))
