"""Smoothing changes nothing in float32, follows its equation, and helps coding where outliers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.compress.tiny_onnx import TEXT_QUICK, VOCAB, apply, onnx_model, operators
from tests.exact_products import REDUCE_RANGE
from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.step import ChainState, DataNeed, IncompatibleStep
from xpareto.compress.onnx import parity
from xpareto.compress.quantization.smoothing import ALPHAS, best_alpha, coded_error, smoothing_scales
from xpareto.compress.steps.quantize_dynamic import STEP as DYNAMIC
from xpareto.compress.steps.quantize_static import STEP as STATIC
from xpareto.compress.steps.smooth_quant import STEP


def smoothed(source: Artifact, target: Path, **fields: Any) -> Artifact:
    return apply(STEP(**{"calibration": TEXT_QUICK, **fields}), source, target)


@given(
    arrays.arrays(np.float32, 6, elements=st.integers(0, 4000).map(lambda part: part / 16)),
    arrays.arrays(np.float32, 6, elements=st.integers(0, 400).map(lambda part: part / 128)),
    st.floats(0, 1),
)
def test_scales_are_equation_4_channel_by_channel(x: np.ndarray, w: np.ndarray, alpha: float) -> None:
    found = smoothing_scales(x, w, alpha)
    for scale, peak, weight in zip(found.tolist(), x.tolist(), w.tolist(), strict=True):
        expected = peak**alpha / weight ** (1 - alpha) if peak and weight else 1.0
        assert scale == pytest.approx(expected, rel=1e-5)


def test_alpha_one_evens_the_activation_and_alpha_zero_the_weight() -> None:
    random = np.random.default_rng(0)
    x, w = random.random(8) * 50 + 0.1, random.random(8) + 0.1
    np.testing.assert_allclose(x / smoothing_scales(x, w, 1.0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(w * smoothing_scales(x, w, 0.0), 1.0, rtol=1e-6)


def slow_error(inputs: np.ndarray, weight: np.ndarray, scales: np.ndarray) -> float:
    """Code and multiply with loops over plain numbers."""
    x = [[float(value) / float(scale) for value, scale in zip(row, scales, strict=True)] for row in inputs]
    low, high = min(0.0, *map(min, x)), max(0.0, *map(max, x))
    step = (high - low) / 255
    zero = round(-low / step)
    coded = [[(min(255, max(0, round(value / step) + zero)) - zero) * step for value in row] for row in x]
    error = size = 0.0
    for output in range(weight.shape[1]):
        column = [float(w) * float(s) for w, s in zip(weight[:, output], scales, strict=True)]
        unit = max(map(abs, column)) / 127
        codes = [round(value / unit) * unit for value in column]
        for row, code in zip(inputs, coded, strict=True):
            exact = sum(float(a) * float(b) for a, b in zip(row, weight[:, output], strict=True))
            error += (sum(a * b for a, b in zip(code, codes, strict=True)) - exact) ** 2
            size += exact**2
    return (error / size) ** 0.5


def test_the_coded_error_is_that_of_slow_loops() -> None:
    random = np.random.default_rng(1)
    inputs = (random.normal(size=(5, 7)) * np.array([1, 1, 30, 1, 0.1, 1, 1])).astype(np.float32)
    weight = random.normal(size=(7, 4)).astype(np.float32)
    for scales in (np.ones(7, np.float32), (random.random(7) + 0.5).astype(np.float32)):
        assert coded_error(inputs, [weight], scales) == pytest.approx(
            slow_error(inputs, weight, scales), rel=0.02
        )


def test_the_search_finds_the_least_error_and_smooths_where_a_channel_stands_out() -> None:
    random = np.random.default_rng(2)
    inputs = random.normal(size=(200, 16)).astype(np.float32)
    inputs[:, 3] *= 80
    weights = [random.normal(size=(16, 8)).astype(np.float32) for _ in range(2)]
    alpha, errors = best_alpha(np.abs(inputs).max(axis=0), inputs, weights)
    assert alpha in ALPHAS and errors[f"{alpha:g}"] == min(errors.values()) < 0.5 * errors["none"]


@pytest.mark.parametrize(
    ("head", "layer"), [("classification", None), ("tagging", None), ("qa", None), ("encoder", 1)]
)
@pytest.mark.parametrize("alpha", [0.7, "search"])
def test_the_model_computes_what_it_did(
    tmp_path: Path, head: Head, layer: int | None, alpha: float | str
) -> None:
    source = onnx_model(head, layer)
    made = smoothed(source, tmp_path / "made", alpha=alpha, inputs=["norm", "attention", "ffn"])
    ids = np.random.default_rng(0).integers(4, VOCAB, (3, 9))
    mask = np.ones_like(ids)
    mask[1, 5:] = 0
    runs = [parity.onnx_run(one.file("model.onnx"), 1)(ids, mask) for one in (source, made)]
    assert list(runs[0]) == list(runs[1])
    for name, value in runs[0].items():
        np.testing.assert_allclose(runs[1][name], value, atol=1e-5, rtol=1e-5)
    source.verify()


def test_every_input_is_smoothed_in_its_own_way(tmp_path: Path) -> None:
    source = onnx_model("tagging")
    made = smoothed(source, tmp_path / "made", alpha=0.5)
    ways = [(one["kind"], one.get("by")) for one in made.manifest.notes["smoothed"].values()]
    layer = [("norm", "Mul"), ("attention", "value projection"), ("norm", "Mul"), ("ffn", "Mul")]
    # the last norm feeds the head: it is a norm as well
    assert ways == [*layer, *layer, ("norm", "Mul")]
    assert operators(made)["Mul"] == operators(source)["Mul"] + 7
    without_ffn = smoothed(source, tmp_path / "without-ffn", alpha=0.5, inputs=["norm", "attention"])
    assert operators(without_ffn)["Mul"] == operators(source)["Mul"] + 5
    left = [one for one in without_ffn.manifest.notes["smoothed"].values() if one["alpha"] is None]
    assert [one["because"] for one in left] == ["not among inputs"] * 2


def test_smoothed_values_have_even_channels(tmp_path: Path) -> None:
    """With alpha 1 every channel's maximum over the calibration data is 1 behind the division."""
    from tests.compress.tiny_onnx import TOKENS, Lines
    from xpareto.compress.data.calibration import Calibration, draw
    from xpareto.compress.quantization.graph.calibrate import collect

    source = onnx_model("tagging")
    made = smoothed(source, tmp_path / "made", alpha=1.0)
    data = draw(Calibration(**TEXT_QUICK), Lines(), source.file("tokenizer.json"), TOKENS, 0)  # type: ignore[arg-type]
    found = collect(made.path, ["layer_norm_smooth", "view_3"], data, 1)
    for stats in found.values():
        np.testing.assert_allclose(stats.channel_peaks.max(axis=0), 1.0, rtol=1e-4)


def wild(source: Artifact, folder: Path) -> Artifact:
    """Seal the model with two channels of a layer norm made large, and their weights small."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(source.file("model.onnx"))
    scale = np.ones(16, np.float32)
    scale[[2, 9]] = 50
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if tensor.name.startswith("roberta.encoder.layer.0.attention.output.LayerNorm"):
            value = value * scale
        elif tensor.name == "roberta.encoder.layer.0.intermediate.dense.weight_transposed":
            value = value / scale[:, None]
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    folder.mkdir()
    for name in source.manifest.files:
        (folder / name).write_bytes(source.file(name).read_bytes())
    onnx.save(model, folder / "model.onnx")
    return seal(folder, Manifest({}, "onnx", "tagging", labels=source.manifest.labels))


@pytest.mark.parametrize(
    "step",
    [
        STATIC(calibration=TEXT_QUICK, range="minmax", reduce_range=REDUCE_RANGE),  # type: ignore[arg-type]
        DYNAMIC(reduce_range=REDUCE_RANGE),  # type: ignore[call-arg]
    ],
)
def test_quantization_behind_it_loses_less_where_channels_stand_out(tmp_path: Path, step: Any) -> None:
    source = wild(onnx_model("tagging"), tmp_path / "wild")
    plain = apply(step, source, tmp_path / "plain")
    smooth = apply(step, smoothed(source, tmp_path / "smooth"), tmp_path / "both")
    ids = np.random.default_rng(0).integers(4, VOCAB, (6, 12))
    runs = [
        parity.onnx_run(one.file("model.onnx"), 1)(ids, np.ones_like(ids))["logits"]
        for one in (source, plain, smooth)
    ]
    assert np.abs(runs[2] - runs[0]).mean() < 0.8 * np.abs(runs[1] - runs[0]).mean()
    # the division behind the norms costs no integer product
    assert smooth.manifest.notes["products"] == plain.manifest.notes["products"]


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    first, second = (smoothed(onnx_model("tagging"), tmp_path / name, alpha="search") for name in "ab")
    assert first.digest == second.digest


def test_what_it_reads_and_takes() -> None:
    step = STEP.model_validate({"alpha": "search", "calibration": {"text": "mono"}})
    assert step.reads() == (DataNeed("text", "mono"),)
    with pytest.raises(IncompatibleStep, match="smooth_quant takes onnx, but it is given torch"):
        STEP().follow(ChainState("torch", "tagging"), {})
    relations = {rule.relation for rule in STEP().order()}
    assert relations == {"never_after", "needs_later"}
