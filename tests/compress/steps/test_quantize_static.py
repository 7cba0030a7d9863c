"""Static int8 models run in integers, stay close to their source, and say where outliers are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.compress.tiny_onnx import (
    FFN,
    LANGUAGES,
    TEXT_QUICK,
    TOKENS,
    VOCAB,
    WIDTH,
    apply,
    onnx_model,
    operators,
)
from tests.exact_products import REDUCE_RANGE
from tests.tiny_world import special_tokens
from xpareto.compress.core.artifact import Artifact, Head
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, DataNeed, IncompatibleStep
from xpareto.compress.onnx import parity
from xpareto.compress.steps.quantize_static import STEP

PRODUCTS = 12  # of two layers with six each


def quantize(source: Artifact, target: Path, **fields: Any) -> Artifact:
    return apply(STEP(**{"calibration": TEXT_QUICK, **fields}), source, target)


def test_the_fields_of_a_recipe_are_taken() -> None:
    step = STEP.model_validate({"calibration": {"languages": ["en"]}, "range": "mse", "fallback": "16bit"})
    assert step.reads() == (DataNeed("text", "parallel"),)


@pytest.mark.parametrize(
    ("head", "layer", "outputs"),
    [
        ("classification", None, ["logits"]),
        ("tagging", None, ["logits"]),
        ("qa", None, ["start_logits", "end_logits"]),
        ("encoder", 1, ["last_hidden_state"]),
    ],
)
def test_every_head_runs_in_integers_and_is_close(
    tmp_path: Path, head: Head, layer: int | None, outputs: list[str]
) -> None:
    source = onnx_model(head, layer)
    made = quantize(source, tmp_path / "int8", reduce_range=REDUCE_RANGE)
    notes = made.manifest.notes
    layers = layer or 2  # an encoder ends at the layer that is read
    products = PRODUCTS * layers // 2 + {"classification": 2, "encoder": 0}.get(head, 1)
    # the products of attention, two in each layer, have no weight and stay in float
    assert notes["products"] == {"integer": products, "blockwise": 0, "float": 2 * layers}
    assert sum(notes["quantized_nodes"].values()) == products
    assert (
        list(parity.onnx_run(made.file("model.onnx"), 1)(np.array([[5, 6]]), np.array([[1, 1]]))) == outputs
    )
    assert list(notes["drift"]) == outputs
    for drift in notes["drift"].values():
        assert 0 < drift["mean_abs_diff"] < 0.05 * drift["max_abs_reference"]
    assert made.manifest.layer is None and made.manifest.labels == source.manifest.labels
    assert sorted(made.manifest.files) == sorted(source.manifest.files)
    source.verify()


@pytest.mark.parametrize("method", ["minmax", "percentile", "mse", "entropy"])
def test_every_way_to_choose_ranges_gives_a_close_model_with_unsigned_codes(
    tmp_path: Path, method: str
) -> None:
    import onnx

    made = quantize(onnx_model("tagging"), tmp_path / "int8", range=method, reduce_range=REDUCE_RANGE)
    drift = made.manifest.notes["drift"]["logits"]
    assert drift["mean_abs_diff"] < 0.05 * drift["max_abs_reference"]
    graph = onnx.load(made.file("model.onnx")).graph
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    zero_points = [kinds[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert set(zero_points) == {onnx.TensorProto.UINT8} and len(zero_points) == 9
    low, high = made.manifest.notes["ranges"]["gelu"]
    assert -0.3 < low < 0 < high


def test_attention_in_int8_leaves_no_product_in_float_and_stays_close(tmp_path: Path) -> None:
    made = quantize(
        onnx_model("tagging"), tmp_path / "int8", attention="int8", range="minmax", reduce_range=REDUCE_RANGE
    )
    notes = made.manifest.notes
    assert notes["attention_products"] == 4 and notes["products"]["float"] == 0
    drift = notes["drift"]["logits"]
    assert drift["mean_abs_diff"] < 0.05 * drift["max_abs_reference"]


def test_minmax_ranges_are_the_extremes_of_the_inputs_of_the_products(tmp_path: Path) -> None:
    made = quantize(onnx_model("tagging"), tmp_path / "int8", range="minmax")
    tensors = made.manifest.notes["outliers"]["tensors"]
    for name, (low, high) in made.manifest.notes["ranges"].items():
        step = (high - low) / 255
        assert low == pytest.approx(min(0, tensors[name]["low"]), abs=step)
        assert high == pytest.approx(max(0, tensors[name]["high"]), abs=step)


def test_calibration_sees_what_is_attended_and_nothing_else(tmp_path: Path) -> None:
    """The statistics of a batch with padding are those of its sequences one by one."""
    from xpareto.compress.data.batching import Rows
    from xpareto.compress.data.calibration import CalibrationSet
    from xpareto.compress.quantization.graph.calibrate import collect

    random = np.random.default_rng(0)
    rows = [random.integers(4, VOCAB, length).tolist() for length in (3, 20, 7, 12)]
    source, special = onnx_model("tagging"), special_tokens(VOCAB)
    whole = CalibrationSet(Rows(rows, [0] * 4), ("de", "en", "de", "en"), labelled=False, special=special)
    together = collect(source.path, ["gelu", "layer_norm"], whole, 1)
    for name, width in (("gelu", FFN), ("layer_norm", WIDTH)):
        assert together[name].vectors == sum(map(len, rows))
        for at, language in enumerate(("de", "en")):
            mine = [row for row, known in zip(rows, whole.language_of, strict=True) if known == language]
            peaks = np.zeros(width)
            for row in mine:
                one = CalibrationSet(Rows([row], [0]), (language,), False, special)
                peaks = np.maximum(peaks, collect(source.path, [name], one, 1)[name].channel_peaks[0])
            np.testing.assert_allclose(together[name].channel_peaks[at], peaks, rtol=1e-5, atol=1e-6)


def test_the_outlier_report_names_the_channel_and_the_language(tmp_path: Path) -> None:
    """One FFN neuron is made huge."""
    import onnx
    from onnx import numpy_helper

    from xpareto.compress.core.artifact import Manifest, seal

    source = onnx_model("tagging")
    model = onnx.load(source.file("model.onnx"))
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor).copy()
        if tensor.name == "roberta.encoder.layer.1.intermediate.dense.weight_transposed":
            value[:, 7] *= 60
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    folder = tmp_path / "wild"
    folder.mkdir()
    for name in source.manifest.files:
        (folder / name).write_bytes(source.file(name).read_bytes())
    onnx.save(model, folder / "model.onnx")
    wild = seal(folder, Manifest({}, "onnx", "tagging", labels=source.manifest.labels))
    made = quantize(wild, tmp_path / "int8", fallback_ratio=1.7)
    report = made.manifest.notes["outliers"]
    found = report["tensors"]["gelu_1"]
    assert found["read_by"] == ["roberta.encoder.layer.1.output.dense/MatMul"]
    assert next(iter(found["channels"])) == "7" and found["kurtosis"] > 20 and found["max_over_p99.9"] > 1.5
    told = report["by_language"]["gelu_1"]
    assert set(told["languages"]) == set(LANGUAGES) and told["worst"] in LANGUAGES
    assert max(one["high"] for one in told["languages"].values()) == found["high"]
    reason = made.manifest.notes["fallback"]["roberta.encoder.layer.1.output.dense/MatMul"]
    assert reason == f"max is {found['max_over_p99.9']:g} times the 99.9th percentile"
    assert made.manifest.notes["calibration"]["examples"] == dict.fromkeys(LANGUAGES, 8)
    json.dumps(report)


@pytest.mark.parametrize(
    ("fallback", "kernels"), [("weights", (11, 2)), ("16bit", (11, 2)), ("float", (11, 0))]
)
def test_products_that_are_named_fall_back(tmp_path: Path, fallback: str, kernels: tuple[int, int]) -> None:
    source = onnx_model("tagging")
    plain = quantize(source, tmp_path / "plain")
    made = quantize(source, tmp_path / "int8", fallback=fallback, fallback_nodes=["*[0-9].output.dense/*"])
    notes = made.manifest.notes
    named = [f"roberta.encoder.layer.{layer}.output.dense/MatMul" for layer in range(2)]
    assert notes["fallback"] == dict.fromkeys(named, "named")
    assert (notes["products"]["integer"], notes["products"]["blockwise"]) == kernels
    drifts = [one.manifest.notes["drift"]["logits"]["mean_abs_diff"] for one in (made, plain)]
    assert drifts[0] < drifts[1]
    # 16-bit and float activations have int8 weights all the same
    assert (
        notes["weight_bytes_after"]["encoder"] < plain.manifest.notes["weight_bytes_after"]["encoder"] * 1.05
    ) == (fallback != "float")


def test_the_products_of_greatest_error_fall_back(tmp_path: Path) -> None:
    source = onnx_model("tagging")
    made = quantize(source, tmp_path / "int8", fallback_top=3)
    notes = made.manifest.notes
    worst = sorted(notes["relative_error"], key=lambda name: -notes["relative_error"][name])[:3]
    assert set(notes["fallback"]) == set(worst)
    assert notes["products"]["integer"] == PRODUCTS + 1 - 3


def test_gptq_rounds_weights_for_the_inputs_that_calibration_saw(tmp_path: Path) -> None:
    """The graph's codes are those of the inputs' X'X, and a product that stays float keeps its weight."""
    import onnx
    from onnx import numpy_helper

    from tests.compress.tiny_onnx import Lines
    from xpareto.compress.data.calibration import Calibration, draw
    from xpareto.compress.onnx import weights as onnx_weights
    from xpareto.compress.quantization import gptq_codes
    from xpareto.compress.quantization.graph.calibrate import watch

    source = onnx_model("tagging")
    before = onnx.load(source.file("model.onnx"))
    products = onnx_weights.weight_products(before)
    stays, *coded = products
    fields = {
        "rounding": "gptq",
        "fallback": "float",
        "fallback_nodes": [stays],
        "reduce_range": REDUCE_RANGE,
    }
    made = onnx.load(quantize(source, tmp_path / "int8", **fields).file("model.onnx"))
    data = draw(Calibration(**TEXT_QUICK), Lines(), source.file("tokenizer.json"), TOKENS, 0)  # type: ignore[arg-type]
    moments: dict[str, Any] = {}

    def see(name: str, vectors: np.ndarray, _: np.ndarray) -> None:
        moments[name] = moments.get(name, 0) + vectors.T @ vectors

    watch(source.path, list({product.source for product in products.values()}), data, 1, see)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    inputs = {node.name: node.input[1] for node in before.graph.node if node.name in products}
    for name in coded:
        codes, scales = gptq_codes(
            products[name].weight, moments[products[name].source], bits=7 if REDUCE_RANGE else 8
        )
        stored = tensors[f"{inputs[name]}_quantized"]
        np.testing.assert_array_equal(stored if stored.shape == codes.shape else stored.T, codes)
        np.testing.assert_array_equal(tensors[f"{inputs[name]}_scale"], scales)
    kept = tensors[inputs[stays]]
    weight = products[stays].weight
    np.testing.assert_array_equal(kept if kept.shape == weight.shape else kept.T, weight)


def test_bias_correction_brings_the_mean_output_of_a_product_back(tmp_path: Path) -> None:
    """On the calibration data itself, a product whose input is exact has no mean error left."""
    from tests.compress.tiny_onnx import Lines
    from xpareto.compress.data.calibration import Calibration, draw
    from xpareto.compress.quantization.graph.calibrate import collect

    source = onnx_model("tagging")
    data = draw(Calibration(**TEXT_QUICK), Lines(), source.file("tokenizer.json"), TOKENS, 0)  # type: ignore[arg-type]
    name = "linear"  # the query of layer 0, which reads the embeddings: these are the same in both
    exact = collect(source.path, [name], data, 1)[name].channel_means
    errors = {}
    for corrected in (False, True):
        made = quantize(
            source,
            tmp_path / str(corrected),
            embeddings="float",
            bias_correction=corrected,
            range="mse",
            reduce_range=REDUCE_RANGE,
        )
        errors[corrected] = np.abs(collect(made.path, [name], data, 1)[name].channel_means - exact).max()
    assert errors[True] < 1e-5 < errors[False]


def test_embeddings_come_in_int8_int4_and_float(tmp_path: Path) -> None:
    source = onnx_model("encoder", 1)
    table, sizes = VOCAB * WIDTH, {}
    for rows in ("float", "int8", "int4"):
        made = quantize(source, tmp_path / rows, embeddings=rows)
        sizes[rows] = made.manifest.notes["weight_bytes_after"]["embeddings"]
        assert ("GatherBlockQuantized" in operators(made)) == (rows == "int4")
    assert sizes["float"] - sizes["int8"] == table * 4 - (table + VOCAB * 4)
    assert sizes["float"] - sizes["int4"] == table * 4 - (table // 2 + VOCAB * 4)


def test_english_calibration_reads_english_alone(tmp_path: Path) -> None:
    made = quantize(
        onnx_model("tagging"), tmp_path / "en", calibration={**TEXT_QUICK, "languages": ["en"], "examples": 8}
    )
    assert made.manifest.notes["calibration"]["examples"] == {"en": 8}


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    fields = {"bias_correction": True, "range": "entropy", "fallback_top": 2}
    first, second = (quantize(onnx_model("tagging"), tmp_path / name, **fields) for name in "ab")
    assert first.digest == second.digest


def test_what_is_quantized_already_is_refused(tmp_path: Path) -> None:
    rules = [rule for rule in STEP().order() if rule.relation == "never_after"]
    assert {"quantize_static", "quantize_dynamic", "quantize_weights"} <= {
        name for rule in rules for name in rule.steps
    }
    with pytest.raises(InputError, match="no float32 weight to quantize"):
        quantize(quantize(onnx_model("encoder", 1), tmp_path / "once"), tmp_path / "twice")


def test_torch_is_refused_and_a_training_set_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(
        IncompatibleStep, match=r"quantize_static takes onnx, but it is given torch\. Put export_onnx"
    ):
        STEP().follow(ChainState("torch", "tagging"), {})
    with pytest.raises(IncompatibleStep, match=r"quantize_static: calibration: on: .*udpos"):
        STEP(calibration={"on": "udpo"}).follow(ChainState("onnx", "tagging"), {"udpos": "tagging"})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="every product falls back"):
        quantize(onnx_model("tagging"), tmp_path / "none", fallback_nodes=["*"])
