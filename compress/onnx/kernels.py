"""Which operators onnxruntime makes of a graph on this machine: a quantized graph may still run in float."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

INTEGER = ("MatMulIntegerToFloat", "QLinearMatMul", "QGemm", "DynamicQuantizeMatMul", "MatMulInteger")
BLOCKWISE = ("MatMulNBits",)


def kernel_counts(file: Path, threads: int) -> dict[str, int]:
    """Return how often each operator occurs in the graph that onnxruntime runs, after its fusions."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(made)
        # Beside the graph, so that only the graph is read again and no size limit is met.
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights")
        onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        graph = onnx.load(made, load_external_data=False).graph
    return dict(sorted(Counter(node.op_type for node in graph.node).items()))


def products(counts: dict[str, int]) -> dict[str, int]:
    """Return how many products run in integers, block by block, and in float (attention's among them).

    >>> products({"MatMulIntegerToFloat": 4, "FusedMatMul": 2, "MatMul": 2, "Add": 9})
    {'integer': 4, 'blockwise': 0, 'float': 4}
    """
    return {
        "integer": sum(counts.get(name, 0) for name in INTEGER),
        "blockwise": sum(counts.get(name, 0) for name in BLOCKWISE),
        "float": sum(counts.get(name, 0) for name in ("MatMul", "FusedMatMul", "Gemm", "FusedGemm")),
    }
