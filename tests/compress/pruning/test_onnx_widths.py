"""A narrowed graph computes what the model computes with the other heads and neurons masked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.step import Context
from xpareto.compress.pruning.onnx_widths import with_widths
from xpareto.compress.steps.export_onnx import STEP as EXPORT

LAYERS, HEADS, SIZE, FFN, VOCAB = 3, 4, 8, 24, 97


def context(folder: Path) -> Context:
    return Context(provider=None, seed=0, threads=1, scratch=folder, progress=lambda *_: None)  # type: ignore[arg-type]


def sealed(folder: Path, head: Head, model: Any) -> Artifact:
    model.save_pretrained(folder)
    vocab = [[f"t{index}", -1.0] for index in range(VOCAB)]
    unigram = {"type": "Unigram", "unk_id": 3, "vocab": vocab}
    tokenizer = {"version": "1.0", "added_tokens": [], "model": unigram}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text("{}")
    return seal(folder, Manifest({}, "torch", head, labels=("a", "b") if head == "classification" else ()))


def make_model(head: Head) -> Any:
    import torch
    import transformers

    config = transformers.XLMRobertaConfig(
        vocab_size=VOCAB, hidden_size=HEADS * SIZE, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=FFN, max_position_embeddings=26, type_vocab_size=1, pad_token_id=1,
        initializer_range=0.5, id2label={0: "a", 1: "b"},
    )  # fmt: skip
    torch.manual_seed(3)
    if head == "encoder":
        model = transformers.XLMRobertaModel(config, add_pooling_layer=False)
    else:
        model = transformers.XLMRobertaForSequenceClassification(config)
    for name, weight in model.named_parameters():
        if name.endswith("bias"):  # zeros at first, which the export would share
            torch.nn.init.normal_(weight, std=0.3)
    return model.eval()


@pytest.fixture(scope="module", params=["encoder", "classification"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    import onnx

    folder = tmp_path_factory.mktemp(request.param)
    model = make_model(request.param)
    source = sealed(folder / "torch", request.param, model)
    (folder / "onnx").mkdir()
    EXPORT().apply(source, folder / "onnx", context(folder))
    return model, onnx.load(folder / "onnx" / "model.onnx")


def masked(model: Any, heads: list[int], ffn: list[int]) -> Any:
    """Return a copy in which what comes from the other heads and neurons counts nothing."""
    import copy

    import torch

    twin = copy.deepcopy(model)
    with torch.no_grad():
        for layer, head_count, neurons in zip(twin.base_model.encoder.layer, heads, ffn, strict=True):
            layer.attention.output.dense.weight[:, head_count * SIZE :] = 0
            layer.output.dense.weight[:, neurons:] = 0
    return twin


def answers(graph: Any, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


@pytest.mark.parametrize(
    ("heads", "ffn"),
    [([4, 4, 4], [24, 24, 24]), ([1, 4, 2], [24, 8, 1]), ([0, 2, 0], [16, 0, 0]), ([0, 0, 0], [0, 0, 0])],
)
def test_it_computes_what_the_masked_model_computes(
    exported: tuple[Any, Any], heads: list[int], ffn: list[int]
) -> None:
    import torch

    model, graph = exported
    before = graph.SerializeToString(deterministic=True)
    narrow = with_widths(graph, heads, ffn, SIZE)
    ids = np.random.default_rng(1).integers(4, VOCAB, (3, 9))
    mask = np.ones_like(ids)
    mask[1, 5:] = 0
    with torch.inference_mode():
        found = masked(model, heads, ffn)(
            input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)
        )
    expected = found[0].numpy()
    given = answers(narrow, ids, mask)
    twice = with_widths(with_widths(graph, [4, 4, 4], [24, 24, 24], SIZE), heads, ffn, SIZE)
    np.testing.assert_array_equal(answers(twice, ids, mask), given)
    where = mask == 1 if expected.ndim == 3 else slice(None)
    np.testing.assert_allclose(given[where], expected[where], atol=1e-4)
    assert graph.SerializeToString(deterministic=True) == before


def test_its_weights_are_those_of_the_widths_and_nothing_else(exported: tuple[Any, Any]) -> None:
    graph = with_widths(exported[1], [1, 0, 4], [8, 24, 0], SIZE, vocab=20).graph
    sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    used = {name for node in graph.node for name in node.input}
    assert set(sizes) <= used
    products = {
        node.name.removeprefix("roberta.").removeprefix("encoder.layer.").removesuffix("/MatMul"): sizes[
            node.input[1]
        ]
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1] in sizes
    }
    width = HEADS * SIZE
    assert products == {
        **{f"0.attention.self.{name}": (width, SIZE) for name in ("query", "key", "value")},
        "0.attention.output.dense": (SIZE, width),
        "0.intermediate.dense": (width, 8),
        "0.output.dense": (8, width),
        "1.intermediate.dense": (width, 24),
        "1.output.dense": (24, width),
        **{f"2.attention.self.{name}": (width, width) for name in ("query", "key", "value")},
        "2.attention.output.dense": (width, width),
    }
    (table,) = [sizes[n.input[0]] for n in graph.node if n.op_type == "Gather" and n.input[1] == "input_ids"]
    assert table == (20, width)


def test_it_has_the_operators_and_shapes_of_the_narrowed_models_own_export(tmp_path: Path) -> None:
    import onnx

    from xpareto.compress.models.checkpoint import load_model, save_model
    from xpareto.compress.pruning.slicing import narrow_layer

    heads, ffn = [4, 1, 0], [24, 8, 16]
    source = sealed(tmp_path / "torch", "classification", make_model("classification"))
    model: Any = load_model(source.path, "classification", ("a", "b"), keep_head=True)
    for layer, head_count, neurons in zip(model.base_model.encoder.layer, heads, ffn, strict=True):
        narrow_layer(layer, list(range(head_count)), list(range(neurons)))
    save_model(model, source.path, tmp_path / "narrow")
    narrow = seal(tmp_path / "narrow", source.manifest)
    graphs = {}
    for name, artifact in (("whole", source), ("narrow", narrow)):
        (tmp_path / f"{name}-onnx").mkdir()
        EXPORT().apply(artifact, tmp_path / f"{name}-onnx", context(tmp_path))
        graphs[name] = onnx.load(tmp_path / f"{name}-onnx" / "model.onnx")
    made = with_widths(graphs["whole"], heads, ffn, SIZE)
    ids = np.random.default_rng(1).integers(4, VOCAB, (3, 9))
    np.testing.assert_allclose(
        answers(made, ids, np.ones_like(ids)), answers(graphs["narrow"], ids, np.ones_like(ids)), atol=1e-4
    )

    def work(graph: Any) -> list[Any]:
        """Return the operators that take time, with the shapes of the matrices that they read."""
        sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.graph.initializer}
        kinds = ("MatMul", "Gemm", "Gelu", "Softmax", "LayerNormalization", "Transpose", "Add", "Mul")
        return sorted(
            (node.op_type, [sizes[name] for name in node.input if len(sizes.get(name, ())) == 2])
            for node in graph.graph.node
            if node.op_type in kinds
        )

    assert work(made) == work(graphs["narrow"])
