"""How fast this machine multiplies and moves memory, as it shows in a process with so many threads.

The peaks are what the libraries that the runtimes use reach on large products, not what a data sheet says:
a candidate cannot be expected to do better than the best product of its precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from xpareto.eval.runtimes import can_pack, packed
from xpareto.eval.runtimes.onnxruntime import OnnxSettings, session_options

SIDE = 2048  # of the square matrices: 17 GFLOP a product
_TRIAD_BYTES = 96 << 20  # of each of three arrays: beyond most last-level caches
_LEAST_CALLS = 3


@dataclass(frozen=True)
class Peak:
    """The best rate found, in operations (or bytes) per second, and with what."""

    rate: float
    instrument: str


def peaks(precisions: Iterable[str], threads: int, seconds: float, side: int = SIDE) -> dict[str, Peak]:
    """Return the peak of each precision (fp32, fp16, bf16, int8), measured for about `seconds` each.

    fp32 is the best of onnxruntime's product and torch's (packed for oneDNN where that works). fp16 has
    fp32's peak: CPUs compute it there.
    """
    peak_by_precision: dict[str, Peak] = {}
    for precision in dict.fromkeys("fp32" if name == "fp16" else name for name in precisions):
        rates = [
            Peak(2 * side**3 / _best(call, seconds / len(ways)), f"{name}, {side} x {side} x {side}")
            for ways in [_WAYS[precision](threads, side)]
            for name, call in ways.items()
        ]
        peak_by_precision[precision] = max(rates, key=lambda peak: peak.rate)
    return peak_by_precision | ({"fp16": peak_by_precision["fp32"]} if "fp16" in set(precisions) else {})


def bandwidth(threads: int, seconds: float, bytes_each: int = _TRIAD_BYTES) -> Peak:
    """Return the bytes per second of a = b + s c on three long arrays (McCalpin's triad).

    Two are read and one is written, as STREAM counts it.
    """
    import torch

    with _torch_threads(threads), torch.inference_mode():
        first, second, third = (torch.ones(bytes_each // 4) for _ in range(3))
        best = _best(lambda: torch.add(second, third, alpha=0.5, out=first), seconds)
    return Peak(3 * bytes_each / best, f"triad of 3 x {bytes_each >> 20} MiB")


def _best(call: Callable[[], object], seconds: float) -> float:
    """Return the least time of a call in s: whatever else runs only adds time."""
    call()
    times: list[float] = []
    end = perf_counter() + seconds
    while len(times) < _LEAST_CALLS or perf_counter() < end:
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


class _torch_threads:  # noqa: N801 - reads as a verb where it is used
    """torch with so many threads, and with as many as before afterwards."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def __enter__(self) -> None:
        import torch

        self._before = torch.get_num_threads()
        torch.set_num_threads(self._threads)

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_num_threads(self._before)


def _fp32(threads: int, side: int) -> dict[str, Callable[[], object]]:
    return {
        "onnxruntime MatMul": _onnx_product(threads, side, integers=False),
        **_torch(threads, side, "fp32"),
    }


def _bf16(threads: int, side: int) -> dict[str, Callable[[], object]]:
    return _torch(threads, side, "bf16")


def _int8(threads: int, side: int) -> dict[str, Callable[[], object]]:
    return {"onnxruntime MatMulInteger (u8 x s8)": _onnx_product(threads, side, integers=True)}


_WAYS: dict[str, Callable[[int, int], dict[str, Callable[[], object]]]] = {
    "fp32": _fp32,
    "bf16": _bf16,
    "int8": _int8,
}


def _torch(threads: int, side: int, precision: str) -> dict[str, Callable[[], object]]:
    import torch

    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    given = torch.ones(side, side, dtype=kind)
    with torch.inference_mode():
        layer: Any = torch.nn.Linear(side, side, bias=False, dtype=kind)
        name = f"torch {precision} linear"
        if precision == "fp32" and can_pack():
            layer, name = packed(layer), f"{name}, packed"

    def call() -> None:
        with _torch_threads(threads), torch.inference_mode():
            layer(given)

    return {name: call}


def _onnx_product(threads: int, side: int, integers: bool) -> Callable[[], object]:
    """Return a call of x @ w in onnxruntime, w constant, so that it is packed once as a model's are."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    given = np.ones((side, side), np.uint8 if integers else np.float32)
    weight = numpy_helper.from_array(np.ones((side, side), np.int8 if integers else np.float32), "w")
    kinds = (TensorProto.UINT8, TensorProto.INT32) if integers else (TensorProto.FLOAT, TensorProto.FLOAT)
    values = [
        helper.make_tensor_value_info(name, kind, [side, side])
        for name, kind in zip("xy", kinds, strict=True)
    ]
    node = helper.make_node("MatMulInteger" if integers else "MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "product", values[:1], values[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    quiet = OnnxSettings.model_validate(
        {"spinning": False}
    )  # it lives beside other sessions, and one call is long
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), session_options(threads, onnxruntime, quiet), ["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": given})
