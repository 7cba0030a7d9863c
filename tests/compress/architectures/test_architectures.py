"""Each description against transformers' own classes: names, layouts of checkpoints, and every step on a base."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.tiny_architectures import TinyArchitecture
from tests.tiny_world import SETS
from xpareto.compress.architectures import ARCHITECTURES, architecture_named, part_of, unmet
from xpareto.compress.core.artifact import Head, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.registry import STEPS
from xpareto.compress.core.step import ChainState, IncompatibleStep, Step
from xpareto.compress.heads.table import HEADS
from xpareto.compress.models.checkpoint import import_checkpoint, load_model, read_checkpoint, save_model
from xpareto.compress.models.heterogeneous_layers import first_layers, from_pretrained
from xpareto.compress.models.hooks import attention_heads, attention_width, traced
from xpareto.compress.onnx.deployment import deploy
from xpareto.compress.onnx.weights import product_nodes
from xpareto.eval.roofline.torch_work import encoder_work
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.reports.formats.card_metadata import Released

TRAINING_SETS = {name: head for head, name in SETS.items()}
OTHERS = [name for name in ARCHITECTURES.names if name != "xlm_roberta"]  # which every other test is about
IDS = torch.tensor([[0, 7, 9, 11, 13, 8, 6, 2], [0, 5, 20, 2, 1, 1, 1, 1]])
MASK = (IDS != 1).long()


@pytest.fixture(scope="module", params=OTHERS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TinyArchitecture]:
    yield TinyArchitecture(tmp_path_factory.mktemp(request.param), request.param)


def states(model: Any) -> torch.Tensor:
    """Return the last hidden states at the real tokens, (tokens, width)."""
    with torch.inference_mode():
        found: torch.Tensor = model.base_model(input_ids=IDS, attention_mask=MASK).last_hidden_state
    return found[MASK == 1]


@pytest.mark.parametrize("name", ARCHITECTURES.names)
def test_a_description_says_what_transformers_has(name: str, tmp_path: Path) -> None:
    world = TinyArchitecture(tmp_path, name)
    world.size = 40
    architecture, config = world.architecture, world.config()
    assert config.model_type == architecture.model_type
    assert all(hasattr(config, setting) for setting in (*architecture.dropouts, architecture.activation))
    for ending, roots in architecture.heads.items():
        config.num_labels = 3
        model = getattr(transformers, architecture.class_name(ending))(config)
        assert model.base_model_prefix == architecture.body
        parts = {key.split(".")[0] for key in model.state_dict()} - {architecture.body}
        assert parts <= set(roots), ending
    body = model.base_model
    assert part_of(body, architecture.words) is body.get_input_embeddings()
    layers = architecture.layers_of(body)
    assert len(layers) == config.num_hidden_layers
    width = sum(part_of(layers[0], path).out_features for path in architecture.projections)
    assert width == 3 * config.hidden_size
    assert architecture.fused_attention == model._supports_sdpa
    masked = getattr(transformers, architecture.class_name("ForMaskedLM"))(config)
    assert part_of(masked, architecture.decoder) is masked.get_output_embeddings()
    assert bool(architecture.norm_at_end) == (not equal_without_end(body, architecture))


def equal_without_end(body: Any, architecture: Any) -> bool:
    """Say whether what the last layer gives is the last hidden state."""
    seen: dict[str, torch.Tensor] = {}

    def see(_: Any, __: Any, output: Any) -> None:
        seen["last"] = output[0] if isinstance(output, tuple) else output

    for weight in body.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    handle = architecture.layers_of(body)[-1].register_forward_hook(see)
    found = states(body.eval())
    handle.remove()
    return bool(torch.equal(seen["last"][MASK == 1], found))


def test_a_model_type_that_is_none_is_refused_with_those_that_are() -> None:
    for name in ("electra", "xlm_roberta", None, 3, "", "__init__"):
        with pytest.raises(InputError, match=r"config.json: model_type: expected one of bert, deberta-v2"):
            architecture_named(name, "config.json")


# -- layouts of checkpoints -------------------------------------------------------------------------------------------


def with_head(world: TinyArchitecture, folder: Path) -> Any:
    model = getattr(transformers, world.architecture.class_name("ForMaskedLM")).from_pretrained(
        world.source("mlm").path
    )
    model.save_pretrained(folder)
    return model


def bare(world: TinyArchitecture, folder: Path) -> Any:
    model = with_head(world, folder).base_model
    model.save_pretrained(folder)
    return model


def in_shards(world: TinyArchitecture, folder: Path) -> Any:
    model = with_head(world, folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="8KB")
    assert (folder / "model.safetensors.index.json").is_file()
    return model


def in_half(world: TinyArchitecture, folder: Path) -> Any:
    model = with_head(world, folder)
    model.bfloat16().save_pretrained(folder)
    return type(model).from_pretrained(folder, dtype=torch.float32)


def with_spare_rows(world: TinyArchitecture, folder: Path) -> Any:
    model = with_head(world, folder)
    model.resize_token_embeddings(world.size + 8)
    model.save_pretrained(folder)
    return model


def with_the_table_as_decoder(world: TinyArchitecture, folder: Path) -> Any:
    """Write what safetensors' save_model leaves of two names of one tensor: either."""
    model = with_head(world, folder)
    file, architecture = folder / "model.safetensors", world.architecture
    held = load_file(file)
    held[f"{architecture.decoder}.weight"] = held.pop(f"{architecture.body}.{architecture.words}.weight")
    save_file(held, file, {"format": "pt"})
    return model


def fine_tuned(world: TinyArchitecture, folder: Path) -> Any:
    config = world.config()
    config.id2label, config.label2id = {0: "a", 1: "b", 2: "c"}, {"a": 0, "b": 1, "c": 2}
    model = getattr(transformers, world.architecture.class_name("ForTokenClassification"))(config).eval()
    model.save_pretrained(folder)
    return model


LAYOUTS = [with_head, bare, in_shards, in_half, with_spare_rows, with_the_table_as_decoder, fine_tuned]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_checkpoint_is_taken_as_it_comes(
    layout: Callable[[TinyArchitecture, Path], Any], world: TinyArchitecture, tmp_path: Path
) -> None:
    base = world.source("mlm")
    folder, target = tmp_path / "given", tmp_path / "taken"
    expected = states(layout(world, folder).eval())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes(base.file(name).read_bytes())
    facts = read_checkpoint(folder)
    assert facts.max_tokens == 32 and facts.vocab_size == world.size and facts.layers == 2
    made = import_checkpoint(folder, target)
    assert made.head == ("tagging" if layout is fine_tuned else "encoder" if layout is bare else "mlm")
    torch.testing.assert_close(states(load_model(target, made.head, made.labels, keep_head=True)), expected)
    written = json.loads((target / "config.json").read_text())
    assert written["model_type"] == world.architecture.model_type
    assert made.labels == (("a", "b", "c") if layout is fine_tuned else ())
    auto = transformers.AutoModel.from_pretrained(target).eval()
    torch.testing.assert_close(states(auto), expected)


def test_a_tensor_that_nobody_reads_is_refused(world: TinyArchitecture, tmp_path: Path) -> None:
    base = world.source("mlm")
    for file in base.path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    held = load_file(tmp_path / "model.safetensors")
    name = f"{world.architecture.body}.{world.architecture.layers}.0.adapter.down.weight"
    save_file(held | {name: torch.zeros(2, 2)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"adapter.*Merge adapters"):
        import_checkpoint(tmp_path, tmp_path / "taken")
    missing = f"{world.architecture.body}.{world.architecture.layers}.1."
    for key in [key for key in held if key.startswith(missing)][:1]:
        del held[key]
    save_file(held, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="the weights lack"):
        import_checkpoint(tmp_path, tmp_path / "taken")


# -- what steps ask of a description --------------------------------------------------------------------------------


def test_layers_that_stay_keep_what_they_are(world: TinyArchitecture) -> None:
    model = load_model(world.source("mlm").path, "mlm", keep_head=True)
    architecture, body = world.architecture, model.base_model
    whole, layers = states(model), list(architecture.layers_of(body))
    told = {name: list(getattr(body.config, name)) for name in architecture.per_layer}
    with architecture.given_layers(body):
        architecture.put_layers(body, [1])
        assert list(architecture.layers_of(body)) == layers[1:] and body.config.num_hidden_layers == 1
        assert all(getattr(body.config, name) == given[1:] for name, given in told.items())
        assert not torch.equal(states(model), whole)
    assert torch.equal(states(model), whole)


def test_states_below_the_last_are_read_where_they_are_normalized(world: TinyArchitecture) -> None:
    encoder = load_model(world.source("encoder").path, "encoder")
    assert torch.equal(states(first_layers(encoder, 2)), states(encoder))
    if world.architecture.inner_states:
        with torch.inference_mode():
            inner = encoder(input_ids=IDS, attention_mask=MASK, output_hidden_states=True).hidden_states[1]
        torch.testing.assert_close(states(first_layers(encoder, 1)), inner[MASK == 1])
    else:
        with pytest.raises(InputError, match=r"layer: .* normalizes its last hidden state alone"):
            first_layers(encoder, 1)


def test_what_layers_compare_is_seen_on_the_way(world: TinyArchitecture) -> None:
    encoder = load_model(world.source("encoder").path, "encoder")
    with traced(encoder, {0, 1, 2}, {1, 2}) as trace, torch.no_grad():
        encoder(input_ids=IDS, attention_mask=MASK)
    for parts in (trace.query, trace.key, trace.value, trace.hidden):
        assert {parts[at].shape for at in (1, 2)} == {(2, 8, 16)}
    assert attention_heads(encoder, 1) == 2 and attention_width(encoder, 2) == 16
    layer, architecture = world.architecture.layers_of(encoder)[0], world.architecture
    seen = torch.cat([trace.query[1], trace.key[1], trace.value[1]], -1)
    read = getattr(layer, "attn_norm", None) or getattr(
        layer.attention, "self_attn_layer_norm", torch.nn.Identity()
    )
    maps = [part_of(layer, path)(read(trace.hidden[0])) for path in architecture.projections]
    torch.testing.assert_close(seen[MASK == 1], torch.cat(maps, -1)[MASK == 1])


@pytest.mark.parametrize("head", sorted({*HEADS} - {"mlm"}))
def test_every_head_answers_in_torch_as_in_transformers(head: Head, world: TinyArchitecture) -> None:
    source = world.source(head)
    session = RUNTIMES.load("torch").open(source, 1)
    answer = session.run(IDS.numpy(), MASK.numpy())
    session.close()
    model = from_pretrained(source.path)
    ending = HEADS[head].class_ending
    assert type(model).__name__ == world.architecture.class_name(ending)
    with torch.inference_mode():
        expected = HEADS[head].output(model, None, input_ids=IDS, attention_mask=MASK).numpy()
    where = MASK.numpy() == 1 if answer.shape[:2] == MASK.shape else slice(None)
    np.testing.assert_allclose(answer[where], expected[where], atol=1e-5)


# -- every step on every architecture --------------------------------------------------------------------------------


def cells() -> Iterator[Any]:
    """Yield each step that takes a model, and a head that it takes; those that need a second export are slow."""
    for name in STEPS.names:
        kind = STEPS.load(name)
        for head in ("encoder", "tagging", "mlm") if kind.takes is not None else ():
            state = ChainState(kind.takes, head)
            earlier = {"base": ChainState("torch", "mlm"), "fp32": ChainState("torch", head)}
            try:
                kind(**kind.quick).follow(state.having(earlier=earlier), TRAINING_SETS)
            except IncompatibleStep:
                continue
            exported = "onnx" in (kind.takes, kind.gives)
            if not (exported and head == "mlm"):
                marks = [pytest.mark.slow] if exported and head != "encoder" else []
                yield pytest.param(name, head, id=f"{name}-{head}", marks=marks)


@pytest.mark.parametrize(("name", "head"), [*cells()])
def test_a_step_runs_with_parity_or_says_why_not(name: str, head: Head, world: TinyArchitecture) -> None:
    kind = STEPS.load(name)
    step: Step = kind(**kind.quick)
    why = unmet(step.needs(), world.architecture)
    if why is not None:
        assert name in why and f"this base is {world.architecture.called}. Leave it out." in why
        return
    source = world.source(head)
    source = world.exported(source) if kind.takes == "onnx" else source
    label = step.learns_from()
    teacher = world.source("mlm" if label == "base" else head) if label else None
    made = world.make(name, step, source, teacher=teacher)
    if made.manifest.format == "torch":
        assert torch.isfinite(
            states(load_model(made.path, made.manifest.head, made.manifest.labels, keep_head=True))
        ).all()
        return
    drift = made.manifest.notes.get("drift") or made.manifest.notes["parity"]
    for output in drift.values():  # of random weights; export_onnx holds its own tolerance
        assert output["mean_abs_diff"] < 0.1 * output["max_abs_reference"]
    counts = made.manifest.notes.get("products")
    if name in ("quantize_dynamic", "quantize_static"):
        assert counts["integer"] >= 8, "all products with weights are products of integers"


@pytest.mark.parametrize("name", OTHERS)
def test_needs_are_those_of_the_fields(name: str) -> None:
    architecture = ARCHITECTURES.load(name)

    def told(step: str, **fields: Any) -> str | None:
        return unmet(STEPS.load(step)(**fields).needs(), architecture)

    assert told("train", on="each") is None and told("export_onnx") is None
    assert "packed" in (told("export_onnx", packed=True) or "")
    assert (told("train", on="encoder", layer=1) is None) == architecture.inner_states
    minilm = {"teacher": "base", "text": "mono", "minilm": {}}
    assert (told("distill", **minilm) is None) == architecture.plain_attention
    assert told("distill", teacher="base", text="mono", relations={}) is None


@pytest.mark.parametrize("importance", ["group_magnitude", "group_taylor", "lamp", "fpgm"])
def test_neurons_go_by_torch_prunings_groups_in_every_architecture(
    importance: str, world: TinyArchitecture
) -> None:
    """What is left equals the whole model with the other neurons' outputs at zero, and transformers loads it."""
    step = STEPS.load("prune_width")(
        ffn=0.5, importance=importance, tune="none", multiple=4, calibration={"examples": 8}
    )
    assert unmet(step.needs(), world.architecture) is None
    source = world.source("encoder")
    made = world.make("prune_width", step, source)
    assert made.manifest.notes["ffn"] == [12, 12] and made.manifest.notes["ffn_before"] == [24, 24]
    whole, architecture = load_model(source.path, "encoder"), world.architecture
    for layer, kept in zip(architecture.layers_of(whole), made.manifest.notes["neurons_kept"], strict=True):
        mask = torch.zeros(24)
        mask[kept] = 1
        out = layer.mlp.Wo if architecture.gated else layer.output.dense
        out.register_forward_pre_hook(lambda _, given, mask=mask: (given[0] * mask,))
    torch.testing.assert_close(
        states(transformers.AutoModel.from_pretrained(made.path).eval()), states(whole)
    )


def test_the_weights_of_a_group_are_all_that_belong_to_a_neuron(world: TinyArchitecture) -> None:
    step = STEPS.load("prune_width")(ffn=0.5, importance="group_magnitude", tune="none", multiple=4)
    made = world.make("prune_width", step, world.source("encoder"))
    whole, architecture = load_model(world.source("encoder").path, "encoder"), world.architecture
    for layer, kept in zip(architecture.layers_of(whole), made.manifest.notes["neurons_kept"], strict=True):
        rows, out = (
            part_of(layer, architecture.ffn_in),
            layer.mlp.Wo if architecture.gated else layer.output.dense,
        )
        norms = (rows.weight**2).sum(1).view(-1, 24).sum(0) + (out.weight**2).sum(0)
        assert sorted(norms.argsort(descending=True)[:12].tolist()) == kept


def test_a_group_importance_takes_neurons_alone() -> None:
    kind, plain = STEPS.load("prune_width"), {"tune": "none", "ffn": 0.5}
    for fields in (
        {**plain, "heads": 0.5},
        {"ffn": 0.5},
        {**plain, "hidden": 0.5},
        {"tune": "none", "keep": 0.5},
    ):
        with pytest.raises(ValueError, match=r"importance: lamp takes ffn"):
            kind(importance="lamp", **fields)


def test_operations_in_torch_are_those_that_torch_counts(world: TinyArchitecture) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    source, ids = world.source("encoder"), torch.full((3, 9), 7)
    model = load_model(source.path, "encoder", attention="eager")
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert encoder_work(source, 3, 9).total == counter.get_total_flops()


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_every_runtime_gives_what_torch_gives(runtime: str, world: TinyArchitecture) -> None:
    source = world.source("encoder")
    exported = world.exported(source)
    for step, tolerance in (("", 1e-5), ("quantize_dynamic", 0.1)):
        artifact = world.make(step, STEPS.load(step)(), exported) if step else exported
        expected, found = (
            RUNTIMES.load(name).open(one, 1).run(IDS.numpy(), MASK.numpy())[MASK.numpy() == 1]
            for name, one in (("torch", source), (runtime, artifact))
        )
        np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())


def test_what_is_given_away_is_said_to_load_in_transformers_and_does(
    world: TinyArchitecture, tmp_path: Path
) -> None:
    source = world.source("tagging")
    given = deploy(source, tmp_path)
    assert Released(given).plain
    found = transformers.AutoModelForTokenClassification.from_pretrained(given.path).eval()
    torch.testing.assert_close(states(found), states(from_pretrained(source.path)))


@pytest.mark.parametrize(("importance", "stays"), [("group_magnitude", True), ("group_taylor", False)])
def test_a_large_neuron_that_changes_nothing_stays_by_its_weights_and_goes_by_the_loss(
    importance: str, stays: bool, world: TinyArchitecture, tmp_path: Path
) -> None:
    source = world.source("encoder")
    model, architecture = load_model(source.path, "encoder"), world.architecture
    with torch.no_grad():
        for layer in architecture.layers_of(model):
            part_of(layer, architecture.ffn_in).weight[5] *= 100
            (layer.mlp.Wo if architecture.gated else layer.output.dense).weight[:, 5] = 0
    save_model(model, source.path, tmp_path)
    fields = {"importance": importance, "tune": "none", "multiple": 4, "calibration": {"examples": 8}}
    changed = seal(tmp_path, Manifest({}, "torch", "encoder", (), "encoder", step="train"))
    made = world.make("prune_width", STEPS.load("prune_width")(ffn=0.5, **fields), changed)
    assert [5 in kept for kept in made.manifest.notes["neurons_kept"]] == [stays, stays]


def test_an_export_multiplies_activations_alone(world: TinyArchitecture) -> None:
    """What positions and weights give together, as in DeBERTa, is worked out: two layers have their maps, no more."""
    model = onnx.load(world.exported(world.source("encoder")).file("model.onnx"))
    assert len(product_nodes(model)) == 2 * (4 if world.architecture.gated else 6)
