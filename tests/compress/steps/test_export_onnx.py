"""Exported models compute what torch computes, for every shape, and carry nothing of this machine."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, IncompatibleStep, Step
from xpareto.compress.onnx import graph, parity
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.compress.steps.pack_sparse import PackSparse
from xpareto.compress.steps.quantize_dynamic import QuantizeDynamic
from xpareto.compress.steps.quantize_static import QuantizeStatic
from xpareto.compress.steps.quantize_weights import QuantizeWeights

LABELS = ("NOUN", "VERB", "X")
VOCAB, WIDTH, TOKENS = 97, 16, 24


def make_source(folder: Path, head: Head, layer: int | None = None, seed: int = 3) -> Artifact:
    """Seal a tiny random XLM-R (as the torch steps write it) whose every weight is random."""
    import torch
    import transformers

    labels = LABELS if head in ("classification", "tagging") else ()
    config = transformers.XLMRobertaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=TOKENS + 2, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
    torch.manual_seed(seed)
    model = {
        "classification": transformers.XLMRobertaForSequenceClassification,
        "tagging": transformers.XLMRobertaForTokenClassification,
        "encoder": lambda config: transformers.XLMRobertaModel(config, add_pooling_layer=False),
    }[head](config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    vocab = [[f"t{index}", -1.0] for index in range(VOCAB)]
    unigram = {"type": "Unigram", "unk_id": 3, "vocab": vocab}
    tokenizer = {"version": "1.0", "added_tokens": [], "model": unigram}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 24}')
    return seal(folder, Manifest(files={}, format="torch", head=head, labels=labels, layer=layer))


def strings(message: Any) -> Iterator[str]:
    """Give every string of a protobuf message, weights aside."""
    for field, value in message.ListFields():
        many = value if field.is_repeated else [value]
        for entry in many:
            if field.message_type is not None:
                yield from strings(entry)
            elif isinstance(entry, str):
                yield entry
            elif isinstance(entry, bytes) and field.name != "raw_data":
                yield entry.decode("utf-8", "replace")


def context(folder: Path) -> Context:
    return Context(provider=None, seed=0, threads=1, scratch=folder, progress=lambda *_: None)  # type: ignore[arg-type]


def export(source: Artifact, target: Path, **fields: object) -> Artifact:
    target.mkdir()
    made = EXPORT(**fields).apply(source, target, context(target))
    manifest = Manifest(
        files={}, format=made.format, head=made.head, labels=made.labels, layer=made.layer, notes=made.notes
    )
    return seal(target, manifest)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Artifact, Artifact]]:
    folder = tmp_path_factory.mktemp("exported")
    found = {}
    for head, layer in (("classification", None), ("tagging", None), ("encoder", 1)):
        source = make_source(folder / f"{head}-torch", head, layer)  # type: ignore[arg-type]
        found[head] = (source, export(source, folder / head))
    return found


@pytest.mark.parametrize("head", ["classification", "tagging", "encoder"])
@pytest.mark.parametrize("shape", [(1, 1), (1, TOKENS), (3, 5), (4, TOKENS)])
def test_logits_equal_torch_at_every_shape_with_padding(
    exported: dict[str, tuple[Artifact, Artifact]], head: Head, shape: tuple[int, int]
) -> None:
    import torch
    import transformers

    source, made = exported[head]
    classes = {
        "classification": transformers.AutoModelForSequenceClassification,
        "tagging": transformers.AutoModelForTokenClassification,
        "encoder": transformers.AutoModel,
    }
    options = {"add_pooling_layer": False} if head == "encoder" else {}
    model = classes[head].from_pretrained(source.path, **options).eval()
    random = np.random.default_rng(5)
    ids = random.integers(3, VOCAB, shape)
    mask = np.ones_like(ids)
    for row in range(1, shape[0]):
        mask[row, random.integers(1, shape[1]) :] = 0
    ids[mask == 0] = 1
    found = parity.onnx_run(made.file("model.onnx"), 1)(ids, mask)
    with torch.no_grad():
        out = model(torch.from_numpy(ids), attention_mask=torch.from_numpy(mask), output_hidden_states=True)
    if head == "encoder":
        assert list(found) == ["last_hidden_state"]  # of the layer that is scored
        np.testing.assert_allclose(found["last_hidden_state"], out.hidden_states[1].numpy(), atol=1e-5)
    else:
        assert list(found) == ["logits"]
        np.testing.assert_allclose(found["logits"], out.logits.numpy(), atol=1e-5)


@pytest.mark.parametrize("head", ["classification", "tagging", "encoder"])
def test_inputs_are_int64_with_shared_named_axes(
    exported: dict[str, tuple[Artifact, Artifact]], head: str
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported[head][1].file("model.onnx")))
    assert [(value.name, value.type, value.shape) for value in session.get_inputs()] == [
        ("input_ids", "tensor(int64)", ["batch_size", "sequence_length"]),
        ("attention_mask", "tensor(int64)", ["batch_size", "sequence_length"]),
    ]
    tail = {"classification": [3], "tagging": ["sequence_length", 3], "encoder": ["sequence_length", WIDTH]}
    assert session.get_outputs()[0].shape == ["batch_size", *tail[head]]


def test_the_graph_holds_no_path_and_no_trace_of_this_machine(
    exported: dict[str, tuple[Artifact, Artifact]],
) -> None:
    import onnx

    for _, made in exported.values():
        raw = made.file("model.onnx").read_bytes()
        repository = Path(__file__).parents[3]
        for needle in (str(Path.home()), sys.prefix, str(repository), str(made.path), "site-packages"):
            assert needle.encode() not in raw
        assert not re.search(rb"\.py\b|File \"|[A-Z]:\\\\", raw)
        proto = onnx.load(made.file("model.onnx"))
        texts = list(strings(proto))
        assert "input_ids" in texts
        assert not [text for text in texts if text.startswith(("/", "~", "file:")) or "//" in text]
        assert not proto.metadata_props and not proto.doc_string and not proto.graph.metadata_props
        assert not any(node.metadata_props or node.doc_string for node in proto.graph.node)
        onnx.checker.check_model(proto, full_check=True)


def test_nodes_and_weights_carry_the_names_of_their_modules(
    exported: dict[str, tuple[Artifact, Artifact]],
) -> None:
    import onnx

    graph = onnx.load(exported["tagging"][1].file("model.onnx")).graph
    nodes, weights = {node.name for node in graph.node}, {tensor.name for tensor in graph.initializer}
    assert len(nodes) == len(graph.node)
    for layer in range(2):
        for name in ("attention.self.query", "attention.output.dense", "intermediate.dense", "output.dense"):
            scope = f"roberta.encoder.layer.{layer}.{name}"
            assert f"{scope}/MatMul" in nodes
            assert f"{scope}.weight_transposed" in weights
    assert "roberta.embeddings.word_embeddings/Gather" in nodes
    assert "classifier.weight_transposed" in weights


def test_the_folder_is_complete_and_notes_record_parity(
    exported: dict[str, tuple[Artifact, Artifact]],
) -> None:
    source, made = exported["tagging"]
    expected = ["config.json", "model.onnx", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(made.manifest.files) == expected
    config = json.loads(made.file("config.json").read_text())
    assert config["id2label"] == {str(index): label for index, label in enumerate(LABELS)}
    assert made.file("tokenizer.json").read_bytes() == source.file("tokenizer.json").read_bytes()
    notes = made.manifest.notes
    assert 0 < notes["max_abs_diff"] < 1e-4
    assert [1, TOKENS] in notes["shapes"] and any(rows > 1 for rows, _ in notes["shapes"])
    assert made.manifest.format == "onnx" and made.manifest.labels == LABELS


def test_equal_input_gives_equal_bytes_and_rounding_alone_is_no_difference(
    exported: dict[str, tuple[Artifact, Artifact]], tmp_path: Path
) -> None:
    source, made = exported["classification"]
    rounding = export(source, tmp_path / "again", tolerance=1e-12).manifest.notes["rounding"]
    assert 0 < rounding["onnx"] <= 4 * rounding["torch"] < 1e-4
    assert "rounding" not in made.manifest.notes
    for name in made.manifest.files:
        assert (tmp_path / "again" / name).read_bytes() == made.file(name).read_bytes(), name


def test_a_difference_beyond_the_tolerance_fails_the_step(
    exported: dict[str, tuple[Artifact, Artifact]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(file: Path, threads: int) -> parity.Run:
        run = onnx_run(file, threads)
        return lambda ids, mask: {name: value + 2e-4 for name, value in run(ids, mask).items()}

    onnx_run = parity.onnx_run
    monkeypatch.setattr(parity, "onnx_run", off)
    source, _ = exported["classification"]
    with pytest.raises(parity.ParityError, match="differs from its source"):
        export(source, tmp_path / "again")


def test_a_layer_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected 0 to 2, the model's layers, found 9"):
        export(make_source(tmp_path / "source", "encoder", layer=9), tmp_path / "target")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (ChainState("torch", "mlm"), "nothing to deploy"),
        (ChainState("onnx", "tagging"), "takes torch, but it is given onnx"),
        (ChainState(), "nothing comes before it"),
    ],
)
def test_what_cannot_be_exported_is_a_misfit(state: ChainState, message: str) -> None:
    with pytest.raises(IncompatibleStep, match=message):
        EXPORT().follow(state, {})


def test_a_torch_model_becomes_onnx_and_keeps_its_head() -> None:
    assert EXPORT().follow(ChainState("torch", "tagging", forked=True), {}) == ChainState(
        "onnx", "tagging", forked=True
    )


@pytest.mark.parametrize(
    "step",
    [
        QuantizeDynamic(),
        QuantizeDynamic(embeddings="int4"),
        QuantizeWeights(),
        QuantizeStatic.model_validate(dict(QuantizeStatic.quick)),
        PackSparse(),
    ],
    ids=lambda step: type(step).__name__,
)
def test_weights_that_lie_beside_the_graph_give_the_same_bits(
    step: Step, world: TinyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = world.source("tagging")
    batches = parity.random_batches(60, 1, 24, 2)

    def answers(again: str) -> tuple[list[Artifact], list[np.ndarray]]:
        exported = world.make("export_onnx", EXPORT(), source, again=again)
        made = [exported, world.make(type(step).__name__, step, exported, again=again)]
        runs = [parity.onnx_run(one.file("model.onnx"), 1) for one in made]
        return made, [
            run(batch.input_ids, batch.attention_mask)["logits"] for run in runs for batch in batches
        ]

    _, in_one_file = answers("in one file")
    monkeypatch.setattr(graph, "SINGLE_FILE_LIMIT_BYTES", 1000)
    made, beside = answers("beside")
    for artifact in made:
        data = artifact.file("model.onnx_data")
        assert data.stat().st_size > 2000
    assert all(np.array_equal(one, other) for one, other in zip(in_one_file, beside, strict=True))
