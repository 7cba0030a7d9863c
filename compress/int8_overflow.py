"""Whether 8-bit products are exact on this CPU: a product that would saturate is computed and looked at."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np

from compress.errors import InputError

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
    found = probe(64 if reduce_range else 127)
    notes: dict[str, Any] = {"policy": policy, "probe": found, "weight_bits": 7 if reduce_range else 8}
    if found == EXACT:
        return notes
    if policy == "refuse":
        raise InputError(
            f"{step}: overflow: expected exact 8-bit products, but onnxruntime's saturate on this CPU, which "
            "has no VNNI instructions. Set reduce_range: true (7-bit weights, exact everywhere), or "
            "overflow: warn to go on and compare the scores."
        )
    return {
        **notes,
        "warning": "8-bit products saturate on this CPU: use reduce_range, or compare the scores",
    }


@cache
def probe(weight: int = 127) -> str:
    """Return "exact" or "saturates": what onnxruntime makes of 255 x (+-weight), added up.

    Columns hold +weight, -weight and both in turns; the sums are known, and a kernel that adds pairs in
    16 bits cannot reach those of the first two where 2 x 255 x weight exceeds 32767.
    """
    found, expected = _product(weight)
    return EXACT if np.array_equal(found, expected) else SATURATES


def _product(weight: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (what onnxruntime computes, what it is) for rows of 255 times the columns of weights."""
    import onnxruntime
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
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"x": activations})
    return found, activations.astype(np.int32) @ weights.astype(np.int32)
