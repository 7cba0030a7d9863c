"""OpenVINO computes with the weights that were stored, whatever way a graph codes its activations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.compress.tiny_onnx import TEXT_QUICK, apply, onnx_model
from tests.tiny_world import TinyWorld
from xpareto.compress.core import STEPS, Artifact, InputError
from xpareto.compress.onnx.deployment import deploy
from xpareto.compress.onnx.openvino_graph import GROUP_SIZE, IR, coded_products, read_openvino, save_openvino
from xpareto.eval.runtimes._runtime import RUNTIMES

openvino = pytest.importorskip("openvino")
IN_FLOAT = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}


def layers(compiled: openvino.CompiledModel) -> Counter[tuple[str, str]]:
    """Return kind and precision of the layers that a compiled model runs, such as ("FullyConnected", "i8")."""
    told = (operation.get_rt_info() for operation in compiled.get_runtime_model().get_ops())
    return Counter((one["layerType"].astype(str), one["runtimePrecision"].astype(str)) for one in told)


def dynamic(world: TinyWorld, head: str = "tagging", **fields: object) -> Artifact:
    step = STEPS.load("quantize_dynamic")(**fields)
    return world.make("quantize_dynamic", step, world.exported(world.source(head)))  # type: ignore[arg-type]


def product(tmp_path: Path, zero_point: int | None, extra_reader: bool = False) -> tuple[Path, np.ndarray]:
    """Write x @ w whose activations are coded as they come, as onnxruntime's own quantizer does; return w too."""
    random = np.random.default_rng(3)
    codes, scales = random.integers(-127, 128, (64, 32), np.int8), random.uniform(0.01, 0.1, 32).astype("f4")
    tensors = [numpy_helper.from_array(codes, "w_quantized"), numpy_helper.from_array(scales, "w_scale")]
    if zero_point is not None:
        tensors.append(numpy_helper.from_array(np.int8(zero_point), "w_zero_point"))
    make = helper.make_node
    nodes = [
        make("DynamicQuantizeLinear", ["x"], ["x_codes", "x_scale", "x_zero_point"]),
        make(
            "MatMulInteger",
            ["x_codes", "w_quantized", "x_zero_point", *(["w_zero_point"] if zero_point is not None else [])],
            ["sum"],
            "product",
        ),
        make("Cast", ["sum"], ["sum_float"], to=TensorProto.FLOAT),
        make("Mul", ["x_scale", "w_scale"], ["step"]),
        make("Mul", ["sum_float", "step"], ["y"]),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", "s", 32])]
    if extra_reader:
        outputs.append(helper.make_tensor_value_info("sum", TensorProto.INT32, ["b", "s", 32]))
        nodes.append(make("Identity", ["sum"], ["again"]))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", "s", 64])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    file = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), file)
    return file, (codes.astype("f4") - (zero_point or 0)) * scales


@pytest.mark.parametrize("zero_point", [None, 5])
def test_a_product_is_of_the_source_itself_and_the_weight_that_its_codes_stand_for(
    tmp_path: Path, zero_point: int | None
) -> None:
    file, weight = product(tmp_path, zero_point)
    compiled = openvino.Core().compile_model(read_openvino(file), "CPU", IN_FLOAT | {GROUP_SIZE: "0"})
    x = np.random.default_rng(0).normal(size=(2, 5, 64)).astype("f4")
    np.testing.assert_allclose(compiled({"x": x})["y"], x @ weight, rtol=1e-4, atol=1e-4)


def test_a_product_whose_integers_are_read_elsewhere_stays_as_it_is(tmp_path: Path) -> None:
    file, weight = product(tmp_path, None, extra_reader=True)
    assert not list(coded_products(onnx.load(file)))
    x = np.random.default_rng(0).normal(size=(1, 3, 64)).astype("f4")
    compiled = openvino.Core().compile_model(read_openvino(file), "CPU", IN_FLOAT)
    np.testing.assert_allclose(compiled({"x": x})["y"], x @ weight, atol=0.05 * np.abs(x @ weight).max())


@pytest.mark.parametrize("fields", [{}, {"per_channel": False}, {"embeddings": "int4"}])
def test_every_product_of_dynamic_int8_runs_on_codes(world: TinyWorld, fields: dict[str, object]) -> None:
    artifact = dynamic(world, **fields)
    file = artifact.file("model.onnx")
    products = list(coded_products(onnx.load(file)))
    assert len(products) == artifact.manifest.notes["quantized_nodes"]["MatMul"]
    compiled = openvino.Core().compile_model(read_openvino(file), "CPU", IN_FLOAT | {GROUP_SIZE: "16"})
    kinds = layers(compiled)
    assert kinds["FullyConnected", "i8"] == len(products)
    assert {kind for kind, precision in kinds if kind == "FullyConnected" and precision != "i8"} == set()


def test_an_answer_does_not_depend_on_what_else_is_in_its_batch(world: TinyWorld) -> None:
    artifact = dynamic(world)
    ids = np.array([[0, 5, 6, 7, 8, 2], [0, 40, 41, 30, 9, 2], [0, 11, 12, 13, 20, 2]])
    drift = {}
    for runtime in ("onnxruntime", "openvino"):
        session = RUNTIMES.load(runtime).open(artifact, 1)
        together = session.run(ids, np.ones_like(ids))
        alone = np.concatenate([session.run(row[None], np.ones_like(row[None])) for row in ids])
        drift[runtime] = np.abs(together - alone).max()
    assert drift["openvino"] < 1e-5 < drift["onnxruntime"]


def test_groups_of_activations_are_obeyed_and_zero_leaves_them_in_float(world: TinyWorld) -> None:
    artifact, runtime = dynamic(world), RUNTIMES.load("openvino")
    ids = np.array([[0, 5, 6, 7, 8, 2]])
    exact, grouped = (
        runtime.open(artifact, 1, {"group_size": size}).run(ids, np.ones_like(ids)) for size in (0, 16)
    )
    float_answer = runtime.open(world.exported(world.source("tagging")), 1).run(ids, np.ones_like(ids))
    assert not np.array_equal(exact, grouped)
    np.testing.assert_allclose(grouped, exact, atol=0.02 * np.abs(exact).max())
    np.testing.assert_allclose(exact, float_answer, atol=0.05 * np.abs(float_answer).max())


def test_what_is_written_is_what_was_read_with_its_groups(world: TinyWorld, tmp_path: Path) -> None:
    artifact = dynamic(world)
    ids = np.array([[0, 5, 6, 7, 8, 2]])
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    scored = RUNTIMES.load("openvino").open(artifact, 1, {"group_size": 64}).run(ids, np.ones_like(ids))
    graph, weights = save_openvino(artifact.file("model.onnx"), tmp_path, 64)
    assert (graph.name, weights.name) == (IR, "openvino_model.bin") and weights.stat().st_size > 0
    compiled = openvino.Core().compile_model(str(graph), "CPU", IN_FLOAT)
    assert compiled.get_property(GROUP_SIZE) == 64
    np.testing.assert_array_equal(compiled(given)["logits"], scored)


@pytest.mark.parametrize("head", ["tagging", "encoder"])
def test_a_folder_of_layout_openvino_holds_its_files_alone(
    world: TinyWorld, tmp_path: Path, head: str
) -> None:
    made = deploy(dynamic(world, head), tmp_path, "openvino")
    made.verify()
    assert {IR, "openvino_model.bin", "config.json", "tokenizer.json"} <= set(made.manifest.files)
    assert not list(tmp_path.glob("*.onnx*"))
    assert ("modules.json" in made.manifest.files) == (head == "encoder")


def test_what_openvino_cannot_read_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"model\.onnx: openvino cannot read it"):
        read_openvino(tmp_path / "model.onnx")


@pytest.mark.parametrize(("attention", "precision"), [("float", "f32"), ("int8", "i8")])
def test_attention_of_codes_runs_in_integers(tmp_path: Path, attention: str, precision: str) -> None:
    """OpenVINO runs both products of a layer's attention and the softmax between them as one subgraph."""
    step = STEPS.load("quantize_static").model_validate({"calibration": TEXT_QUICK, "attention": attention})
    made = apply(step, onnx_model("tagging"), tmp_path / "made")
    kinds = layers(openvino.Core().compile_model(read_openvino(made.file("model.onnx")), "CPU", IN_FLOAT))
    assert {kind: count for kind, count in kinds.items() if kind[0] in ("Subgraph", "MatMul")} == {
        ("Subgraph", precision): 2
    }
    if attention == "int8":  # what attention gives is codes from there on: nothing of it is turned in float
        turned = {kind: count for kind, count in kinds.items() if kind[0] == "Transpose" and kind[1] != "i8"}
        assert turned == {("Transpose", "u8"): 2}
