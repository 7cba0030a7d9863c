"""An ONNX model in the 8-bit codes that its torch model was trained with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xpareto.compress.core import InputError
from xpareto.compress.onnx import weight_products
from xpareto.compress.quantization import CODES, Affine, read_codes
from xpareto.compress.quantization.graph.embeddings import Rows, embedding_nodes, with_rows
from xpareto.compress.quantization.graph.qdq import with_qdq

if TYPE_CHECKING:
    from onnx import ModelProto


def with_learned_codes(
    model: ModelProto, folder: Path, embeddings: Rows, weight_bits: int = 8
) -> tuple[ModelProto, dict[str, Any]]:
    """Return the model with the codes that lie beside it, and notes; InputError where they do not fit it.

    A product belongs to the module that its name tells. The weights are whole multiples of their scales
    already, so that coding them with at least these scales changes nothing.
    """
    codes, products = read_codes(folder), weight_products(model)
    lacking = [name for name in products if name.rpartition("/")[0] not in codes]
    if lacking or not products:
        raise InputError(
            f"quantize_static: range: learned: expected codes in {CODES} for every product, found "
            f"{len(codes)} codes and none for {lacking[0] if lacking else 'any product'}. Put quantize_aware and "
            "export_onnx right before it."
        )
    top = 2 ** (weight_bits - 1) - 1
    for name, product in products.items():
        most = np.abs(product.weight / codes[name.rpartition("/")[0]].weight_scales).max()
        if most > top + 0.5:
            raise InputError(
                f"quantize_static: reduce_range: {name} was trained with codes up to {most:.0f}, not {top}. Give "
                "quantize_aware reduce_range: true as well."
            )
    product_codes = {name: codes[name.rpartition("/")[0]] for name in products}
    inputs = {
        name: Affine(float(np.float32(input_codes.scale)), input_codes.zero_point)
        for name, input_codes in product_codes.items()
    }
    made = with_qdq(
        model, inputs, least={name: input_codes.weight_scales for name, input_codes in product_codes.items()}
    )
    lookups = embedding_nodes(made)
    notes = {
        "quantized_nodes": dict(sorted(Counter(product.operator for product in products.values()).items())),
        "embeddings": embeddings if lookups else "none",
    }
    # Rows are whole multiples of their own scales: shared ones would round them once more.
    return with_rows(made, lookups, embeddings, own_scales=True), notes
