"""What opens a model as it was measured: a recipe's settings of a runtime in the runtime's own terms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_ONNXRUNTIME: Mapping[tuple[str, Any], str] = {
    ("spinning", False): 'options.add_session_config_entry("session.intra_op.allow_spinning", "0")',
    ("arena", False): "options.enable_cpu_mem_arena = False",
    ("prepacking", False): 'options.add_session_config_entry("session.disable_prepacking", "1")',
    ("graph", "extended"): "ORT_ENABLE_EXTENDED",
    ("graph", "basic"): "ORT_ENABLE_BASIC",
    ("graph", "off"): "ORT_DISABLE_ALL",
}


def onnxruntime_options(settings: Mapping[str, Any]) -> list[str]:
    """Return the lines of Python that give `options` what is set; none where all is onnxruntime's default.

    >>> onnxruntime_options({"spinning": True}), onnxruntime_options({"arena": False})
    ([], ['options = onnxruntime.SessionOptions()', 'options.enable_cpu_mem_arena = False'])
    """
    level = "options.graph_optimization_level = onnxruntime.GraphOptimizationLevel."
    lines = [
        f"{level}{_ONNXRUNTIME[item]}" if item[0] == "graph" else _ONNXRUNTIME[item]
        for item in settings.items()
        if item in _ONNXRUNTIME
    ]
    return ["options = onnxruntime.SessionOptions()", *lines] if lines else []


def openvino_config(settings: Mapping[str, Any], file: str) -> str:
    """Return the dictionary that OpenVINO compiles a file with: by itself it computes in half where the CPU can.

    >>> openvino_config({}, "model.onnx")
    '{"INFERENCE_PRECISION_HINT": "f32"}'
    """
    config = {"INFERENCE_PRECISION_HINT": settings.get("precision", "f32")}
    if "group_size" in settings and not file.endswith(".xml"):  # OpenVINO's own format says so itself
        config["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = str(settings["group_size"])
    return json.dumps(config)
