"""A mix of precisions that keeps its bound, is cheaper than float, and is told in full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from pydantic import ValidationError

from tests.tiny_world import SETS, TinyWorld
from xpareto.compress.core.artifact import Artifact, Head
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, DataNeed, IncompatibleStep
from xpareto.compress.mixed_precision.groups import (
    costs_of,
    groups_of,
    in_precisions,
    table_rows,
    weight_bytes,
    with_kept_rows,
)
from xpareto.compress.mixed_precision.path_search import Assignment, Reading
from xpareto.compress.mixed_precision.samples import Use
from xpareto.compress.mixed_precision.trial import Trial
from xpareto.compress.onnx.parity import onnx_run
from xpareto.compress.onnx.weights import component_bytes
from xpareto.compress.steps.quantize_mixed import STEP as MIXED

TIMES = {"float": 10.0, "static": 4.0, "dynamic": 5.0, "int8": 7.0, "int4": 8.0}
HEADS: dict[str, Head] = {name: head for head, name in SETS.items()}


def mixed(**fields: Any) -> MIXED:
    return MIXED.model_validate(
        {"examples": 6, "tries": 2, "latency_ms": TIMES, "max_drop": 50.0, "overflow": "ignore", **fields}
    )


@pytest.fixture(scope="module")
def exported(world: TinyWorld) -> Artifact:
    return world.exported(world.source("tagging"))


def test_groups_are_embeddings_and_two_for_each_layer(exported: Artifact) -> None:
    groups = groups_of(onnx.load(exported.file("model.onnx")))
    assert [group.name for group in groups] == [
        "embeddings", "layer 0 attention", "layer 0 ffn", "layer 1 attention", "layer 1 ffn",
    ]  # fmt: skip
    assert [group.shapes for group in groups[1:3]] == [((16, 16),) * 4, ((16, 24), (24, 16))]


@pytest.mark.parametrize("precision", ["float", "dynamic", "int8", "int4"])
def test_the_bytes_of_a_mix_are_those_that_it_is_said_to_cost(precision: str, exported: Artifact) -> None:
    model = onnx.load(exported.file("model.onnx"))
    groups = groups_of(model)
    mix = {group.name: precision for group in groups}
    if precision == "dynamic":
        mix["embeddings"] = "int8"
    made = in_precisions(model, groups, mix, {}, reduce_range=False)
    sizes = component_bytes(made)
    expected = sum(weight_bytes(group, mix[group.name]) for group in groups)
    rest = component_bytes(model)
    others = sum(rest.values()) - sum(weight_bytes(group, "float") for group in groups)
    # blocks are padded to 32 inputs, zero points and the like come on top
    assert sum(sizes.values()) - others == pytest.approx(
        expected, rel=0.5 if precision.startswith("int") else 0.1
    )
    assert component_bytes(model) == rest  # the model given is not changed


def test_costs_weigh_bytes_and_time(exported: Artifact) -> None:
    groups = groups_of(onnx.load(exported.file("model.onnx")))
    offered = {
        group.name: ["float"] if group.name == "embeddings" else ["static", "float"] for group in groups
    }
    by_bytes, by_time = (costs_of(groups, offered, TIMES, share) for share in (0.0, 1.0))
    assert sum(row["float"] for row in by_bytes.values()) == pytest.approx(1.0)
    assert sum(row["float"] for row in by_time.values()) == pytest.approx(1.0)
    products = [name for name in offered if name != "embeddings"]
    assert sum(by_time[name]["static"] for name in products) == pytest.approx(0.4)
    assert by_time["embeddings"] == {"float": 0.0}
    half = costs_of(groups, offered, TIMES, 0.5)
    assert half["layer 0 ffn"]["static"] == pytest.approx(
        (by_bytes["layer 0 ffn"]["static"] + by_time["layer 0 ffn"]["static"]) / 2
    )


@pytest.mark.parametrize("rows", ["int8", "int4"])
def test_kept_rows_give_every_mix_the_outputs_of_the_whole_table(
    rows: str, exported: Artifact, tmp_path: Path
) -> None:
    model = onnx.load(exported.file("model.onnx"))
    groups = groups_of(model)
    mix = {group.name: rows if group.name == "embeddings" else "int8" for group in groups}
    kept = np.array([0, 1, 2, 3, 7, 20, 33, 60])
    ids = np.array([[0, 7, 33, 60, 2], [0, 20, 2, 1, 1]])
    outputs = []
    for table, shown in ((model, ids), (with_kept_rows(model, kept), np.searchsorted(kept, ids))):
        made = in_precisions(table, groups, mix, {}, reduce_range=False)
        onnx.save(made, tmp_path / "model.onnx")
        outputs.append(onnx_run(tmp_path / "model.onnx", 1)(shown, (ids != 1).astype(np.int64))["logits"])
    np.testing.assert_array_equal(*outputs)
    assert table_rows(with_kept_rows(model, kept)) == 8 < table_rows(model)


@pytest.fixture(scope="module")
def made(world: TinyWorld, exported: Artifact) -> Artifact:
    return world.make("quantize_mixed", mixed(products=["static", "dynamic", "int4"]), exported)


def test_the_mix_keeps_the_bound_on_both_samples_and_is_smaller(made: Artifact, exported: Artifact) -> None:
    notes = made.manifest.notes
    assert notes["met"] and "warning" not in notes
    for use in ("selection", "acceptance"):
        assert set(notes[use]["drop"]) == {"de", "en", "zh"}
        assert max(notes[use]["drop"].values()) == notes[use]["worst_language_drop"] <= 50.0
    assert made.file("model.onnx").stat().st_size < exported.file("model.onnx").stat().st_size
    assert set(notes["precisions"].values()) - {"float"}
    assert notes["examples"]["ranges"] == 6
    assert notes["examples"]["selection"] == notes["examples"]["acceptance"] == {"de": 2, "en": 2, "zh": 2}
    alone = notes["sensitivities"]["layer 1 ffn"]
    assert set(alone) == {"float", "static", "dynamic", "int4"} and alone["float"] == 0 < alone["int4"]


def test_the_noted_drop_is_that_of_the_file(made: Artifact, exported: Artifact, world: TinyWorld) -> None:
    from xpareto.compress.data.batching import Rows
    from xpareto.compress.data.calibration import Calibration, draw
    from xpareto.compress.mixed_precision.drift import Sample, drift, predict

    data = draw(
        Calibration.model_validate({"examples": 18}), world.provider, exported.file("tokenizer.json"), 32, 0
    )
    runs = [onnx_run(one.file("model.onnx"), 1) for one in (exported, made)]
    for language, rows in data.by_language.items():
        for use, first in (("selection", 1), ("acceptance", 2)):
            sample = Sample(language, Rows(rows[first::3], [0] * 2))
            points, _ = drift(*(predict(run, "tagging", None, sample, 1) for run in runs))
            assert made.manifest.notes[use]["drop"][language] == pytest.approx(points, abs=1e-3)


def test_a_bound_that_no_mix_keeps_is_refused_or_the_mildest_is_made_with_a_warning(
    world: TinyWorld, exported: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Trial.reading

    def harsher(self: Trial, mix: Assignment, use: Use) -> Reading:
        found, more = measure(self, mix, use), 5 * sum(precision != "float" for precision in mix.values())
        return Reading({name: value + more for name, value in found.drop.items()}, found.divergence)

    monkeypatch.setattr(Trial, "reading", harsher)
    fields = {"products": ["static", "int4"], "max_drop": 4.0}
    with pytest.raises(InputError, match=r"at most 4 points in every language, but the mildest of \d+ .* loses "
                       r"\d+\.\d\d in (de|en|zh) on held-out examples .*when_unmet: best"):  # fmt: skip
        world.make("quantize_mixed", mixed(**fields), exported)
    made = world.make("quantize_mixed", mixed(when_unmet="best", **fields), exported)
    notes = made.manifest.notes
    assert not notes["met"] and "but the mildest of" in notes["warning"]
    assert sum(precision != "float" for precision in notes["precisions"].values()) == 1


def trained(world: TinyWorld) -> Artifact:
    """Return a trained tagger: what its quantized twin loses on dev are right answers."""
    from xpareto.compress.steps.train import Train

    step = Train.model_validate({"on": "udpos", "steps": 40, "learning_rate": 1e-2, "batch_size": 8})
    return world.exported(world.make("train", step, world.source("mlm")))


def test_labels_are_guarded_where_they_are_given(world: TinyWorld) -> None:
    step = mixed(dev="udpos", dev_languages=["en", "de"], products=["dynamic"], embeddings=["int8"])
    made = world.make("quantize_mixed", step, trained(world))
    assert set(made.manifest.notes["acceptance"]["drop"]) == {"de", "en", "zh", "en (udpos)", "de (udpos)"}
    assert step.reads() == (DataNeed("text", "parallel"), DataNeed("training", "udpos"),
                            DataNeed("training", "udpos@de"))  # fmt: skip


def test_an_encoder_is_guarded_by_its_neighbours(world: TinyWorld) -> None:
    encoder = world.exported(world.source("encoder"))
    made = world.make(
        "quantize_mixed", mixed(max_drop=100.0, products=["dynamic"], latency_share=0.0), encoder
    )
    assert made.manifest.notes["met"] and made.manifest.head == "encoder"
    assert np.isfinite(list(made.manifest.notes["acceptance"]["drop"].values())).all()


@pytest.mark.parametrize(
    ("state", "fields", "message"),
    [
        (ChainState("torch", "tagging"), {}, "Put export_onnx before it"),
        (ChainState("onnx", "tagging"), {"dev": "each"}, "Name a set, or put the step after"),
        (ChainState("onnx", "tagging"), {"dev": "mnli"}, "needs the head classification"),
        (ChainState("onnx", "tagging"), {"dev": "udpso"}, "Did you mean"),
        (ChainState("onnx", "choice"), {}, "Give `dev` its training set"),
        (ChainState("onnx", None, forked=True), {"dev": "udpos"}, "Say `dev: each`"),
    ],
)
def test_what_cannot_be_mixed_is_a_misfit(state: ChainState, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(IncompatibleStep, match=message):
        mixed(**fields).follow(state, HEADS)


def test_each_is_the_training_set_of_the_model() -> None:
    step = mixed(dev="each", dev_languages=["en", "sw"])
    assert step.follow(ChainState("onnx", None, forked=True), HEADS).forked
    assert step.within("udpos").dev == "udpos"  # type: ignore[attr-defined]
    assert step.within("encoder").dev is None  # type: ignore[attr-defined]
    with pytest.raises(IncompatibleStep, match="Give a text"):
        mixed(dev="each", text=None).within("encoder")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"products": [], "embeddings": []}, "offer a precision"),
        ({"products": ["int4", "int4"]}, "each precision once"),
        ({"text": None}, "needs data"),
        ({"dev_languages": ["en"]}, "goes with dev"),
        ({"dev": "udpos@de"}, "expected a labelled training set"),
        ({"latency_ms": {"float": 1.0}}, "expected a time for each of dynamic, int4, static"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        mixed(**fields)


def test_the_machine_counts_only_where_time_is_measured() -> None:
    assert DataNeed("machine", "onnxruntime") in mixed(latency_ms=None).reads()
    assert DataNeed("machine", "onnxruntime") not in mixed().reads()
    assert DataNeed("machine", "onnxruntime") not in mixed(latency_ms=None, latency_share=0.0).reads()


def test_times_are_measured_where_none_are_given_and_can_be_given_back(
    world: TinyWorld, exported: Artifact
) -> None:
    fields = {"products": ["static"], "embeddings": [], "tries": 0}
    made = world.make("quantize_mixed", mixed(latency_ms=None, **fields), exported)
    times = made.manifest.notes["latency_ms"]
    assert set(times) == {"float", "static"} and min(times.values()) > 0
    share = times["static"] / times["float"]
    assert share == pytest.approx(round(share / 0.05) * 0.05, abs=1e-3)
    again = world.make("quantize_mixed", mixed(latency_ms=times, **fields), exported)
    assert again.digest == made.digest


def test_too_little_text_is_refused(
    world: TinyWorld, exported: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world.provider), "text", lambda *_: {"en": ["one", "two"]})
    with pytest.raises(InputError, match="gives 2 lines in en, expected 3 at least"):
        world.make("quantize_mixed", mixed(examples=3), exported)
