"""The models of tests/bench/xlmr_base_contestants.py: one XLM-R with random weights, made into each form.

What lies in the folder already is not made again; `quantize_xlmr_base.py --keep DIR` leaves the first three.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import make_environment, run
from optimum_onnx_loads import IMPORTS, PACKAGES
from xlmr_base_size import in_process, make_source_and_tell, run_steps

TORCH, FP32, INT8 = "torch", "fp32", "dynamic-int8"
EXPORTERS = "exporters-int8"
OPTIMUM_FP32, OPTIMUM_INT8 = "optimum-fp32", "optimum"


def make_models(folder: Path, layers: int, vocab: int, environment: Path) -> Path:
    """Fill `folder` with every model that it lacks; return the python of optimum's environment."""
    folder.mkdir(parents=True, exist_ok=True)
    python = make_environment(environment, PACKAGES, IMPORTS)
    tool = python.parent / "optimum-cli"
    source = folder / TORCH
    ours: dict[str, Callable[[], Any]] = {
        TORCH: lambda: in_process(make_source_and_tell, source, layers, vocab),
        FP32: lambda: in_process(run_steps, [("export_onnx", {}, source, folder / FP32)]),
        INT8: lambda: in_process(run_steps, [("quantize_dynamic", {}, folder / FP32, folder / INT8)]),
        EXPORTERS: lambda: in_process(exporters_int8, source, folder / EXPORTERS),
    }
    for name, make in ours.items():
        if not any((folder / name / file).is_file() for file in ("model.onnx", "model.safetensors")):
            tell(f"making {name}")
            make()
    if not (folder / OPTIMUM_FP32 / "model.onnx").is_file():
        tell(f"making {OPTIMUM_FP32}")
        run(tool, "export", "onnx", "--task", "text-classification", "--model", source, folder / OPTIMUM_FP32)
    if not list((folder / OPTIMUM_INT8).glob("*.onnx")):
        tell(f"making {OPTIMUM_INT8}")
        way = ("--avx512_vnni", "--per_channel")
        given = ("--onnx_model", folder / OPTIMUM_FP32, "-o", folder / OPTIMUM_INT8)
        run(tool, "onnxruntime", "quantize", *way, *given)
    return python


def exporters_int8(source: Path, target: Path, pipe: Any) -> None:
    """Export by transformers.exporters as it comes, then quantize by onnxruntime's default quantize_dynamic."""
    import contextlib
    import warnings

    import onnx_ir
    import torch
    import transformers
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers.exporters.configs import OnnxConfig
    from transformers.exporters.exporter_onnx import OnnxExporter

    target.mkdir(exist_ok=True)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(source).eval()
    ids = torch.full((2, 7), 5)  # a batch of one would freeze the batch axis
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        program = OnnxExporter().export(model, given, config=OnnxConfig(dynamic=True)).program
    exported = target / "exported.onnx"
    onnx_ir.save(program, exported, external_data="exported.onnx.data")
    del model, program
    quantize_dynamic(exported, target / "model.onnx", weight_type=QuantType.QInt8)
    for file in target.glob("exported.onnx*"):
        file.unlink()
    pipe.send(None)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
