"""prune_width: smaller shapes that answer as the masked model, chosen as asked, deterministic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.compress.pruning.test_speedup import Machine
from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, DataNeed, IncompatibleStep
from xpareto.compress.models.checkpoint import load_model, read_checkpoint, save_model
from xpareto.compress.models.layer_costs import encoder_cost
from xpareto.compress.pruning.slicing import narrow
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.compress.steps.prune_width import STEP
from xpareto.eval.runtimes.torch import RUNTIME

HEADS = ("encoder", "mlm", "classification", "tagging", "qa", "choice")
TRAINED_ON = {"classification": "mnli", "tagging": "udpos", "qa": "squad_v1", "choice": "hellaswag"}
FEW = {"examples": 9, "max_length": 12}


def pruned(source: Artifact, target: Path, context: Context, **fields: Any) -> Artifact:
    target.mkdir()
    made = STEP.model_validate({"calibration": FEW, "multiple": 1, **fields}).apply(source, target, context)
    manifest = Manifest({}, made.format, made.head, made.labels, made.training_set, made.layer)
    return seal(target, replace(manifest, notes=made.notes))


def logits(artifact: Artifact, edit: Any = lambda model: None) -> list[np.ndarray]:
    model = load_model(artifact.path, artifact.manifest.head, artifact.manifest.labels, keep_head=True)
    edit(model)
    ids = torch.from_numpy(np.random.default_rng(1).integers(4, 97, (3, 9)))
    with torch.inference_mode():
        found = model(input_ids=ids, output_hidden_states=True)
    names = ("logits", "start_logits", "end_logits")
    return [
        *(state.numpy() for state in found.hidden_states),
        *(found[at].numpy() for at in names if at in found),
    ]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("labelled", [False, True], ids=["text", "labels"])
def test_the_pruned_model_is_the_whole_one_with_what_went_masked(
    tiny: Any, tiny_context: Context, tmp_path: Path, head: Any, labelled: bool
) -> None:
    source = tiny(head)
    calibration = {"on": TRAINED_ON[head]} if labelled and head in TRAINED_ON else FEW
    fields = {"heads": 0.5, "tune": "none", "calibration": calibration}
    made = pruned(source, tmp_path / "pruned", tiny_context, **fields)
    notes = made.manifest.notes

    def mask(model: Any) -> None:
        for layer, stay in zip(model.base_model.encoder.layer, notes["heads_kept"], strict=True):
            for gone in set(range(4)) - set(stay):
                layer.attention.output.dense.weight.data[:, gone * 4 : gone * 4 + 4] = 0

    for one, other in zip(logits(made), logits(source, mask), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert sum(notes["heads"]) == 6 and notes["ffn"] == [24, 24, 24]
    assert (made.manifest.head, made.manifest.labels) == (head, source.manifest.labels)
    assert made.size_bytes < source.size_bytes
    assert read_checkpoint(made.path).shape.heads == tuple(notes["heads"])
    known = {"mlm": "masked language modelling", "encoder": "reconstruction of the hidden state"}
    expected = "labels" if "on" in calibration else known.get(head, "the model's own answers")
    assert notes["objective"] == expected


@pytest.mark.parametrize("importance", ["fisher", "taylor", "activation", "magnitude", "random"])
def test_every_importance_meets_a_budget_of_flops(
    tiny: Any, tiny_context: Context, tmp_path: Path, importance: str
) -> None:
    source = tiny("tagging")
    made = pruned(source, tmp_path / "pruned", tiny_context, keep=0.5, importance=importance)
    notes = made.manifest.notes
    assert 0.45 * notes["flops_before"] <= notes["flops"] <= 0.5 * notes["flops_before"]
    shape = read_checkpoint(made.path).shape
    assert notes["flops"] == encoder_cost("flops", shape, 16, 12)
    assert notes["parameters"] < notes["parameters_before"]
    total = notes["importance"]["ffn"]["share_by_layer"]
    assert len(total) == 3 and sum(total) == pytest.approx(1, abs=0.01)


def test_a_uniform_budget_gives_every_layer_the_same_width(
    tiny: Any, tiny_context: Context, tmp_path: Path
) -> None:
    fields = {"heads": 0.5, "ffn": 0.5, "budget": "uniform", "multiple": 8}
    notes = pruned(tiny("encoder"), tmp_path / "pruned", tiny_context, **fields).manifest.notes
    assert (notes["heads"], notes["ffn"]) == ([2, 2, 2], [8, 8, 8])


def test_a_global_budget_takes_from_the_layers_that_matter_least(
    tiny: Any, tiny_context: Context, tmp_path: Path
) -> None:
    """Retrieval reads layer 1, so all that lies above has no importance and goes first."""
    made = pruned(tiny("encoder", 1), tmp_path / "pruned", tiny_context, heads=0.34, ffn=0.34, tune="none")
    notes = made.manifest.notes
    assert (notes["heads"], notes["ffn"]) == ([4, 0, 0], [24, 0, 0])
    assert made.manifest.layer == 1
    before, after = logits(tiny("encoder", 1))[1], logits(made)[1]
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_hidden_channels_go_from_the_whole_model(tiny: Any, tiny_context: Context, tmp_path: Path) -> None:
    for head in ("tagging", "mlm", "classification"):
        made = pruned(tiny(head), tmp_path / head, tiny_context, hidden=0.5, ffn=0.5, multiple=4)
        facts = read_checkpoint(made.path)
        assert facts.hidden_size == 8 and set(facts.shape.heads) == {4}
        assert logits(made)[0].shape[-1] == 8
        assert made.manifest.notes["parameters"] < 0.6 * made.manifest.notes["parameters_before"]


def test_tuning_repairs_and_is_noted(tiny: Any, tiny_context: Context, tmp_path: Path) -> None:
    source = tiny("encoder")
    whole = logits(source)[-1]
    distances = {}
    for tune in ("none", "masks", "weights"):
        fields = {"heads": 0.75, "ffn": 0.75, "tune": tune, "calibration": {"examples": 36}}
        made = pruned(source, tmp_path / tune, tiny_context, **fields)
        distances[tune] = float(np.square(logits(made)[-1] - whole).mean())
        assert ("tuned" in made.manifest.notes) == (tune != "none")
    assert distances["weights"] < distances["none"]
    rows = made.manifest.notes["tuned"]["rows"]
    assert all(after <= before for _, _, before, after, _ in rows)


def test_equal_input_gives_equal_bytes_and_leaves_the_source_alone(
    tiny: Any, tiny_context: Context, tmp_path: Path
) -> None:
    source = tiny("tagging")
    fields = {"keep": 0.5, "hidden": 0.75}
    state = torch.random.get_rng_state()
    one = pruned(source, tmp_path / "one", tiny_context, **fields)
    other = pruned(source, tmp_path / "other", replace(tiny_context, seed=5), **fields)
    assert one.digest == other.digest
    assert torch.equal(torch.random.get_rng_state(), state)
    source.verify()
    seeded = pruned(source, tmp_path / "seeded", tiny_context, **fields, seed=1)
    assert seeded.digest != one.digest


def test_calibration_in_english_alone_is_a_field_that_matters(
    tiny: Any, tiny_context: Context, tmp_path: Path
) -> None:
    source = tiny("encoder")
    english = {"calibration": {**FEW, "languages": ["en"]}}
    one = pruned(source, tmp_path / "en", tiny_context, ffn=0.5, **english)
    every = pruned(source, tmp_path / "all", tiny_context, ffn=0.5)
    assert set(one.manifest.notes["calibration"]["examples"]) == {"en"}
    assert set(every.manifest.notes["calibration"]["examples"]) == {"de", "en", "sw"}
    assert one.digest != every.digest


def test_a_narrow_model_is_pruned_again(tiny: Any, tiny_context: Context, tmp_path: Path) -> None:
    once = pruned(tiny("tagging"), tmp_path / "once", tiny_context, keep=0.5)
    twice = pruned(once, tmp_path / "twice", tiny_context, keep=0.5)
    assert twice.manifest.notes["flops"] <= 0.5 * once.manifest.notes["flops"]
    assert twice.manifest.notes["heads_before"] == once.manifest.notes["heads"]


def test_layers_that_lost_all_heads_or_neurons_are_pruned_again(
    tiny: Any, tiny_context: Context, tmp_path: Path
) -> None:
    once = pruned(tiny("encoder", 1), tmp_path / "once", tiny_context, heads=0.34, ffn=0.34)
    assert once.manifest.notes["heads"] == [4, 0, 0] and once.manifest.notes["ffn"] == [24, 0, 0]
    for name, fields in {
        "ffn": {"ffn": 0.5}, "hidden": {"hidden": 0.5}, "uniform": {"heads": 0.5, "ffn": 0.5, "budget": "uniform"},
        "magnitude": {"heads": 0.5, "importance": "magnitude"}, "activation": {"keep": 0.5, "importance": "activation"},
    }.items():  # fmt: skip
        twice = pruned(once, tmp_path / name, tiny_context, **fields)
        assert twice.manifest.notes["parameters"] < once.manifest.notes["parameters"], name
        assert twice.manifest.notes["heads"][1:] == [0, 0]


def test_a_pruned_model_exports_and_answers_the_same(
    tiny: Any, tiny_context: Context, tmp_path: Path
) -> None:
    import onnxruntime

    fields = {"heads": 0.34, "ffn": 0.3, "hidden": 0.75, "multiple": 4}
    made = pruned(tiny("classification"), tmp_path / "pruned", tiny_context, **fields)
    (tmp_path / "onnx").mkdir()
    EXPORT().apply(made, tmp_path / "onnx", tiny_context)
    session = onnxruntime.InferenceSession(
        tmp_path / "onnx" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    ids = np.random.default_rng(1).integers(4, 97, (3, 9))
    mask = np.ones_like(ids)
    (found,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    np.testing.assert_allclose(found, RUNTIME.open(made, threads=1).run(ids, mask), atol=1e-4)
    np.testing.assert_allclose(found, logits(made)[-1], atol=1e-4)


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"heads": 1.0}, {"heads": -0.1}, {"hidden": 0.0}, {"keep": 1.0}, {"keep": 0.5, "ffn": 0.5},
        {"keep": 0.5, "budget": "uniform"}, {"ffn": 0.5, "importance": "best"}, {"ffn": 0.5, "only": []},
        {"speedup": 1.0}, {"speedup": 2.0, "keep": 0.5}, {"speedup": 2.0, "hidden": 0.5},
        {"speedup": 2.0, "budget": "uniform"}, {"keep": 0.5, "latency": {"threads": 2}},
    ],
)  # fmt: skip
def test_fields_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        STEP.model_validate(fields)


def test_it_follows_torch_and_reads_what_it_calibrates_on() -> None:
    step = STEP(ffn=0.5)
    assert step.follow(ChainState("torch", "mlm"), {}) == ChainState("torch", "mlm")
    assert step.reads() == (DataNeed("text", "parallel"),)
    blind = STEP(ffn=0.5, importance="magnitude", tune="none")
    assert blind.reads() == ()
    with pytest.raises(IncompatibleStep, match="given onnx"):
        step.follow(ChainState("onnx", "encoder"), {})
    with pytest.raises(IncompatibleStep, match="no models per training set"):
        STEP(ffn=0.5, only=["xnli"]).follow(ChainState("torch", "mlm"), {})
    with pytest.raises(IncompatibleStep, match="unknown training set"):
        STEP.model_validate({"ffn": 0.5, "calibration": {"on": "udpso"}}).follow(
            ChainState("torch", "mlm"), {"udpos": "tagging"}
        )
    assert [STEP(ffn=0.5, only=["xnli"]).acts_on(name) for name in ("xnli", "udpos")] == [True, False]


def test_a_budget_that_cannot_be_met_is_told(tiny: Any, tiny_context: Context, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one for each of 3 languages"):
        pruned(tiny("encoder"), tmp_path / "x", tiny_context, ffn=0.5, calibration={"examples": 2})


def test_the_model_that_is_written_is_as_many_times_quicker_as_asked(
    tiny: Any, tiny_context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    from xpareto.compress.pruning import speedup as latency_budget

    def seconds(graph: Any) -> float:
        """Return how long a made-up machine takes: by the weights of products, and more the more there are."""
        sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.graph.initializer}
        products = [node.input[1] for node in graph.graph.node if node.op_type == "MatMul"]
        weights = sum(np.prod(sizes[name]) for name in products if name in sizes)
        return 0.004 + 1e-6 * float(weights) ** 1.1

    machine = Machine(seconds)
    clock = SimpleNamespace(thread_time=machine.clock, perf_counter=machine.clock)
    monkeypatch.setattr(latency_budget, "time", clock)
    monkeypatch.setattr(latency_budget, "_open", machine.open_run)
    source = tiny("classification")
    made = pruned(source, tmp_path / "pruned", tiny_context, speedup=1.3)
    found = made.manifest.notes["latency"]
    taken = []
    for name, artifact in (("whole", source), ("narrow", made)):
        (tmp_path / name).mkdir()
        EXPORT().apply(artifact, tmp_path / name, tiny_context)
        taken.append(seconds(onnx.load(tmp_path / name / "model.onnx")))
    assert found["speedup"] == pytest.approx(taken[0] / taken[1], rel=1e-6)
    assert found["speedup"] == pytest.approx(1.3, rel=0.1)
    assert [*made.manifest.notes["heads"], *made.manifest.notes["ffn"]] in [
        one["kept"] for one in found["attempts"]
    ]


def test_a_measured_speedup_makes_the_machine_a_part_of_the_key() -> None:
    needs = STEP(speedup=2.0).reads()
    assert needs == (DataNeed("text", "parallel"), DataNeed("machine", "onnxruntime"))
    assert STEP(keep=0.5).reads() == needs[:1]


def test_torch_prunings_groups_take_layers_of_one_width(world: TinyWorld, tmp_path: Path) -> None:
    source = world.source("tagging")
    model = load_model(source.path, "tagging", source.manifest.labels, keep_head=True)
    narrow(model, [[0, 1]] * 2, [[*range(12)], [*range(24)]], [*range(16)])
    save_model(model, source.path, tmp_path)
    uneven = seal(
        tmp_path, Manifest({}, "torch", "tagging", source.manifest.labels, "udpos", step="prune_width")
    )
    step = STEP.model_validate({"ffn": 0.5, "importance": "lamp", "tune": "none"})
    with pytest.raises(
        InputError, match=r"importance: lamp takes layers of one width, found .* of 12, 24 neurons"
    ):
        world.make("prune_width", step, uneven)
