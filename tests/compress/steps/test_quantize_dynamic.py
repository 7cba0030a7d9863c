"""int8 models stay close to their source, say what was quantized, and obey exclusions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, IncompatibleStep
from xpareto.compress.onnx import parity
from xpareto.compress.steps.quantize_dynamic import STEP as QUANTIZE

VOCAB, WIDTH, TOKENS = 97, 16, 24


def make_onnx(folder: Path) -> Artifact:
    """Seal a two-layer stand-in for an exported encoder: lookup, two products, a Gemm as the head."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    weights = {
        "roberta.embeddings.word_embeddings.weight": random.normal(size=(VOCAB, WIDTH)),
        "roberta.encoder.layer.0.output.dense.weight_transposed": random.normal(size=(WIDTH, WIDTH)),
        "roberta.encoder.layer.1.output.dense.weight_transposed": random.normal(size=(WIDTH, WIDTH)),
        "classifier.out_proj.weight": random.normal(size=(3, WIDTH)),
        "classifier.out_proj.bias": random.normal(size=3),
    }  # fmt: skip
    names = list(weights)
    axes = ["batch_size", "sequence_length"]
    make = helper.make_node
    nodes = [
        make("Gather", [names[0], "input_ids"], ["x0"], "roberta.embeddings.word_embeddings/Gather", axis=0),
        make("MatMul", ["x0", names[1]], ["x1"], "roberta.encoder.layer.0.output.dense/MatMul"),
        make("MatMul", ["x1", names[2]], ["x2"], "roberta.encoder.layer.1.output.dense/MatMul"),
        make("Cast", ["attention_mask"], ["mask"], "graph/Cast", to=TensorProto.FLOAT),
        make("Unsqueeze", ["mask", "minus_one"], ["mask3"], "graph/Unsqueeze"),
        make("Mul", ["x2", "mask3"], ["x3"], "graph/Mul"),
        make("ReduceSum", ["x3", "one"], ["x4"], "graph/ReduceSum", keepdims=0),
        make("Gemm", ["x4", names[3], names[4]], ["logits"], "classifier.out_proj/Gemm", transB=1),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, axes)
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [axes[0], 3])
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    tensors += [
        numpy_helper.from_array(np.array([-1]), "minus_one"),
        numpy_helper.from_array(np.array([1]), "one"),
    ]
    graph = helper.make_graph(nodes, "main_graph", inputs, [output], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    folder.mkdir()
    onnx.save(model, folder / "model.onnx")
    config = {"vocab_size": VOCAB, "pad_token_id": 1, "max_position_embeddings": TOKENS + 2}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    return seal(folder, Manifest(files={}, format="onnx", head="classification", labels=("a", "b", "c")))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return make_onnx(tmp_path_factory.mktemp("onnx") / "source")


def quantize(source: Artifact, target: Path, **fields: object) -> Artifact:
    target.mkdir()
    context = Context(provider=None, seed=0, threads=1, scratch=target, progress=lambda *_: None)  # type: ignore[arg-type]
    made = QUANTIZE(**fields).apply(source, target, context)
    return seal(
        target, Manifest(files={}, format=made.format, head=made.head, labels=made.labels, notes=made.notes)
    )


def operators(artifact: Artifact) -> dict[str, int]:
    import onnx

    found: dict[str, int] = {}
    for node in onnx.load(artifact.file("model.onnx")).graph.node:
        found[node.op_type] = found.get(node.op_type, 0) + 1
    return found


def test_everything_is_quantized_by_default_and_recorded(source: Artifact, tmp_path: Path) -> None:
    made = quantize(source, tmp_path / "int8")
    assert operators(made)["MatMulInteger"] == 3 and "MatMul" not in operators(made)
    notes = made.manifest.notes
    assert notes["quantized_nodes"] == {"Gather": 1, "Gemm": 1, "MatMul": 2}
    assert notes["excluded_nodes"] == []
    assert notes["weight_bytes_before"]["embeddings"] == VOCAB * WIDTH * 4
    assert notes["weight_bytes_after"]["embeddings"] == VOCAB * WIDTH + VOCAB * 4
    assert notes["file_bytes_after"] == made.file("model.onnx").stat().st_size
    assert sorted(made.manifest.files) == ["config.json", "model.onnx", "tokenizer.json"]


def test_seven_bit_weights_stay_close_on_every_cpu(source: Artifact, tmp_path: Path) -> None:
    made = quantize(source, tmp_path / "int7", reduce_range=True)
    drift = made.manifest.notes["drift"]["logits"]
    assert 0 < drift["max_abs_diff"] < 0.05 * drift["max_abs_reference"]


@pytest.mark.parametrize("reduce_range", [False, True])
def test_the_graph_in_exact_integer_arithmetic_is_close_to_its_source(
    source: Artifact, tmp_path: Path, reduce_range: bool
) -> None:
    from onnx.reference import ReferenceEvaluator

    made = quantize(source, tmp_path / "int8", reduce_range=reduce_range)
    exact = ReferenceEvaluator(str(made.file("model.onnx")))
    reference = parity.onnx_run(source.file("model.onnx"), 1)
    for batch in parity.random_batches(VOCAB, 1, TOKENS, 6):
        expected = reference(batch.input_ids, batch.attention_mask)["logits"]
        feed = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        found = exact.run(None, feed)[0]
        assert np.abs(found - expected).max() < 0.1 * max(1.0, np.abs(expected).max())


def test_the_recorded_drift_is_that_of_the_two_files(source: Artifact, tmp_path: Path) -> None:
    made = quantize(source, tmp_path / "int8")
    runs = [parity.onnx_run(artifact.file("model.onnx"), 1) for artifact in (source, made)]
    worst = 0.0
    for batch in parity.random_batches(VOCAB, 1, TOKENS, 6):
        first, second = (run(batch.input_ids, batch.attention_mask)["logits"] for run in runs)
        worst = max(worst, float(np.abs(first - second).max()))
    assert made.manifest.notes["drift"]["logits"]["max_abs_diff"] == pytest.approx(worst, rel=1e-6)


def test_weights_are_symmetric_int8_per_channel_and_seven_bits_on_request(
    source: Artifact, tmp_path: Path
) -> None:
    import onnx
    from onnx import numpy_helper

    for reduce_range, top in ((False, 127), (True, 64)):
        made = quantize(source, tmp_path / str(top), reduce_range=reduce_range)
        graph = onnx.load(made.file("model.onnx")).graph
        tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        original = {
            t.name: numpy_helper.to_array(t) for t in onnx.load(source.file("model.onnx")).graph.initializer
        }
        name = "roberta.encoder.layer.1.output.dense.weight_transposed"
        weight, scale = tensors[f"{name}_quantized"], tensors[f"{name}_scale"]
        assert weight.dtype == np.int8 and scale.shape == (WIDTH,)
        assert 0.9 * top <= np.abs(weight.astype(int)).max() <= top
        assert not any(key.endswith("_zero_point") for key in tensors)
        integer = [node for node in graph.node if node.op_type == "MatMulInteger"]
        assert integer and all(len(node.input) == 3 for node in integer)  # codes of weights count from 0
        assert (np.abs(weight * scale - original[name]) <= 0.5001 * scale).all()


@pytest.mark.parametrize(
    ("fields", "quantized", "excluded"),
    [
        ({"embeddings": False}, {"Gemm": 1, "MatMul": 2}, []),
        ({"exclude_operators": ["Gemm", "Gather"]}, {"MatMul": 2},
         ["roberta.embeddings.word_embeddings/Gather", "classifier.out_proj/Gemm"]),
        ({"exclude_nodes": ["*.layer.1.*"]}, {"Gather": 1, "Gemm": 1, "MatMul": 1},
         ["roberta.encoder.layer.1.output.dense/MatMul"]),
        ({"exclude_operators": ["MatMul", "Gemm"]}, {"Gather": 1},
         ["roberta.encoder.layer.0.output.dense/MatMul", "roberta.encoder.layer.1.output.dense/MatMul",
          "classifier.out_proj/Gemm"]),
    ],
)  # fmt: skip
def test_exclusions_stay_in_float32(
    source: Artifact,
    tmp_path: Path,
    fields: dict[str, object],
    quantized: dict[str, int],
    excluded: list[str],
) -> None:
    made = quantize(source, tmp_path / "int8", **fields)
    assert made.manifest.notes["quantized_nodes"] == quantized
    assert made.manifest.notes["excluded_nodes"] == excluded
    products = sum(count for name, count in quantized.items() if name != "Gather")
    assert operators(made).get("MatMulInteger", 0) == products
    assert operators(made).get("MatMul", 0) + operators(made).get("Gemm", 0) == 3 - products


def test_a_pattern_that_matches_nothing_is_refused_with_a_near_miss(source: Artifact, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'exclude_nodes: the pattern "classifier.out_prj/Gemm" matches no node'
                       r'.*Did you mean "classifier.out_proj/Gemm"'):  # fmt: skip
        quantize(source, tmp_path / "int8", exclude_nodes=["classifier.out_prj/Gemm"])


def test_excluding_all_is_refused(source: Artifact, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is left to quantize"):
        quantize(source, tmp_path / "int8", exclude_nodes=["*"])


def test_a_model_that_is_int8_already_is_refused(source: Artifact, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no float32 weight to quantize"):
        quantize(quantize(source, tmp_path / "once"), tmp_path / "twice")


def test_equal_input_gives_equal_bytes_and_leaves_nothing_behind(
    source: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    first, second = quantize(source, tmp_path / "a"), quantize(source, tmp_path / "b")
    assert first.digest == second.digest
    assert list(temporary.iterdir()) == []
    source.verify()


def test_only_onnx_is_taken() -> None:
    with pytest.raises(
        IncompatibleStep, match=r"takes onnx, but it is given torch\. Put export_onnx before it"
    ):
        QUANTIZE().follow(ChainState("torch", "tagging"), {})
    assert QUANTIZE().follow(ChainState("onnx", "tagging"), {}) == ChainState("onnx", "tagging")
