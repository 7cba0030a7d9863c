"""Sparse artifacts have the zeros asked for, are fitted layer after layer, and shrink when packed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import load_file

from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.ordering import broken_here
from xpareto.compress.core.step import ChainState, Context, DataNeed, IncompatibleStep
from xpareto.compress.data.calibration import Calibration, draw
from xpareto.compress.models.checkpoint import load_model
from xpareto.compress.onnx.sparse import packed, with_packed_zeros
from xpareto.compress.pruning.layer_inputs import visit_linears
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.compress.steps.pack_sparse import STEP as PACK
from xpareto.compress.steps.prune_sparse import STEP
from xpareto.compress.steps.quantize_dynamic import STEP as QUANTIZE

HEADS = ("encoder", "mlm", "classification", "tagging", "qa", "choice")
FEW = {"examples": 9, "max_length": 12}


def made(step: Any, source: Artifact, target: Path, context: Context) -> Artifact:
    target.mkdir()
    result = step.apply(source, target, context)
    manifest = Manifest({}, result.format, result.head, result.labels, result.training_set, result.layer)
    return seal(target, replace(manifest, notes=result.notes))


def sparse(source: Artifact, target: Path, context: Context, **fields: Any) -> Artifact:
    if fields.get("method") != "magnitude":
        fields = {"calibration": FEW, **fields}
    return made(STEP.model_validate(fields), source, target, context)


def products(artifact: Artifact) -> dict[str, np.ndarray]:
    return {
        name: array
        for name, array in load_file(artifact.file("model.safetensors")).items()
        if ".layer." in name and array.ndim == 2
    }


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("method", ["magnitude", "wanda", "sparsegpt"])
def test_every_matrix_of_the_layers_and_nothing_else_becomes_sparse(
    tiny: Any, tiny_context: Context, tmp_path: Path, head: Any, method: str
) -> None:
    source = tiny(head, 2 if head == "encoder" else None)
    found = sparse(source, tmp_path / "sparse", tiny_context, method=method)
    before = load_file(source.file("model.safetensors"))
    after = load_file(found.file("model.safetensors"))
    chosen = products(found)
    assert len(chosen) == 18
    for name, array in chosen.items():
        assert (array == 0).mean() == pytest.approx(0.5, abs=0.01), name
        if method != "sparsegpt":
            assert (array == before[name])[array != 0].all()
    assert set(after) == set(before)
    assert all((after[name] == before[name]).all() for name in after if name not in chosen)
    own, others = found.manifest, source.manifest
    assert (own.head, own.labels, own.layer) == (others.head, others.labels, others.layer)
    again = sparse(source, tmp_path / "again", replace(tiny_context, seed=5), method=method)
    assert again.digest == found.digest
    notes = own.notes
    assert notes["zeros"] * 2 == notes["weights"] == sum(array.size for array in chosen.values())
    assert notes["deflated_bytes"] < notes["deflated_bytes_before"]
    assert "latency and memory stay" in notes["runtimes"]


@pytest.mark.parametrize("method", ["magnitude", "wanda", "sparsegpt"])
def test_the_pattern_holds_in_every_four_inputs(
    tiny: Any, tiny_context: Context, tmp_path: Path, method: str
) -> None:
    found = sparse(tiny("encoder"), tmp_path / "sparse", tiny_context, method=method, pattern="2:4")
    for array in products(found).values():
        assert ((array.reshape(len(array), -1, 4) != 0).sum(-1) == 2).all()


def test_wanda_drops_by_the_inputs_that_the_sparse_layers_below_give(
    tiny: Any, tiny_context: Context, tmp_path: Path
) -> None:
    source = tiny("encoder")
    found = sparse(source, tmp_path / "sparse", tiny_context, method="wanda")
    model: Any = load_model(found.path, "encoder")
    calibration = draw(
        Calibration.model_validate(FEW), tiny_context.provider, source.file("tokenizer.json"), 24, 0
    )
    # The query of the last layer reads what the sparse layers below give: catch it in the finished model.
    caught: list[torch.Tensor] = []
    name = "encoder.layer.2.attention.self.query"
    hook = model.get_submodule(name).register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    squares = torch.zeros(16, dtype=torch.float64)
    for batch in calibration.batches(4):
        mask = torch.from_numpy(batch.attention_mask)
        with torch.inference_mode():
            model(input_ids=torch.from_numpy(batch.input_ids), attention_mask=mask)
        squares += (caught.pop()[mask == 1].double() ** 2).sum(0)
    hook.remove()
    whole = load_file(source.file("model.safetensors"))[f"{name}.weight"]
    scores = np.abs(whole) * squares.sqrt().numpy()
    stay = products(found)[f"{name}.weight"] != 0
    for row, there in zip(scores, stay, strict=True):
        assert set(np.argsort(row)[8:]) == set(np.flatnonzero(there))


def test_the_sums_over_inputs_do_not_depend_on_padding(tiny: Any, tiny_context: Context) -> None:
    source = tiny("encoder")
    calibration = draw(
        Calibration.model_validate(FEW), tiny_context.provider, source.file("tokenizer.json"), 24, 0
    )
    found: list[dict[str, Any]] = []
    for size in (1, 9):
        sums: dict[str, Any] = {}
        model = load_model(source.path, "encoder")
        visit_linears(
            model, calibration.batches(size), lambda name, _, total, sums=sums: sums.update({name: total})
        )
        found.append(sums)
    assert len(found[0]) == 18 and list(found[0]) == list(found[1])
    for name, total in found[0].items():
        np.testing.assert_allclose(total, found[1][name], rtol=1e-4, atol=1e-4)


def test_sparsegpt_keeps_more_than_magnitude(tiny: Any, tiny_context: Context, tmp_path: Path) -> None:
    source = tiny("encoder")
    ids = torch.from_numpy(np.random.default_rng(1).integers(4, 96, (8, 12)))
    states = {}
    for name in ("whole", "magnitude", "sparsegpt"):
        artifact = source
        if name != "whole":
            artifact = sparse(source, tmp_path / name, tiny_context, method=name)
        with torch.inference_mode():
            states[name] = load_model(artifact.path, "encoder")(input_ids=ids).last_hidden_state
    lost = {name: float((states[name] - states["whole"]).norm()) for name in ("magnitude", "sparsegpt")}
    assert lost["sparsegpt"] < 0.8 * lost["magnitude"]


def test_excluded_matrices_stay_whole(tiny: Any, tiny_context: Context, tmp_path: Path) -> None:
    patterns = ["encoder.layer.0.*", "*.query"]
    found = sparse(
        tiny("encoder"),
        tmp_path / "sparse",
        tiny_context,
        method="magnitude",
        exclude=patterns,
        sparsity=0.75,
    )
    for name, array in products(found).items():
        whole = "layer.0." in name or "query" in name
        assert (array == 0).mean() == (0.0 if whole else 0.75), name
    with pytest.raises(InputError, match="no matrix is left"):
        sparse(tiny("encoder"), tmp_path / "none", tiny_context, exclude=["*"])
    with pytest.raises(InputError, match="matches no node"):
        sparse(tiny("encoder"), tmp_path / "wrong", tiny_context, exclude=["*.querry"])


@pytest.mark.parametrize("int8", [False, True], ids=["float32", "int8"])
def test_a_packed_model_is_smaller_and_answers_the_same(
    tiny: Any, tiny_context: Context, tmp_path: Path, int8: bool
) -> None:
    import onnx
    import onnxruntime

    source = sparse(tiny("tagging"), tmp_path / "sparse", tiny_context, sparsity=0.75)
    dense = made(EXPORT(), source, tmp_path / "onnx", tiny_context)
    if int8:
        dense = made(QUANTIZE(), dense, tmp_path / "int8", tiny_context)
    found = made(PACK(), dense, tmp_path / "packed", tiny_context)
    notes = found.manifest.notes
    assert notes["matrices"] == 18
    share = notes["matrix_bytes"] / notes["matrix_bytes_before"]
    assert share == pytest.approx(0.25 + (1 / 8 if int8 else 1 / 32), abs=0.04)
    assert all(drift["max_abs_diff"] <= 1e-5 for drift in notes["drift"].values())
    # The graph that runs is the one before: everything is unpacked when the session is made.
    operators = []
    for artifact in (dense, found):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        onnxruntime.InferenceSession(artifact.file("model.onnx"), options, providers=["CPUExecutionProvider"])
        graph = onnx.load(tmp_path / "optimised.onnx").graph
        operators.append(sorted(node.op_type for node in graph.node))
    assert operators[0] == operators[1]
    again = made(PACK(), dense, tmp_path / "again", tiny_context)
    assert again.digest == found.digest


@pytest.mark.parametrize("shape", [(3, 5), (4, 8), (1, 1), (7, 16)])
@pytest.mark.parametrize("kind", [np.float32, np.int8, np.uint8])
def test_the_standard_evaluates_a_packed_matrix_to_the_dense_one(shape: tuple[int, int], kind: Any) -> None:
    from onnx import TensorProto, checker, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    random = np.random.default_rng(0)
    array = (random.integers(1, 100, shape) * (random.random(shape) < 0.2)).astype(kind)
    out = helper.make_tensor_value_info("out", helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)
    node = helper.make_node("Identity", ["matrix"], ["out"])
    graph = helper.make_graph([node], "g", [], [out], [numpy_helper.from_array(array, "matrix")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    before = model.SerializeToString()
    found, sizes = with_packed_zeros(model)
    assert model.SerializeToString() == before
    checker.check_model(found, full_check=True)
    (given,) = ReferenceEvaluator(found).run(None, {})
    np.testing.assert_array_equal(given, array)
    assert given.dtype == array.dtype and TensorProto
    values, bits = packed(array)
    smaller = values.nbytes + bits.nbytes < array.nbytes
    assert sizes == ({"matrix": (array.nbytes, values.nbytes + bits.nbytes)} if smaller else {})


def test_a_dense_model_is_left_as_it_is(tiny: Any, tiny_context: Context, tmp_path: Path) -> None:
    dense = made(EXPORT(), tiny("tagging"), tmp_path / "onnx", tiny_context)
    found = made(PACK(), dense, tmp_path / "packed", tiny_context)
    assert found.manifest.notes["matrices"] == 0
    assert found.manifest.notes["drift"]["logits"]["max_abs_diff"] == 0.0


@pytest.mark.parametrize(
    "fields",
    [{"sparsity": 0.0}, {"sparsity": 1.0}, {"pattern": "2:4", "sparsity": 0.6}, {"damp": 0.0}, {"only": []}],
)
def test_fields_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        STEP.model_validate(fields)


def test_what_it_takes_reads_and_what_may_stand_around_it() -> None:
    torch_flow, forked = ChainState("torch", "mlm"), ChainState("torch", None, forked=True)
    assert STEP().follow(torch_flow, {}) == torch_flow
    assert STEP().reads() == (DataNeed("text", "parallel"),)
    assert STEP(method="magnitude").reads() == ()
    assert STEP(only=["xnli"]).follow(forked, {}) == forked
    assert [STEP(only=["xnli"]).acts_on(name) for name in ("xnli", "udpos")] == [True, False]
    with pytest.raises(IncompatibleStep, match="no models per training set"):
        STEP(only=["xnli"]).follow(torch_flow, {})
    with pytest.raises(IncompatibleStep, match="given onnx"):
        STEP().follow(ChainState("onnx", "encoder"), {})
    with pytest.raises(IncompatibleStep, match="Put export_onnx before it"):
        PACK().follow(torch_flow, {})
    for name in ("train", "distill"):
        assert "fills the zeros again" in str(broken_here(name, (), [("prune_sparse", STEP.rules)]))
    assert "only sparse weights" in str(broken_here("pack_sparse", PACK.rules, [("export_onnx", ())]))
    done = [("prune_sparse", STEP.rules), ("export_onnx", ()), ("pack_sparse", PACK.rules)]
    assert "packed away" in str(broken_here("quantize_dynamic", (), done))
