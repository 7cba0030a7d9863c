"""Tidy an exported graph: readable names, named axes, only the outputs asked for, no trace of its maker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import onnx_ir

MODEL = "model.onnx"
SIDECAR = "model.onnx_data"  # as optimum and the hub call it
SINGLE_FILE_LIMIT_BYTES = 16_000_000
"""Weights of more bytes lie beside the graph, from where a runtime maps them. Of one file it copies them twice while it
loads (870 MB at the peak for 470 MB of weights, against 140 MB and a seventh of the time), and above 2 GiB
protobuf refuses it."""

Precision = Literal["fp32", "fp16", "q8", "q4"]
"""As transformers.js calls them (`dtype`)."""
_CODES = ("INT8", "UINT8", "INT4", "UINT4")  # of which no float graph has a weight
AXES = ("batch_size", "sequence_length")
_SCOPES = "pkg.torch.onnx.name_scopes"


def tidy(program: onnx_ir.Model, outputs: Sequence[str]) -> None:
    """Change a freshly exported program in place into what we ship.

    `outputs` names the outputs that stay, in order; others are dropped, with the nodes that only they
    need. Node names become `module.path/Operator`, anonymous weights `module.path.weight_transposed`,
    symbolic axes `batch_size` and `sequence_length`.
    """
    keep_outputs(program, outputs)
    name_nodes(program)
    name_axes(program)
    strip(program)


def keep_outputs(program: onnx_ir.Model, outputs: Sequence[str]) -> None:
    """Keep the named outputs, in the order given; drop the others and what only they need."""
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    graph = program.graph
    outputs_by_name = {value.name: value for value in graph.outputs}
    graph.outputs.clear()
    graph.outputs.extend(outputs_by_name[name] for name in outputs)
    RemoveUnusedNodesPass()(program)


def name_nodes(program: onnx_ir.Model) -> None:
    """Name each node after the torch module it comes from, and its nameless weight likewise."""
    import ast

    seen: Counter[str] = Counter()
    initializers = program.graph.initializers
    for node in program.graph:
        scopes = ast.literal_eval(node.metadata_props.get(_SCOPES, "['', '']"))
        # Some nodes come from a hook of the exporter, which calls itself a scope: "_empty_nn_module...".
        scope = scopes[-2] if len(scopes) > 1 and scopes[-2][:1].isalpha() else "graph"
        name = f"{scope}/{node.op_type}"
        seen[name] += 1
        node.name = name if seen[name] == 1 else f"{name}_{seen[name]}"
        for value in node.inputs:
            anonymous = value is not None and (value.name or "").startswith("val_")
            if value is None or not anonymous or value.name not in initializers:
                continue
            if node.op_type == "MatMul" and scope != "graph":
                wanted = f"{scope}.weight_transposed"
                if wanted not in initializers:
                    value.name = wanted


def name_axes(program: onnx_ir.Model) -> None:
    """Give the symbols of the inputs' two axes one name each, wherever they occur in the graph."""
    import onnx_ir

    graph = program.graph
    symbols = {}
    for value in graph.inputs:
        assert value.shape is not None and len(value.shape) == len(AXES), value
        for axis, name in zip(value.shape, AXES, strict=True):
            if not isinstance(axis, onnx_ir.SymbolicDim):
                raise ValueError(f"{value.name}: axis {name} was frozen to {axis} by the exporter.")
            symbols[axis.value] = name
    values = [*graph.inputs, *graph.outputs, *(value for node in graph for value in node.outputs)]
    for value in values:
        if value.shape is None:
            continue
        for index, axis in enumerate(value.shape):
            if isinstance(axis, onnx_ir.SymbolicDim) and axis.value in symbols:
                value.shape[index] = symbols[axis.value]


def strip(program: onnx_ir.Model) -> None:
    """Remove doc strings and metadata: they hold stack traces with paths of the exporting machine.

    The shapes of inner values go too: a runtime infers them, and quantization would have to keep
    them right.
    """
    graph = program.graph
    program.metadata_props.clear()
    program.doc_string = graph.doc_string = None
    program.producer_name, program.producer_version = "xpareto", ""
    graph.name = "main_graph"
    graph.metadata_props.clear()
    boundary = {id(value) for value in (*graph.inputs, *graph.outputs)}
    values = [*graph.inputs, *graph.outputs, *graph.initializers.values()]
    for node in graph:
        node.doc_string = None
        node.metadata_props.clear()
        node.meta.clear()
        for value in node.outputs:
            values.append(value)
            if id(value) not in boundary:
                value.shape, value.type = None, None
    for value in values:
        value.doc_string = None
        value.metadata_props.clear()
        if value.const_value is not None:
            value.const_value.doc_string = None
            value.const_value.metadata_props.clear()


def weight_bytes(program: onnx_ir.Model) -> int:
    """Return the bytes of all initializers."""
    tensors = (value.const_value for value in program.graph.initializers.values())
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)


def save(program: onnx_ir.Model, folder: Path, name: str = MODEL) -> Sequence[str]:
    """Write a graph into the folder, its weights beside it above the limit; return the file names."""
    import onnx_ir

    if weight_bytes(program) <= SINGLE_FILE_LIMIT_BYTES:
        onnx_ir.save(program, folder / name)
        return (name,)
    sidecar = f"{name}{SIDECAR.removeprefix(MODEL)}"
    onnx_ir.save(program, folder / name, external_data=sidecar)
    return (name, sidecar)


def precision(program: onnx_ir.Model) -> Precision:
    """Return how most of a graph's weights are kept: in 4 bits that products read, in 8 or fewer, or in floats."""

    if any(node.op_type == "MatMulNBits" and node.attributes["bits"].as_int() == 4 for node in program.graph):
        return "q4"
    kept: Counter[str] = Counter()
    for value in program.graph.initializers.values():
        if value.const_value is not None:
            kept[value.const_value.dtype.name] += value.const_value.nbytes
    if any(kind in _CODES for kind in kept):
        return "q8"
    return "fp16" if kept["FLOAT16"] > kept["FLOAT"] else "fp32"
