"""Models of heterogeneous layers: their format, their modules, and everything that must go on working on them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import Context
from xpareto.compress.heads.table import HEADS as SPECS
from xpareto.compress.models.checkpoint import import_checkpoint, load_model, read_checkpoint, save_model
from xpareto.compress.models.freezing import freeze
from xpareto.compress.models.heterogeneous_config import KEY, OWN, Shape, accepted, shape_in
from xpareto.compress.models.heterogeneous_layers import from_pretrained, reshape, shape_of
from xpareto.compress.pruning.slicing import narrow_layer
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.compress.training.embedding_subset import Remap, compact_rows
from xpareto.compress.training.multitask import MultiTaskLoss, TaskHead, multitask_model
from xpareto.eval.runtimes.torch import RUNTIME

VOCAB, TOKENS, HIDDEN = 97, 24, 16
LABELS: dict[Head, tuple[str, ...]] = {"classification": ("a", "b", "c"), "tagging": ("X", "Y", "Z")}
HEADS: tuple[Head, ...] = ("encoder", "mlm", "classification", "tagging", "qa", "choice")
UNEVEN = Shape((2, 0, 3, 4), (24, 5, 0, 1), 4)
LOW_RANK = replace(UNEVEN, embedding_rank=6)


def context(folder: Path) -> Context:
    return Context(provider=None, seed=0, threads=1, scratch=folder, progress=lambda *_: None)  # type: ignore[arg-type]


def write_tokenizer(folder: Path) -> None:
    unigram = {"type": "Unigram", "unk_id": 3, "vocab": [[f"t{index}", -1.0] for index in range(VOCAB)]}
    (folder / "tokenizer.json").write_text(
        json.dumps({"version": "1.0", "added_tokens": [], "model": unigram})
    )
    (folder / "tokenizer_config.json").write_text("{}")


def write_even(folder: Path) -> None:
    config = transformers.XLMRobertaConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=4, num_attention_heads=4,
        intermediate_size=24, max_position_embeddings=TOKENS + 2, type_vocab_size=1, initializer_range=0.5,
    )  # fmt: skip
    torch.manual_seed(3)
    transformers.XLMRobertaForMaskedLM(config).save_pretrained(folder)
    write_tokenizer(folder)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Head, Shape], Artifact]:
    """Return a function (head, shape) -> sealed artifact of that shape, all its weights random."""
    even = tmp_path_factory.mktemp("even")
    write_even(even)

    def build(head: Head, shape: Shape = UNEVEN) -> Artifact:
        folder = tmp_path_factory.mktemp(head)
        model = load_model(even, head, LABELS.get(head, ()))
        reshape(model, shape)
        torch.manual_seed(5)
        with torch.no_grad():
            for weight in model.parameters():
                weight.copy_(torch.randn_like(weight) * 0.4)
        save_model(model.eval(), even, folder)
        return seal(folder, Manifest({}, "torch", head, labels=LABELS.get(head, ())))

    return build


def batch() -> dict[str, torch.Tensor]:
    ids = torch.from_numpy(np.random.default_rng(1).integers(4, VOCAB, (3, 9)))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return {"input_ids": torch.where(mask == 1, ids, 1), "attention_mask": mask}


def answers(model: Any) -> list[np.ndarray]:
    with torch.inference_mode():
        found = model(**batch(), output_hidden_states=True)
    states = [state.numpy() for state in found.hidden_states]
    logits = [found[name].numpy() for name in ("logits", "start_logits", "end_logits") if name in found]
    return [*states, *logits]


def equal(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("shape", [UNEVEN, LOW_RANK], ids=["uneven", "low-rank"])
def test_a_saved_uneven_model_answers_the_same_however_it_is_loaded(
    uneven: Any, tmp_path: Path, head: Head, shape: Shape
) -> None:
    source = uneven(head, shape)
    model = load_model(source.path, head, source.manifest.labels, keep_head=True)
    assert shape_of(model) == shape == read_checkpoint(source.path).shape
    expected = answers(model)
    assert len(expected) >= 5
    assert equal(answers(from_pretrained(source.path)), expected)
    import_checkpoint(source.path, tmp_path / "again")
    assert equal(answers(from_pretrained(tmp_path / "again")), expected)
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == source.file(name).read_bytes()


def test_a_plain_shape_is_written_without_the_key_and_loads_in_transformers(tmp_path: Path) -> None:
    write_even(tmp_path)
    model = load_model(tmp_path, "encoder")
    for layer in model.base_model.encoder.layer:
        narrow_layer(layer, list(range(4)), [0, 3, 8])
    save_model(model, tmp_path, tmp_path / "narrow")
    config = json.loads((tmp_path / "narrow" / "config.json").read_text())
    assert KEY not in config and config["intermediate_size"] == 3
    plain = transformers.AutoModel.from_pretrained(tmp_path / "narrow", add_pooling_layer=False)
    assert equal(answers(plain.eval()), answers(model))


# No weight of this one has another size than transformers expects: one layer's neurons are all gone.
WITHOUT_NEURONS = Shape((4, 4, 4, 4), (24, 0, 24, 24), 4)


@pytest.mark.parametrize("shape", [UNEVEN, LOW_RANK, WITHOUT_NEURONS], ids=["uneven", "low-rank", "without"])
def test_what_transformers_cannot_hold_it_refuses_whoever_saved_it(
    uneven: Any, tmp_path: Path, shape: Shape
) -> None:
    source = uneven("classification", shape)
    model = from_pretrained(source.path)
    model.save_pretrained(tmp_path)  # as after training it further
    write_tokenizer(tmp_path)
    for folder in (source.path, tmp_path):
        assert json.loads((folder / "config.json").read_text())["model_type"] == OWN
        with pytest.raises(ValueError, match=OWN):
            transformers.AutoModelForSequenceClassification.from_pretrained(folder)
        with pytest.raises(Exception, match="num_attention_heads"):
            transformers.XLMRobertaForSequenceClassification.from_pretrained(folder)
        assert equal(answers(from_pretrained(folder)), answers(model))


def test_a_folder_that_an_older_version_wrote_is_read(uneven: Any, tmp_path: Path) -> None:
    source = uneven("encoder")
    for name in source.manifest.files:
        (tmp_path / name).write_bytes(source.file(name).read_bytes())
    older = accepted(json.loads(source.file("config.json").read_text()))
    assert older["model_type"] == "xlm-roberta" and older["num_attention_heads"] == 4
    (tmp_path / "config.json").write_text(json.dumps(older))
    assert read_checkpoint(tmp_path).shape == UNEVEN
    assert equal(answers(from_pretrained(tmp_path)), answers(from_pretrained(source.path)))


def test_an_uneven_model_reloads_in_a_new_process(uneven: Any, tmp_path: Path) -> None:
    source = uneven("tagging", LOW_RANK)
    script = (
        "import sys, torch, numpy as np\n"
        "from xpareto.compress.models.heterogeneous_layers import from_pretrained\n"
        "rows = torch.from_numpy(np.load(sys.argv[2]))\n"
        "with torch.inference_mode():\n"
        "    np.save(sys.argv[3], from_pretrained(sys.argv[1])(input_ids=rows).logits.numpy())\n"
    )
    rows = np.random.default_rng(2).integers(4, VOCAB, (2, 7))
    np.save(tmp_path / "rows.npy", rows)
    arguments = [str(source.path), str(tmp_path / "rows.npy"), str(tmp_path / "found.npy")]
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, cwd=root)
    model = load_model(source.path, "tagging", source.manifest.labels, keep_head=True)
    with torch.inference_mode():
        expected = model(input_ids=torch.from_numpy(rows)).logits.numpy()
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, atol=1e-5)


@pytest.mark.parametrize(
    "head",
    [
        "tagging",
        *(pytest.param(head, marks=pytest.mark.slow) for head in HEADS if head not in ("mlm", "tagging")),
    ],
)
def test_an_uneven_model_exports_and_runs_in_onnxruntime_as_in_torch(
    uneven: Any, tmp_path: Path, head: Head
) -> None:
    import onnxruntime

    source = uneven(head, LOW_RANK)
    (tmp_path / "onnx").mkdir()
    made = EXPORT().apply(source, tmp_path / "onnx", context(tmp_path / "onnx"))
    assert made.notes["max_abs_diff"] < 1e-4
    session = onnxruntime.InferenceSession(
        tmp_path / "onnx" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    inputs = {name: rows.numpy() for name, rows in batch().items()}
    found = np.stack(session.run(None, inputs), axis=-1).squeeze(-1 if head != "qa" else ())
    running = RUNTIME.open(source, threads=1).run(**inputs)
    places = inputs["attention_mask"] == 1 if head in ("encoder", "tagging", "qa") else np.ones(3, dtype=bool)
    np.testing.assert_allclose(found[places], running[places], atol=1e-4)


def test_the_torch_runtime_reads_every_layer_of_an_uneven_encoder(uneven: Any) -> None:
    source = uneven("encoder")
    session = RUNTIME.open(source, threads=1)
    states = session.run_layers(batch()["input_ids"].numpy(), batch()["attention_mask"].numpy(), [0, 2, 4])
    expected = answers(load_model(source.path, "encoder", keep_head=True))
    for layer, state in zip((0, 2, 4), states, strict=True):
        np.testing.assert_allclose(state, expected[layer], atol=1e-5)


@pytest.mark.parametrize("head", HEADS[1:])
def test_a_training_step_moves_every_weight_and_survives_saving(
    uneven: Any, tmp_path: Path, head: Head
) -> None:
    source = uneven(head, LOW_RANK)
    # In float64: some gradients are so small that a step in float32 is lost to rounding, on some CPUs.
    model = load_model(source.path, head, source.manifest.labels, keep_head=True).double()
    rows = batch()
    labels = {
        "mlm": torch.where(rows["attention_mask"] == 1, rows["input_ids"], -100),
        "classification": torch.tensor([0, 2, 1]),
        "tagging": torch.where(rows["attention_mask"] == 1, rows["input_ids"] % 3, -100),
        "qa": torch.tensor([[1, 2], [0, 3], [4, 4]]),
        "choice": torch.tensor([2]),
    }[head]
    if head == "choice":
        rows = {name: array[None] for name, array in rows.items()}
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    SPECS[head].loss(model, {**rows, "labels": labels}).backward()
    optimizer.step()
    still = {name for name, weight in model.named_parameters() if torch.equal(weight, before[name])}
    # These biases add the same to everything that a softmax compares.
    last = {"qa": ["layer.3.output.LayerNorm.bias"], "choice": ["out_proj.bias"]}
    unseen = ("key.bias", "qa_outputs.bias", *last.get(head, []))
    assert still <= {name for name in before if name.endswith(unseen)}
    model = model.float()
    save_model(model, source.path, tmp_path / "trained")
    reloaded = from_pretrained(tmp_path / "trained")
    for name, weight in model.state_dict().items():
        assert torch.equal(reloaded.state_dict()[name], weight), name
    # Close, not equal: where a weight lies in memory decides the order of some CPUs' sums.
    for mine, theirs in zip(answers(reloaded), answers(model.eval()), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_the_masked_lm_predicts_through_the_product_that_it_embeds_with(uneven: Any) -> None:
    model = load_model(uneven("mlm", LOW_RANK).path, "mlm", keep_head=True)
    states = torch.randn(2, HIDDEN)
    table = model.get_input_embeddings().weight
    assert table.shape == (VOCAB, HIDDEN)
    expected = states @ table.T + model.lm_head.bias
    np.testing.assert_allclose(
        model.lm_head.decoder(states).detach().numpy(), expected.detach().numpy(), atol=1e-5
    )
    names = [name for name, _ in model.named_parameters()]
    assert sum("word_embeddings" in name for name in names) == 2
    assert not any("decoder" in name for name in names)


def test_compact_rows_trains_the_lookup_of_low_rank_embeddings(uneven: Any) -> None:
    model = load_model(uneven("tagging", LOW_RANK).path, "tagging", LABELS["tagging"], keep_head=True)
    expected, whole = answers(model), model.get_input_embeddings().lookup
    remap = Remap([range(4), *batch()["input_ids"].tolist()], VOCAB)
    with compact_rows(model, remap):
        small = model.get_input_embeddings().lookup
        assert small.num_embeddings == len(remap.kept) < VOCAB
        ids = torch.tensor(remap(batch()["input_ids"].tolist()))
        with torch.inference_mode():
            found = model(input_ids=ids, attention_mask=batch()["attention_mask"]).logits.numpy()
        with torch.no_grad():
            small.weight += 1
    np.testing.assert_allclose(found, expected[-1], atol=1e-6)
    assert model.get_input_embeddings().lookup is whole
    assert not equal(answers(model), expected)


def test_several_heads_share_an_uneven_body(uneven: Any, tmp_path: Path) -> None:
    source = uneven("mlm", LOW_RANK)
    tasks = [TaskHead("lm", "mlm"), TaskHead("tags", "tagging", LABELS["tagging"])]
    model = multitask_model(source.path, tasks, seed=0, dropout=0.1, keep_lm_head=True)
    freeze(model, 2)
    rows = batch()
    labels = torch.where(rows["attention_mask"] == 1, rows["input_ids"], -100)
    loss = MultiTaskLoss(tasks)
    for number in (0, 1):
        own = labels if number == 0 else torch.where(labels >= 0, labels % 3, -100)
        loss(model, {**rows, "labels": own, "task": torch.tensor([number] * 3)}).backward()
    assert model.body.encoder.layer[3].intermediate.dense.weight.grad.abs().sum() > 0
    assert model.body.encoder.layer[0].output.dense.weight.grad is None
    save_model(model.host, source.path, tmp_path / "host")
    assert shape_of(from_pretrained(tmp_path / "host")) == LOW_RANK


def test_cutting_layers_off_keeps_the_widths_of_the_others(uneven: Any, tmp_path: Path) -> None:
    source = uneven("encoder")
    model = load_model(source.path, "encoder", keep_head=True)
    model.encoder.layer = model.encoder.layer[:3]
    save_model(model, source.path, tmp_path / "cut")
    facts = read_checkpoint(tmp_path / "cut")
    assert (facts.layers, facts.shape.heads, facts.shape.ffn) == (3, (2, 0, 3), (24, 5, 0))
    assert equal(answers(from_pretrained(tmp_path / "cut")), answers(load_model(source.path, "encoder"))[:4])


def test_what_is_left_may_have_no_heads_at_all(uneven: Any, tmp_path: Path) -> None:
    source = uneven("encoder")
    model = load_model(source.path, "encoder", keep_head=True)
    model.encoder.layer = model.encoder.layer[1:2]
    model.config.num_hidden_layers = 1  # as prune_depth leaves it
    save_model(model, source.path, tmp_path / "cut")
    assert read_checkpoint(tmp_path / "cut").shape == Shape((0,), (5,), 4)
    assert equal(answers(from_pretrained(tmp_path / "cut")), answers(model))


def test_a_layer_without_heads_adds_its_bias_only(uneven: Any) -> None:
    model = load_model(uneven("encoder").path, "encoder", keep_head=True)
    layer, hidden = model.encoder.layer[1], torch.randn(2, 5, HIDDEN)
    with torch.inference_mode():
        found, _ = layer.attention(hidden)
        expected = layer.attention.output.LayerNorm(hidden + layer.attention.output.dense.bias)
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": [2, 0, 3]}, "a width from 0 for each of 4 layers"),
        ({"ffn": [24, 5, -1, 1]}, "a width from 0 for each of 4 layers"),
        ({"ffn": [24, 5, 0, 2]}, "layer.3.intermediate.dense.weight is 2 x 16.*own are 1 x 16"),
        ({"heads": [2, 0, 3, 3]}, "layer.3.attention.self.query.weight is 12 x 16.*own are 16 x 16"),
        ({"heads": [2, 1, 3, 4]}, "lack encoder.layer.1.attention.self.query.weight"),
        ({"heads": [0, 0, 3, 4]}, "layer.0.attention.self.query.weight is not there.*own are 8 x 16"),
        ({"head_size": 0}, "a positive head_size"),
        ({"embedding_rank": 6}, "found embeddings.word_embeddings.weight"),
        ({"depth": 1}, "expected the keys heads, ffn, head_size, embedding_rank"),
    ],
)
def test_a_config_that_contradicts_itself_or_the_weights_is_refused(
    uneven: Any, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    source = uneven("encoder")
    for name in source.manifest.files:
        (tmp_path / name).write_bytes(source.file(name).read_bytes())
    config = json.loads(source.file("config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, KEY: {**config[KEY], **change}}))
    with pytest.raises(InputError, match=message):
        load_model(tmp_path, "encoder", keep_head=True)


def test_the_shape_of_a_plain_config_comes_from_its_widths() -> None:
    config = {"num_hidden_layers": 2, "hidden_size": 12, "num_attention_heads": 3, "intermediate_size": 7}
    assert shape_in(config, "x") == Shape((3, 3), (7, 7), 4)
    with pytest.raises(InputError, match="x: expected a positive num_attention_heads"):
        shape_in({**config, "num_attention_heads": 0}, "x")


@pytest.mark.parametrize(("there", "found"), [(True, "no config.json there"), (False, "no such folder")])
def test_a_folder_that_holds_no_exported_model_is_told(tmp_path: Path, there: bool, found: str) -> None:
    folder = tmp_path if there else tmp_path / "nothing"
    with pytest.raises(InputError) as caught:
        from_pretrained(folder)
    assert f"{folder}: expected an exported torch model" in str(caught.value) and found in str(caught.value)
    assert "xpareto export" in str(caught.value)
