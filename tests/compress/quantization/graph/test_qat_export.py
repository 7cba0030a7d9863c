"""The int8 export of a fake-quantized model computes what that model computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from pydantic import ValidationError

from tests.exact_products import REDUCE_RANGE, WEIGHT_BITS
from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.models.checkpoint import load_model, save_model
from xpareto.compress.onnx.parity import onnx_run
from xpareto.compress.quantization.graph.qat_export import with_learned_codes
from xpareto.compress.quantization.qat_codes import CODES, LearnedCodes, read_codes, write_codes
from xpareto.compress.quantization.straight_through import Ranges, fake_quantization
from xpareto.compress.steps.factorize_embeddings import STEP as FACTORIZE
from xpareto.compress.steps.quantize_static import STEP as STATIC

IDS = np.array([[0, 5, 6, 7, 21, 2], [0, 8, 9, 2, 1, 1], [0, 30, 40, 50, 11, 2]])
MASK = (IDS != 1).astype(np.int64)


def trained(
    source: Artifact, ranges: Ranges, folder: Path, weight_bits: int = 8
) -> tuple[Artifact, np.ndarray]:
    """Seal a model with codes as quantize_aware would; return it and what the model computed with them."""
    head = source.manifest.head
    model = load_model(source.path, head, source.manifest.labels, keep_head=True)
    ids, mask = torch.from_numpy(IDS), torch.from_numpy(MASK)
    with torch.inference_mode(), fake_quantization(model, ranges, weight_bits=weight_bits) as fake:
        with fake.observing():
            model(ids, attention_mask=mask)
        expected = model(ids, attention_mask=mask)[0].numpy()
        codes = fake.codes()
        fake.bake()
    save_model(model, source.path, folder)
    write_codes(codes, folder)
    return seal(folder, Manifest({}, "torch", head, source.manifest.labels)), expected


@pytest.mark.parametrize(
    ("head", "ranges", "low_rank"),
    [("tagging", "learned", False), ("classification", "ema", False), ("tagging", "learned", True)],
)
def test_the_int8_model_equals_the_fake_quantized_one(
    head: Head, ranges: Ranges, low_rank: bool, world: TinyWorld, tmp_path: Path
) -> None:
    float_model = world.source(head)
    if low_rank:
        float_model = world.make(
            "factorize_embeddings", FACTORIZE.model_validate(FACTORIZE.quick), float_model
        )
    source, expected = trained(float_model, ranges, tmp_path / "torch", WEIGHT_BITS)
    exported = world.exported(source)
    assert exported.file(CODES).read_bytes() == source.file(CODES).read_bytes()
    made = world.make("quantize_static", STATIC(range="learned", reduce_range=REDUCE_RANGE), exported)
    assert made.manifest.notes["products"]["integer"] > 0
    found = onnx_run(made.file("model.onnx"), 1)(IDS, MASK)["logits"]
    plain = onnx_run(exported.file("model.onnx"), 1)(IDS, MASK)["logits"]
    if head == "tagging":
        found, expected, plain = (value[MASK == 1] for value in (found, expected, plain))
    distance = np.abs(found - expected).max() / np.abs(expected).max()
    assert distance < 0.01  # a float sum that rounds another way moves a later code by one step
    assert distance < 0.5 * np.abs(plain - expected).max() / np.abs(expected).max()


def test_weights_of_the_int8_model_are_those_of_training_exactly(world: TinyWorld, tmp_path: Path) -> None:
    source, _ = trained(world.source("tagging"), "learned", tmp_path / "torch")
    made = world.make("quantize_static", STATIC(range="learned"), world.exported(source))
    tensors = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(made.file("model.onnx")).graph.initializer
    }
    name = "roberta.encoder.layer.1.output.dense"
    weight = load_model(source.path, "tagging", ("even", "odd"), keep_head=True).state_dict()[
        f"{name}.weight"
    ]
    codes, scale = (tensors[f"{name}.weight_transposed_{part}"] for part in ("quantized", "scale"))
    np.testing.assert_allclose(codes.T * scale[:, None], weight.numpy(), rtol=1e-6)
    np.testing.assert_array_equal(scale, read_codes(source.path)[name].weight_scales)


def test_seven_bit_codes_stay_seven_bits_and_eight_bit_ones_are_not_called_so(
    world: TinyWorld, tmp_path: Path
) -> None:
    step = STATIC(range="learned", reduce_range=True)
    seven, _ = trained(world.source("tagging"), "ema", tmp_path / "seven", weight_bits=7)
    made = world.make("quantize_static", step, world.exported(seven))
    weights = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(made.file("model.onnx")).graph.initializer
        if tensor.name.endswith("weight_transposed_quantized")
    ]
    assert weights and max(np.abs(one.astype(int)).max() for one in weights) == 63
    eight, _ = trained(world.source("tagging"), "learned", tmp_path / "eight")
    with pytest.raises(InputError, match=r"trained with codes up to 1\d\d, not 63"):
        world.make("quantize_static", step, world.exported(eight))


def test_a_model_without_codes_is_refused(world: TinyWorld, tmp_path: Path) -> None:
    source, _ = trained(world.source("tagging"), "learned", tmp_path / "torch")
    model = onnx.load(world.exported(source).file("model.onnx"))
    with pytest.raises(
        InputError, match=r"expected codes in quantization\.safetensors .* Put quantize_aware"
    ):
        with_learned_codes(model, tmp_path, "int8")


def test_fields_that_training_has_decided_are_refused() -> None:
    for fields in ({"fallback_top": 2}, {"bias_correction": True}, {"calibration": {"examples": 3}}):
        with pytest.raises(ValidationError, match="has all codes from training"):
            STATIC.model_validate({"range": "learned", **fields})
    assert STATIC(range="learned").reads() == ()


def test_codes_are_read_as_they_were_written(tmp_path: Path) -> None:
    codes = {"a.b": LearnedCodes(0.5, 3, np.array([0.25, 1.0], np.float32)),
             "c": LearnedCodes(1.5, 0, np.array([2.0], np.float32))}  # fmt: skip
    write_codes(codes, tmp_path)
    found = read_codes(tmp_path)
    assert {name: (one.scale, one.zero_point, one.weight_scales.tolist()) for name, one in found.items()} == {
        "a.b": (0.5, 3, [0.25, 1.0]), "c": (1.5, 0, [2.0]),
    }  # fmt: skip
    assert read_codes(tmp_path / "elsewhere") == {}
