"""Models whose layers differ in width, and low-rank embeddings, are quantized like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.compress.tiny_onnx import TEXT_QUICK, VOCAB, apply, uneven_onnx_model
from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.registry import STEPS
from xpareto.compress.onnx import parity

CALIBRATED = {"calibration": TEXT_QUICK}
PRODUCTS = 4 + 2 + 2 + 1 + 1  # attention of one layer, the FFNs, the embeddings' second factor, the head


def logits(artifact: Artifact) -> np.ndarray:
    ids = np.random.default_rng(0).integers(4, VOCAB, (4, 9))
    found: np.ndarray = parity.onnx_run(artifact.file("model.onnx"), 1)(ids, np.ones_like(ids))["logits"]
    return found


@pytest.mark.parametrize(
    ("chain", "kernels", "limit"),
    [
        ([("quantize_dynamic", {})], "integer", 0.1),
        ([("quantize_static", CALIBRATED | {"bias_correction": True})], "integer", 0.1),
        ([("smooth_quant", CALIBRATED | {"inputs": ["norm", "attention", "ffn"]}), ("quantize_static", CALIBRATED)],
         "integer", 0.1),
        ([("quantize_weights", {"products": "int8", "block_size": 16})], "blockwise", 0.05),
        ([("quantize_weights", {"embeddings": "int4", "block_size": 16})], "blockwise", 0.4),
        ([("quantize_weights", {"products": "bf16", "embeddings": "fp16"})], "float", 0.05),
    ],
)  # fmt: skip
def test_it_runs_and_is_close(
    tmp_path: Path, chain: list[tuple[str, dict[str, Any]]], kernels: str, limit: float
) -> None:
    source = made = uneven_onnx_model()
    for number, (name, fields) in enumerate(chain):
        made = apply(STEPS.load(name)(**fields), made, tmp_path / str(number))
    exact = logits(source)
    assert np.abs(logits(made) - exact).mean() < limit * np.abs(exact).mean()
    found = made.manifest.notes["products"]
    assert found[kernels] == PRODUCTS + (2 if kernels == "float" else 0)  # attention's own products


def test_smoothing_it_changes_nothing(tmp_path: Path) -> None:
    source = uneven_onnx_model()
    step = STEPS.load("smooth_quant")(**CALIBRATED, inputs=["norm", "attention", "ffn"])
    np.testing.assert_allclose(
        logits(apply(step, source, tmp_path / "made")), logits(source), atol=2e-5, rtol=1e-5
    )
