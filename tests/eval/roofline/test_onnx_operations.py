"""Operations and bytes against a product that counts, the closed formula, and what onnxruntime ran."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.compress.steps.export_onnx import ExportOnnx
from xpareto.compress.steps.quantize_dynamic import QuantizeDynamic
from xpareto.compress.steps.quantize_static import QuantizeStatic
from xpareto.compress.steps.quantize_weights import QuantizeWeights
from xpareto.eval.roofline.onnx_operations import onnx_work, work_of
from xpareto.eval.roofline.torch_work import encoder_work

Build = Callable[..., Artifact]
LAYERS, HIDDEN, FFN, LABELS = 3, 16, 32, 3


def test_operations_and_bytes_of_a_graph_counted_by_hand() -> None:
    """y = Gemm(x w1) w2: a product that counts every multiplication and addition says how many there are."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(5, 7)).astype(np.float32), rng.normal(size=(7, 2)).astype(np.float32)
    table = rng.normal(size=(50, 5)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], name="embeddings/Gather"),
        helper.make_node("MatMul", ["x", "w1"], ["h"], name="layer.0.attention/MatMul"),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w2"], ["y"], name="classifier/MatMul"),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "l"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", "l", 2])],
        [numpy_helper.from_array(value, name) for name, value in
         (("table", table), ("w1", first), ("w2", second))],
    )  # fmt: skip
    batch, length = 2, 3
    count = 0

    def product(rows: list[list[float]], weight: np.ndarray) -> list[list[float]]:
        nonlocal count
        out = []
        for row in rows:
            line = []
            for column in weight.T:
                total = 0.0
                for left, right in zip(row, column, strict=True):
                    total += left * right
                    count += 2
                line.append(total)
            out.append(line)
        return out

    ids = rng.integers(0, 50, batch * length)
    hidden = product(table[ids].tolist(), first)
    product(np.maximum(hidden, 0).tolist(), second)
    found = work_of(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), batch, length)
    assert found.total == count == 2 * 6 * (5 * 7 + 7 * 2)
    assert found.by_component == {"attention": 2 * 6 * 5 * 7, "head": 2 * 6 * 7 * 2}
    assert found.weight_bytes == 4 * (5 * 7 + 7 * 2) + 6 * 5 * 4  # and six rows of the table
    assert found.boundary_bytes == 6 * 8 + 6 * 2 * 4
    tokens = 6
    assert found.activation_bytes == tokens * (8 + 5 * 4 + 5 * 4 + 7 * 4 + 7 * 4 + 7 * 4 + 7 * 4 + 2 * 4)


def closed(batch: int, length: int, head: str) -> int:
    tokens = batch * length
    encoder = LAYERS * (tokens * (8 * HIDDEN**2 + 4 * HIDDEN * FFN) + 4 * batch * length**2 * HIDDEN)
    heads = {
        "classification": 2 * batch * HIDDEN * (HIDDEN + LABELS),
        "tagging": 2 * tokens * HIDDEN * LABELS,
        "qa": 2 * tokens * HIDDEN * 2,
        "encoder": 0,
    }
    return encoder + heads[head]


@pytest.fixture(scope="module", params=["classification", "tagging", "qa", "encoder"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, torch_artifact: Build,
    applied: Callable[..., Artifact],
) -> tuple[str, Artifact, Artifact]:  # fmt: skip
    head = request.param
    labels = ("a", "b", "c") if head in ("classification", "tagging") else ()
    source = torch_artifact(head, labels)
    return head, source, applied(ExportOnnx(), source, tmp_path_factory.mktemp("onnx"))


@pytest.mark.parametrize("shape", [(1, 5), (4, 9), (2, 64)])
def test_an_exported_model_and_torch_do_what_the_formula_says(
    exported: tuple[str, Artifact, Artifact], shape: tuple[int, int]
) -> None:
    head, source, graph = exported
    assert onnx_work(graph.file("model.onnx"), *shape).total == closed(*shape, head)
    assert encoder_work(source, *shape).total == closed(*shape, head)
    assert (
        onnx_work(graph.file("model.onnx"), *shape).by_component == encoder_work(source, *shape).by_component
    )


def test_every_quantized_graph_has_the_same_products(
    tmp_path: Path, torch_artifact: Build, applied: Callable[..., Artifact]
) -> None:
    source = applied(ExportOnnx(), torch_artifact("classification", ("a", "b", "c")), tmp_path / "fp32")
    expected = onnx_work(source.file("model.onnx"), 2, 9)
    attention = LAYERS * 4 * 2 * 9**2 * HIDDEN  # queries x keys, weights x values: not quantized
    for name, step in {
        "dynamic": QuantizeDynamic(), "rows4": QuantizeDynamic(embeddings="int4"),
        "static": QuantizeStatic(calibration={"examples": 8}), "blocks": QuantizeWeights(),
    }.items():  # fmt: skip
        found = onnx_work(applied(step, source, tmp_path / name).file("model.onnx"), 2, 9)
        assert found.total == expected.total, name
        if name != "blocks":
            assert found.operations["int8"] >= expected.total - attention - 2 * 2 * HIDDEN * (HIDDEN + LABELS)
        assert found.weight_bytes < expected.weight_bytes, name


def test_the_products_counted_are_those_that_onnxruntime_ran(
    tmp_path: Path, torch_artifact: Build, applied: Callable[..., Artifact]
) -> None:
    import onnxruntime

    graph = applied(ExportOnnx(), torch_artifact("tagging", ("a", "b", "c")), tmp_path / "fp32")
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(str(graph.file("model.onnx")), options)
    ids = np.full((3, 8), 5, np.int64)
    session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    ran = 0
    for event in json.loads(Path(session.end_profiling()).read_text()):
        if "MatMul" in event.get("args", {}).get("op_name", "") and event["name"].endswith("_kernel_time"):
            (first, *_), (out,) = (
                [next(iter(one.values())) for one in event["args"][key]]
                for key in ("input_type_shape", "output_type_shape")
            )
            ran += 2 * math.prod(out) * first[-1]
    assert ran == onnx_work(graph.file("model.onnx"), 3, 8).total


def test_what_is_not_counted_is_refused(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", "l"]) for name in "xy"]
    node = helper.make_node("Attention", ["x"], ["y"], name="fused", domain="com.microsoft")
    graph = helper.make_graph([node], "g", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), tmp_path / "model.onnx")
    with pytest.raises(InputError, match="fused operator Attention"):
        onnx_work(tmp_path / "model.onnx", 1, 2)
    (tmp_path / "broken.onnx").write_bytes(b"\xff\xff\xff")
    with pytest.raises(InputError, match="readable"):
        onnx_work(tmp_path / "broken.onnx", 1, 2)


@pytest.fixture(scope="session")
def applied() -> Callable[..., Artifact]:
    """Return a function (step, source, folder) -> the sealed artifact that the step makes."""
    from xpareto.compress.core.artifact import Manifest, seal
    from xpareto.compress.core.step import Context

    class Lines:
        def text(self, name: str) -> dict[str, list[str]]:
            return {"en": [f"a b c w{number}" for number in range(32)]}

    def apply(step: Any, source: Artifact, folder: Path) -> Artifact:
        folder.mkdir(exist_ok=True)
        context = Context(provider=Lines(), seed=0, threads=1, scratch=folder, progress=lambda *_: None)  # type: ignore[arg-type]
        made = step.apply(source, folder, context)
        return seal(folder, Manifest({}, made.format, made.head, labels=made.labels, notes=made.notes))

    return apply
