"""The models of tests/bench/xlmr_base_contestants.py: one XLM-R with random weights, made into each form.

What lies in the folder already is not made again; `quantize_xlmr_base.py --keep DIR` leaves the first three.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import ToolFailed, make_environment, run
from optimum_onnx_loads import IMPORTS, PACKAGES
from xlmr_base_size import in_process, make_source_and_tell, run_steps

TORCH, FP32, INT8 = "torch", "fp32", "dynamic-int8"
EXPORTERS = "exporters-int8"
OPTIMUM_FP32, OPTIMUM_INT8 = "optimum-fp32", "optimum"
SMOOTH, STATIC, OPTIMIZED = "smooth", "static-int8", "optimizer-int8"
UNSMOOTHED, FLOAT_ATTENTION, NEAR = "static-unsmoothed", "static-float-attention", "static-near"
NNCF, NNCF_WEIGHTS, CTRANSLATE2 = "nncf-int8", "nncf-int8-weights", "ctranslate2-int8"
PEERS: dict[str, tuple[tuple[str, ...], str]] = {  # environment -> packages, what must be importable
    "nncf": (("nncf==3.4.0", "openvino==2026.4.1"), "nncf"),
    "torchao": (("torchao==0.18.0", "torch==2.13.0", "transformers==5.23.0"), "torchao, transformers"),
    "ctranslate2": (("ctranslate2==4.8.5", "torch==2.13.0", "transformers<5"), "ctranslate2, transformers"),
}
_SHORT = {"examples": 64, "max_length": 40}
_RANGES = {"calibration": _SHORT, "range": "minmax"}
_STATIC = {**_RANGES, "attention": "int8"}
_NEAR = {
    **_RANGES,
    "rounding": "gptq",
    "fallback_nodes": ["*layer.[3489].output.dense/*"],
}  # as many as are worth it
_STATIC_PEERS = Path(__file__).resolve().parent / "static_int8_peers.py"
_CONVERT = """
import sys, tempfile, numpy, ctranslate2, transformers
source, target = sys.argv[1:]
model = transformers.AutoModelForSequenceClassification.from_pretrained(source)
tokenizer = transformers.AutoTokenizer.from_pretrained(source)
with tempfile.TemporaryDirectory() as folder:
    model.resize_token_embeddings(max(len(tokenizer), model.config.vocab_size))  # a row for each piece: it insists
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    ctranslate2.converters.TransformersConverter(folder).convert(target, quantization="int8")
numpy.savez(target + "/head.npz", **{name: value.numpy() for name, value in model.classifier.state_dict().items()})
"""


def make_models(folder: Path, layers: int, vocab: int, environments: Path) -> dict[str, Path]:
    """Fill `folder` with every model that it lacks; return the python of each tool's environment that can be made."""
    folder.mkdir(parents=True, exist_ok=True)
    python = make_environment(environments / "optimum", PACKAGES, IMPORTS)
    tool = python.parent / "optimum-cli"
    source = folder / TORCH
    ours: dict[str, Callable[[], Any]] = {
        TORCH: lambda: in_process(make_source_and_tell, source, layers, vocab),
        FP32: lambda: in_process(run_steps, [("export_onnx", {}, source, folder / FP32)]),
        INT8: lambda: in_process(run_steps, [("quantize_dynamic", {}, folder / FP32, folder / INT8)]),
        STATIC: lambda: in_process(
            run_steps,
            [
                ("smooth_quant", {"calibration": _SHORT}, folder / FP32, folder / SMOOTH),
                ("quantize_static", _STATIC, folder / SMOOTH, folder / STATIC),
            ],
        ),
        UNSMOOTHED: lambda: in_process(
            run_steps, [("quantize_static", _RANGES, folder / FP32, folder / UNSMOOTHED)]
        ),
        FLOAT_ATTENTION: lambda: in_process(
            run_steps, [("quantize_static", _RANGES, folder / SMOOTH, folder / FLOAT_ATTENTION)]
        ),
        NEAR: lambda: in_process(run_steps, [("quantize_static", _NEAR, folder / SMOOTH, folder / NEAR)]),
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
    if not (folder / OPTIMIZED / "model.onnx").is_file():
        tell(f"making {OPTIMIZED}")
        in_process(optimizer_int8, folder / OPTIMUM_FP32, folder / OPTIMIZED)
    return {"optimum": python, **_peers(folder, vocab, environments)}


def _peers(folder: Path, vocab: int, environments: Path) -> dict[str, Path]:
    """Make what other tools make of the source; return the pythons of those that could."""
    pythons = {}
    for name, (packages, imports) in PEERS.items():
        try:
            pythons[name] = make_environment(environments / name, packages, imports)
            if name == "nncf":
                _by_nncf(pythons[name], folder, vocab)
            if name == "ctranslate2" and not (folder / CTRANSLATE2 / "head.npz").is_file():
                tell(f"making {CTRANSLATE2}")
                run(pythons[name], "-W", "ignore", "-c", _CONVERT, folder / TORCH, folder / CTRANSLATE2)
        except ToolFailed as error:
            tell(f"{name} is left out: {error}")
            pythons.pop(name, None)
    return pythons


def _by_nncf(python: Path, folder: Path, vocab: int) -> None:
    """Make NNCF's models of our float graph, with sentences of random pieces for its ranges."""
    sentences = folder / "sentences.json"
    random = np.random.default_rng(1)
    sentences.write_text(json.dumps([random.integers(4, vocab - 1, 40).tolist() for _ in range(64)]))
    for name, tool in ((NNCF, "nncf"), (NNCF_WEIGHTS, "nncf-weights")):
        if not (folder / name / "model.xml").is_file():
            tell(f"making {name}")
            run(python, _STATIC_PEERS, tool, folder / FP32 / "model.onnx", sentences, folder / name)


def optimizer_int8(source: Path, target: Path, pipe: Any) -> None:
    """Fuse optimum's float graph by onnxruntime's own optimizer of transformers, then quantize dynamically."""
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.optimizer import optimize_model

    target.mkdir(exist_ok=True)
    fused = target / "fused.onnx"
    optimize_model(str(source / "model.onnx"), "bert", num_heads=12, hidden_size=768).save_model_to_file(
        str(fused), use_external_data_format=True
    )
    # Its own operators have no types that shapes could be inferred from.
    unknown = {"DefaultTensorType": TensorProto.FLOAT}
    quantize_dynamic(
        fused, target / "model.onnx", weight_type=QuantType.QInt8, per_channel=True, extra_options=unknown
    )
    for file in target.glob("fused.onnx*"):
        file.unlink()
    pipe.send(None)


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
