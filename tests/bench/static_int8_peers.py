"""Static int8 by other tools, each in an environment of its own, where nothing of ours is installed.

    python static_int8_peers.py TOOL MODEL.onnx CALIBRATION.json FOLDER

CALIBRATION.json is a list of sentences, each a list of token ids; FOLDER gets what TOOL (one of TOOLS) makes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Sentences = Sequence[Sequence[int]]
PRODUCTS = ["MatMul", "Gemm", "Gather"]  # what holds an encoder's weights


def feeds(sentences: Sentences) -> Iterator[dict[str, np.ndarray]]:
    """Yield the inputs of every sentence by itself."""
    for ids in sentences:
        row = np.array([ids], np.int64)
        yield {"input_ids": row, "attention_mask": np.ones_like(row)}


def onnxruntime_static(model: Path, sentences: Sentences, folder: Path, operators: list[str] | None) -> None:
    """Prepare the graph, then quantize it, as onnxruntime's documentation says for x86: u8 x s8, by channel."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._feeds = feeds(sentences)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._feeds, None)

    prepared = folder / "prepared.onnx"
    quant_pre_process(model, prepared)
    quantize_static(
        prepared, folder / "model.onnx", Reader(), quant_format=QuantFormat.QDQ, op_types_to_quantize=operators,
        per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    prepared.unlink()


def nncf_static(model: Path, sentences: Sentences, folder: Path) -> None:
    """Quantize by NNCF as a transformer (which smooths outliers), and save OpenVINO's own format."""
    import nncf
    import openvino

    opened = openvino.Core().read_model(model)
    made = nncf.quantize(
        opened, nncf.Dataset(list(feeds(sentences))), model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(sentences),
    )  # fmt: skip
    openvino.save_model(made, folder / "model.xml")


def nncf_weights(model: Path, sentences: Sentences, folder: Path) -> None:
    """Store weights as int8 codes, one scale per output channel; OpenVINO codes activations as they come."""
    import nncf
    import openvino

    made = nncf.compress_weights(openvino.Core().read_model(model), mode=nncf.CompressWeightsMode.INT8_SYM)
    openvino.save_model(made, folder / "model.xml")


TOOLS: dict[str, Callable[[Path, Sentences, Path], Any]] = {
    "onnxruntime": lambda model, sentences, folder: onnxruntime_static(model, sentences, folder, None),
    "onnxruntime-products": lambda model, sentences, folder: onnxruntime_static(
        model, sentences, folder, PRODUCTS
    ),
    "nncf": nncf_static,
    "nncf-weights": nncf_weights,
}


def main() -> None:
    tool, model, calibration, folder = sys.argv[1], *map(Path, sys.argv[2:])
    folder.mkdir(parents=True)
    TOOLS[tool](model, json.loads(calibration.read_text()), folder)


if __name__ == "__main__":
    main()
