"""Products with int8 weights whose activations are coded as they come, by onnxruntime's quantizer."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from compress.onnx_graph import MODEL

if TYPE_CHECKING:
    from onnx import ModelProto


def with_dynamic(
    model: ModelProto, nodes: Sequence[str], *, per_channel: bool = True, reduce_range: bool = False
) -> ModelProto:
    """Return the model with the named products (MatMul, Gemm) in int8: symmetric weights, u8 activations.

    `reduce_range`: 7-bit weights. May change the model given.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, _quiet():
        file = Path(folder) / MODEL
        quantize_dynamic(
            model,
            file,
            op_types_to_quantize=["MatMul", "Gemm"],
            # The quantizer turns a Gemm into a MatMul of this name before it looks at the list.
            nodes_to_quantize=[*nodes, *(f"{name}_MatMul" for name in nodes)],
            per_channel=per_channel,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,  # x86 runs u8 x s8; s8 x s8 is many times slower there
            extra_options={
                "MatMulConstBOnly": True,
                "WeightSymmetric": True,
                # Behind an operator of onnxruntime's own, such as int4 rows, ONNX infers no types.
                "DefaultTensorType": onnx.TensorProto.FLOAT,
            },
        )
        return onnx.load(file)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the advice to pre-process: the graph is optimised at export, and shapes are inferred here."""
    logger = logging.getLogger()
    disabled = logger.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
