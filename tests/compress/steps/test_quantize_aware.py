"""Quantization-aware training: it learns with 8-bit rounding in place, and its int8 export keeps what it learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.tiny_world import SETS, TinyWorld
from xpareto.compress.core.artifact import Artifact, Head
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, IncompatibleStep
from xpareto.compress.models.checkpoint import load_model
from xpareto.compress.onnx.parity import onnx_run
from xpareto.compress.quantization.qat_codes import CODES, read_codes
from xpareto.compress.steps.quantize_aware import STEP as AWARE
from xpareto.compress.steps.quantize_static import STEP as STATIC
from xpareto.compress.training.validation import dev_score

HEADS: dict[str, Head] = {name: head for head, name in SETS.items()}


def aware(**fields: Any) -> AWARE:
    return AWARE.model_validate({"batch_size": 8, "observe": 2, "steps": 2, **fields})


@pytest.mark.parametrize("ranges", ["ema", "learned"])
def test_weights_are_whole_multiples_of_their_scales_and_training_moved_them(
    ranges: str, world: TinyWorld
) -> None:
    source = world.source("tagging")
    made = world.make("quantize_aware", aware(on="udpos", ranges=ranges, learning_rate=1e-2), source)
    assert sorted(made.manifest.files) == [
        "config.json", "model.safetensors", CODES, "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    codes = read_codes(made.path)
    assert len(codes) == 2 * 6 + 1
    new, old = (
        load_model(one.path, "tagging", ("even", "odd"), keep_head=True).state_dict()
        for one in (made, source)
    )
    for name, found in codes.items():
        weight = new[f"{name}.weight"].numpy()
        ratio = weight / found.weight_scales[:, None]
        np.testing.assert_allclose(ratio, np.rint(ratio), atol=2e-3)
        step = np.abs(weight - old[f"{name}.weight"].numpy())
        assert (step > found.weight_scales[:, None]).any(), name  # more than rounding
        assert 0 <= found.zero_point <= 255 and found.scale > 0
    assert set(new) == set(old)


def test_it_learns_labels_through_the_rounding_and_int8_keeps_them(world: TinyWorld) -> None:
    source = world.source("tagging")
    dev = world.provider.examples("udpos", "dev", Path("tokenizer.json"), 32, None)
    step = aware(on="udpos", labels={}, steps=150, learning_rate=1e-2, patience=0)
    made = world.make("quantize_aware", step, source)

    def score(artifact: Artifact) -> float:
        model = load_model(artifact.path, "tagging", ("even", "odd"), keep_head=True)
        with torch.inference_mode():
            return dev_score(model, "tagging", dev)

    assert score(source) < 70 < 85 < score(made)
    int8 = world.make("quantize_static", STATIC(range="learned"), world.exported(made))
    run = onnx_run(int8.file("model.onnx"), 1)
    hits = total = 0
    for ids, labels in zip(dev.input_ids, dev.labels, strict=True):
        row = np.array([ids])
        found = run(row, np.ones_like(row))["logits"][0].argmax(-1)
        wanted = np.array(labels)
        hits += int((found == wanted)[wanted >= 0].sum())
        total += int((wanted >= 0).sum())
    assert 100 * hits / total > 85


def test_the_teacher_is_the_float_model_itself_unless_another_is_named(world: TinyWorld) -> None:
    source = world.source("classification")
    made = world.make("quantize_aware", aware(logits={}), source)
    assert made.manifest.notes["teacher"] == source.digest
    assert made.manifest.notes["languages"] == ["de", "en", "zh"]
    other = world.make(
        "quantize_aware", aware(hidden={}, teacher="base"), source, teacher=world.source("mlm")
    )
    assert other.manifest.notes["teacher"] == world.source("mlm").digest
    assert aware(hidden={}, teacher="base").learns_from() == "base" and aware().learns_from() is None


@pytest.mark.parametrize("head", list(SETS))
def test_what_is_learned_by_default_suits_head_and_data(head: Head) -> None:
    labelled = aware(on=SETS[head]).objectives(head)
    assert [name for name, _ in labelled.chosen()] == ["logits", "labels"]
    assert [name for name, _ in aware().objectives(head).chosen()] == ["logits"]
    assert [name for name, _ in aware().objectives("encoder").chosen()] == ["hidden"]


@pytest.mark.parametrize(
    ("state", "fields", "message"),
    [
        (ChainState("onnx", "tagging"), {}, "takes torch, but it is given onnx. Put it before the export"),
        (ChainState("torch", "mlm"), {}, "nothing to deploy. Put a train step before it"),
        (ChainState("torch", "tagging"), {"on": "each"}, "Leave them out, or put the step after"),
        (ChainState("torch", "tagging"), {"on": "mnli"}, "mnli needs the head classification"),
        (ChainState("torch", "tagging"), {"on": "udpso"}, "Did you mean"),
        (ChainState("torch", "encoder"), {"logits": {}}, "a bare encoder. Learn hidden states"),
        (ChainState("torch", "choice"), {}, "Learn on its training set: on: each"),
        (ChainState("torch", "tagging", forked=True), {"on": "udpos"}, "Say `on: each`"),
        (ChainState("torch", "tagging"), {"teacher": "fp23"}, "no step before it in this chain is labelled"),
    ],
)
def test_what_cannot_be_trained_is_a_misfit(state: ChainState, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(IncompatibleStep, match=message):
        aware(**fields).follow(state, HEADS)


def test_each_is_the_training_set_of_the_model_and_the_encoder_learns_from_text_only() -> None:
    each = aware(on="each", text="parallel", hidden={})
    assert each.follow(ChainState("torch", None, forked=True), HEADS).forked
    assert each.within("udpos").on == "udpos"  # type: ignore[attr-defined]
    assert each.within("encoder").on is None  # type: ignore[attr-defined]
    assert not aware(on="each").acts_on("encoder") and each.acts_on("encoder")
    with pytest.raises(IncompatibleStep, match="bare encoder"):
        aware(on="each", text="parallel", labels={}).within("encoder")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": None}, "needs data"),
        ({"labels": {}}, "a text has none"),
        ({"on": "udpos", "text_languages": ["en"]}, "goes with a text"),
        ({"on": "encoder"}, "expected a labelled training set"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        aware(**fields)


def test_a_teacher_with_another_head_has_no_answers_to_learn(world: TinyWorld) -> None:
    with pytest.raises(InputError, match=r"teacher: expected the head tagging .* found mlm"):
        world.make("quantize_aware", aware(logits={}), world.source("tagging"), teacher=world.source("mlm"))
