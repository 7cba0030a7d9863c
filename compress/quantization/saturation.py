"""Whether 8-bit products are exact on this CPU: a product that would saturate is computed and looked at."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np

from xpareto.compress.core import InputError

Overflow = Literal["warn", "refuse", "ignore"]
SATURATES = "saturates"
EXACT = "exact"
_DEPTH = 64  # longer than any vector register, so that the kernel's main loop does the work


def check(policy: Overflow, reduce_range: bool, step: str) -> dict[str, Any]:
    """Return what a step notes about int8 on this CPU; InputError where the policy refuses it.

    Without VNNI, x86 CPUs add pairs of u8 x s8 products in 16 bits (vpmaddubsw), which saturate where
    both weights are large: 2 x 255 x 127 > 32767. With `reduce_range`, weights have 7 bits and no pair
    can overflow: 2 x 255 x 64 = 32640. What is tried is onnxruntime itself, not the CPU's flags: its
    kernels may be built without, or choose other instructions.
    """
    if policy == "ignore":
        return {"policy": policy}
    weight, bits = (64, 7) if reduce_range else (127, 8)
    notes = {"policy": policy, "probe": probe(weight), "weight_bits": bits}
    return _judged(notes, step, "Set reduce_range: true (7-bit weights, exact everywhere)")


def check_blocks(policy: Overflow, block_size: int, step: str) -> dict[str, Any]:
    """Return the same for products of 8-bit blocks (MatMulNBits), which other kernels compute."""
    if policy == "ignore":
        return {"policy": policy}
    notes = {"policy": policy, "probe": probe_blocks(block_size), "weight_bits": 8}
    return _judged(notes, step, "Set accuracy_level: 1 (computed in float32), or products: int4")


def _judged(notes: dict[str, Any], step: str, fix: str) -> dict[str, Any]:
    if notes["probe"] == EXACT:
        return notes
    if notes["policy"] == "refuse":
        raise InputError(
            f"{step}: overflow: expected exact 8-bit products, but onnxruntime's saturate on this CPU, which "
            f"has no VNNI instructions. {fix}, or overflow: warn to go on and compare the scores."
        )
    return {**notes, "warning": f"8-bit products saturate on this CPU. {fix}, or compare the scores."}


@cache
def probe(weight: int = 127) -> str:
    """Return "exact" or "saturates": what onnxruntime makes of 255 x (+-weight), added up.

    Columns hold +weight, -weight and both in turns; the sums are known, and a kernel that adds pairs in
    16 bits cannot reach those of the first two where 2 x 255 x weight exceeds 32767.
    """
    computed, expected = _product(weight)
    return EXACT if np.array_equal(computed, expected) else SATURATES


def _product(weight: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (what onnxruntime computes, what it is) for rows of 255 times the columns of weights."""
    from onnx import TensorProto, helper, numpy_helper

    activations = np.full((8, _DEPTH), 255, np.uint8)
    signs = np.stack([np.ones(_DEPTH), -np.ones(_DEPTH), np.resize([1, -1], _DEPTH)], axis=1)
    weights = np.tile(signs * weight, (1, 16)).astype(np.int8)
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"])
    graph = helper.make_graph(
        [node],
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, activations.shape)],
        [helper.make_tensor_value_info("y", TensorProto.INT32, None)],
        [numpy_helper.from_array(weights, "w")],
    )
    computed = _run(graph, activations)
    return computed, activations.astype(np.int32) @ weights.astype(np.int32)


@cache
def probe_blocks(block_size: int) -> str:
    """Return the same for 8-bit blocks: whether equal activations times the largest weights add up."""
    computed, expected = _block_product(block_size)
    # Activations are coded in 8 bits themselves, to 1 %; a saturated pair lacks half.
    return EXACT if np.allclose(computed, expected, rtol=0.05, atol=0) else SATURATES


def _block_product(block_size: int) -> tuple[np.ndarray, np.ndarray]:
    from onnx import TensorProto, helper, numpy_helper

    depth, outputs = 2 * block_size, 16
    activations = np.ones((8, depth), np.float32)
    codes = np.where(np.arange(outputs)[:, None] % 2, 0, 255).astype(np.uint8)  # of zero point 128
    codes = np.broadcast_to(codes[:, :, None], (outputs, 2, block_size)).copy()
    node = helper.make_node(
        "MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft",
        K=depth, N=outputs, bits=8, block_size=block_size, accuracy_level=4,
    )  # fmt: skip
    graph = helper.make_graph(
        [node],
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, activations.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(codes, "w"),
            numpy_helper.from_array(np.ones((outputs, 2), np.float32), "s"),
        ],
    )
    expected = activations @ (codes.reshape(outputs, -1).T.astype(np.float32) - 128)
    return _run(graph, activations), expected


def _run(graph: Any, x: np.ndarray) -> np.ndarray:
    import onnxruntime
    from onnx import helper

    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    output: np.ndarray = session.run(None, {"x": x})[0]
    return output
